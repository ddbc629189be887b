"""A PostgreSQL table with every type that matters, and its rows as they must be read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

MAKE = """
CREATE TYPE mood AS ENUM ('sad', 'happy 🦔');
CREATE DOMAIN cents AS numeric(12, 2);
CREATE DOMAIN positive AS cents CHECK (VALUE > 0);
CREATE TABLE kinds (
    id bigint PRIMARY KEY,
    small smallint, plain integer, yes boolean,
    price numeric(10, 2), wide numeric(50, 3), free numeric, domain positive, money money,
    r real, d double precision,
    t text, c char(3), j json, jb jsonb, u uuid, e mood,
    raw bytea,
    day date, local timestamp, instant timestamptz, clock time, span interval,
    numbers bigint[], words text[], floats double precision[], grid int[][], moods mood[], instants timestamptz[],
    net inet, bits bit(3), "odd "" name, with {0} braces" integer
);
INSERT INTO kinds VALUES
 (1, 32767, -2147483648, true, 12.50, 12345678901234567890123456789012345678901234567.123, 0.1, 5, 12.34, 1.5, 0.1,
  E'line\\nbreak, "quotes" and \\\\.', 'ab', '{"a": [1, null]}', '{"b": 1e3}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  'happy 🦔', '\\x00ff0a', '2026-02-28', '2026-02-28 23:59:59.999999', '2026-02-28 23:59:59.999999+02',
  '12:30', '1 day 2 hours',
  '{1,NULL,9223372036854775807}', '{a,"b,c",NULL,"NULL","é\\""}', '{NaN,Infinity,0.5}', '{{1,2},{3,4}}', '{sad}',
  '{"2026-01-01 00:00:00+00"}', '10.0.0.1', B'101', 7),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, 0, 0, false, 0, 0, 'NaN', 0.01, -1, 'NaN', '-Infinity', '', '', 'null', 'null',
  '00000000-0000-0000-0000-000000000000', 'sad', '', 'infinity', '-infinity', 'infinity',
  '00:00', '0', '{}', '{}', '{}',
  '{}', '{}', '{}', '::1', B'000', 0),
 (4, 1, 1, true, 99999999.99, -0.001, 1e-20, 1, 0, '3.4e38', 4.9e-324, '🦔', '🦔', '"x"', '[]',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 'sad', '\\xff', '0001-01-01', '5000-01-01', '1969-12-31 23:59:59.999999+00',
  '24:00', '-1 month',
  '{-9223372036854775808}', '{"",🦔}', '{NULL}', NULL, NULL, NULL, NULL, NULL, -1),
 (9223372036854775807, 1, 1, true, 1, 1, 123456789012345678901234567890.5, 1, 1, 1, 1, 'last', 'x', '1', '1',
  '00000000-0000-0000-0000-000000000001', 'sad', '\\x01', '1970-01-01', '1970-01-01', '1970-01-01 00:00:00+00',
  '01:02:03.5', '1 second',
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""

_FIRST, _LAST = datetime(1900, 1, 1), datetime(2299, 12, 31, 23, 59, 59, 999999)
_D = Decimal

_COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "id": (pa.int64(), [1, 2, 3, 4, 2**63 - 1]),
    "small": (pa.int16(), [32767, None, 0, 1, 1]),
    "plain": (pa.int32(), [-(2**31), None, 0, 1, 1]),
    "yes": (pa.bool_(), [True, None, False, True, True]),
    "price": (pa.decimal128(10, 2), [_D("12.50"), None, _D("0.00"), _D("99999999.99"), _D("1.00")]),
    "wide": (
        pa.decimal256(50, 3),
        [_D("12345678901234567890123456789012345678901234567.123"), None, _D("0.000"), _D("-0.001"), _D("1.000")],
    ),
    "free": (
        pa.decimal256(76, 20),
        [_D("0.1"), None, None, _D("0.00000000000000000001"), _D("123456789012345678901234567890.5")],
    ),
    "domain": (pa.decimal128(12, 2), [_D("5.00"), None, _D("0.01"), _D("1.00"), _D("1.00")]),
    "money": (pa.decimal256(76, 20), [_D("12.34"), None, _D(-1), _D(0), _D(1)]),
    "r": (pa.float32(), [1.5, None, float("nan"), 3.4e38, 1.0]),
    "d": (pa.float64(), [0.1, None, float("-inf"), 5e-324, 1.0]),
    "t": (pa.string(), ['line\nbreak, "quotes" and \\.', None, "", "🦔", "last"]),
    "c": (pa.string(), ["ab", None, "", "🦔", "x"]),
    "j": (pa.string(), ['{"a": [1, null]}', None, "null", '"x"', "1"]),
    "jb": (pa.string(), ['{"b": 1000}', None, "null", "[]", "1"]),
    "u": (
        pa.string(),
        [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            None,
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-000000000001",
        ],
    ),
    "e": (pa.string(), ["happy 🦔", None, "sad", "sad", "sad"]),
    "raw": (pa.binary(), [b"\x00\xff\n", None, b"", b"\xff", b"\x01"]),
    "day": (pa.date32(), [date(2026, 2, 28), None, _LAST.date(), _FIRST.date(), date(1970, 1, 1)]),
    "local": (
        pa.timestamp("us"),
        [datetime(2026, 2, 28, 23, 59, 59, 999999), None, _FIRST, _LAST, datetime(1970, 1, 1)],
    ),
    "instant": (
        pa.timestamp("us", "UTC"),
        [
            datetime(2026, 2, 28, 21, 59, 59, 999999, UTC),
            None,
            _LAST.replace(tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
        ],
    ),
    "clock": (pa.string(), ["12:30:00", None, "00:00:00", "24:00:00", "01:02:03.5"]),
    "span": (pa.string(), ["P1DT2H", None, "PT0S", "P-1M", "PT1S"]),
    "numbers": (pa.list_(pa.int64()), [[1, None, 2**63 - 1], None, [], [-(2**63)], None]),
    "words": (pa.list_(pa.string()), [["a", "b,c", None, "NULL", 'é"'], None, [], ["", "🦔"], None]),
    "floats": (pa.list_(pa.float64()), [[float("nan"), float("inf"), 0.5], None, [], [None], None]),
    "grid": (pa.string(), ["[[1,2],[3,4]]", None, "[]", None, None]),
    "moods": (pa.list_(pa.string()), [["sad"], None, [], None, None]),
    "instants": (pa.list_(pa.string()), [["2026-01-01T00:00:00+00:00"], None, [], None, None]),
    "net": (pa.string(), ["10.0.0.1", None, "::1", None, None]),
    "bits": (pa.string(), ["101", None, "000", None, None]),
    'odd " name, with {0} braces': (pa.int32(), [7, None, 0, -1, None]),
}
ROWS = pa.table({name: pa.array(values, kind) for name, (kind, values) in _COLUMNS.items()})


def config_of(url: str, **more: Any) -> Mapping[str, Any]:
    """A source's configuration for a database's URL."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "database": parts.path.lstrip("/"),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or "none is asked for"),
        "schema": "public",
        **more,
    }
