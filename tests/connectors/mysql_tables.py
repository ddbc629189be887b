"""A MariaDB or MySQL table with every type that matters, and its rows as they must be read."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

MAKE = """
CREATE TABLE kinds (
    id bigint PRIMARY KEY,
    tiny tinyint, flag tinyint(1), small smallint, medium mediumint, plain int, big bigint,
    utiny tinyint unsigned, usmall smallint unsigned, umedium mediumint unsigned, uplain int unsigned,
    ubig bigint unsigned, filled int(8) unsigned zerofill, born year,
    price decimal(10, 2), wide decimal(60, 20), f float, d double, b1 bit(1), b33 bit(33),
    c char(5), v varchar(50), t text, mt mediumtext, lt longtext, l1 varchar(20) CHARACTER SET latin1,
    e enum('sad', 'happy 🦔'), s set('a', 'b c'), j json,
    raw varbinary(10), bl blob, lb longblob,
    day date, local datetime(6), instant timestamp(6) NULL, clock time(3),
    place point, `odd ``" name, with % and {0}` int
) CHARACTER SET utf8mb4;
""".strip()

ROWS_SQL = """
INSERT INTO kinds VALUES
 (1, -128, 1, -32768, -8388608, -2147483648, -9223372036854775808,
  255, 65535, 16777215, 4294967295, 18446744073709551615, 42, 2026,
  12.50, 1234567890123456789012345678901234567890.12345678901234567890, 0.1, 0.1,
  b'1', b'100000000000000000000000000000001',
  'ab', 'line\\nbreak, "quotes" and \\\\.\\r\\n', 'NULL', 'm', 'l', 'é',
  'happy 🦔', 'a,b c', '{"a": [1, null]}',
  x'00ff0a', x'', x'2c220a',
  '2026-02-28', '2026-02-28 23:59:59.999999', '2026-02-28 23:59:59.999999', '-838:59:59.000',
  ST_GeomFromText('POINT(1 2)'), 7),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.01, 0, -3.4e38, 4.9e-324, b'0', b'0',
  '', '', '', '', '', '', 'sad', '', '""', '', '', '',
  '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '00:00', NULL, 0),
 (4, 1, 7, 1, 1, 1, 1, 1, 1, 1, 1, 9223372036854775808, 1, 1901, 99999999.99, -0.5, 1e30, 1.7976931348623157e308,
  b'1', b'1', '🦔', '🦔', '🦔,"', '🦔', '🦔,"', 'x', '', 'b c', '[]', x'01', x'ff', x'00',
  '2026-00-10', '1000-01-01 00:00:00', '1970-01-02 00:00:01', '12:30:00.5', NULL, -1),
 (9223372036854775807, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 123456789.123456789, b'1', b'1',
  'x', 'last', 'x', 'x', 'x', 'x', 'sad', 'a', '1', x'01', x'01', x'01',
  '9999-12-31', '9999-12-31 00:00:00', '2026-01-01 00:00:00', '01:02:03.5', NULL, NULL)
""".strip()

_D = Decimal
_LAST_MOMENT = datetime(2299, 12, 31, 23, 59, 59, 999999)

_COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "id": (pa.int64(), [1, 2, 3, 4, 2**63 - 1]),
    "tiny": (pa.int8(), [-128, None, 0, 1, 1]),
    "flag": (pa.int8(), [1, None, 0, 7, 1]),
    "small": (pa.int16(), [-32768, None, 0, 1, 1]),
    "medium": (pa.int32(), [-8388608, None, 0, 1, 1]),
    "plain": (pa.int32(), [-(2**31), None, 0, 1, 1]),
    "big": (pa.int64(), [-(2**63), None, 0, 1, 1]),
    "utiny": (pa.uint8(), [255, None, 0, 1, 1]),
    "usmall": (pa.uint16(), [65535, None, 0, 1, 1]),
    "umedium": (pa.uint32(), [16777215, None, 0, 1, 1]),
    "uplain": (pa.uint32(), [2**32 - 1, None, 0, 1, 1]),
    "ubig": (pa.uint64(), [2**64 - 1, None, 0, 2**63, 1]),
    "filled": (pa.uint32(), [42, None, 0, 1, 1]),
    "born": (pa.int16(), [2026, None, 0, 1901, 2001]),
    "price": (pa.decimal128(10, 2), [_D("12.50"), None, _D("-0.01"), _D("99999999.99"), _D("1.00")]),
    "wide": (
        pa.decimal256(60, 20),
        [_D("1234567890123456789012345678901234567890.12345678901234567890"), None, _D(0), _D("-0.5"), _D(1)],
    ),
    "f": (pa.float32(), [0.1, None, -3.4e38, 1e30, 1.0]),
    "d": (pa.float64(), [0.1, None, 4.9e-324, 1.7976931348623157e308, 123456789.123456789]),
    "b1": (pa.bool_(), [True, None, False, True, True]),
    "b33": (pa.uint64(), [2**32 + 1, None, 0, 1, 1]),
    "c": (pa.string(), ["ab", None, "", "🦔", "x"]),
    "v": (pa.string(), ['line\nbreak, "quotes" and \\.\r\n', None, "", "🦔", "last"]),
    "t": (pa.string(), ["NULL", None, "", '🦔,"', "x"]),
    "mt": (pa.string(), ["m", None, "", "🦔", "x"]),
    "lt": (pa.string(), ["l", None, "", '🦔,"', "x"]),
    "l1": (pa.string(), ["é", None, "", "x", "x"]),
    "e": (pa.string(), ["happy 🦔", None, "sad", "", "sad"]),
    "s": (pa.string(), ["a,b c", None, "", "b c", "a"]),
    "j": (pa.string(), ['{"a": [1, null]}', None, '""', "[]", "1"]),
    "raw": (pa.binary(), [b"\x00\xff\n", None, b"", b"\x01", b"\x01"]),
    "bl": (pa.binary(), [b"", None, b"", b"\xff", b"\x01"]),
    "lb": (pa.binary(), [b',"\n', None, b"", b"\x00", b"\x01"]),
    "day": (pa.date32(), [date(2026, 2, 28), None, None, None, date(2299, 12, 31)]),
    "local": (
        pa.timestamp("us"),
        [datetime(2026, 2, 28, 23, 59, 59, 999999), None, None, datetime(1900, 1, 1), _LAST_MOMENT],
    ),
    "instant": (
        pa.timestamp("us", "UTC"),
        [
            datetime(2026, 2, 28, 23, 59, 59, 999999, UTC),
            None,
            None,
            datetime(1970, 1, 2, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 1, 1, tzinfo=UTC),
        ],
    ),
    "clock": (pa.string(), ["-838:59:59.000", None, "00:00:00.000", "12:30:00.500", "01:02:03.500"]),
    "place": (pa.string(), ["POINT(1 2)", None, None, None, None]),
    'odd `" name, with % and {0}': (pa.int32(), [7, None, 0, -1, None]),
}
ROWS = pa.table({name: pa.array(values, kind) for name, (kind, values) in _COLUMNS.items()})


def config_of(url: str, database: str, **changes: Any) -> dict[str, Any]:
    """The form's values for a server."""
    parts = urlsplit(url)
    found = {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": parts.username or "root",
        "password": parts.password or "",
        "database": database,
        "using_ssl": True,
        "verify_certificate": False,
    }
    return {**found, **changes}
