"""PostgreSQL's binary rows: what is decoded here is what the server itself writes as text."""

import struct
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.postgres import PostgresConnector
from hedgerow.connectors.postgres.cells import Unreadable, cells
from hedgerow.connectors.postgres.copying import Lines
from hedgerow.connectors.postgres.values import FIXED, column
from tests.connectors.postgres_tables import config_of


def _read(connector: PostgresConnector, url: str, table: str = "t", **ask: Any) -> pa.Table:
    return pa.Table.from_batches(list(connector.read(config_of(url), Ask(table, **ask))))


@pytest.mark.parametrize(
    "digits", [(1, 0), (4, 4), (9, 3), (12, 2), (18, 0), (18, 1), (18, 18), (19, 2), (38, 37), (40, 5)]
)
def test_numbers_are_those_that_the_server_writes(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str, digits: tuple[int, int]
) -> None:
    precision, scale = digits
    database.execute(
        f"CREATE TABLE t AS SELECT i AS id, v::numeric({precision}, {scale}) AS n FROM generate_series(0, 3000) i, "
        f"LATERAL (SELECT CASE WHEN i % 97 = 0 THEN NULL WHEN i % 89 = 0 THEN 'NaN' "
        f"ELSE (CASE WHEN i % 2 = 0 THEN -1 ELSE 1 END) * trunc(power(10::numeric, i % {precision + 1}) * "
        f"(i / 3001.0 + 0.00033), 0) / power(10::numeric, {scale}) END) AS made (v)"
    )
    read = _read(connector, postgres_url, cursor="id")
    written = database.execute("SELECT n::text FROM t ORDER BY id").fetchall()
    expected = [None if text in (None, "NaN") else Decimal(text) for (text,) in written]
    assert len({*expected}) > 5
    assert [str(value) for value in read["n"].to_pylist()] == [str(value) for value in expected]


def test_columns_are_read_together_only_while_none_of_them_is_null(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    columns = {
        "small": "(i % 300)::int2",
        "at": "'2026-01-01Z'::timestamptz + i * interval '1 second'",
        "tag": "md5(i::text)::uuid",
        "note": "repeat('x', i % 5)",
        "part": "(i / 7.0)::float4",
        "day": "'2026-01-01'::date + i % 365",
        "yes": "i % 3 = 0",
        "price": "(i * 0.25)::numeric(12, 2)",
        "whole": "i::int4",
    }
    chosen = ", ".join(
        f"CASE WHEN i > 20000 AND (i + {place}) % 11 = 0 THEN NULL ELSE {made} END AS {name}"
        for place, (name, made) in enumerate(columns.items())
    )
    database.execute(f"CREATE TABLE t AS SELECT i AS id, {chosen} FROM generate_series(1, 40000) i")
    read = _read(connector, postgres_url, cursor="id").to_pydict()
    written = database.execute("SELECT *, tag::text FROM t ORDER BY id").fetchall()
    assert read["id"] == list(range(1, 40_001))
    for place, name in enumerate(columns, 1):
        expected = [row[-1 if name == "tag" else place] for row in written]
        if name == "part":
            expected = pa.array(expected, pa.float32()).to_pylist()
        assert read[name] == expected, name


def test_bounds_of_numbers_and_times_survive(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute(
        "CREATE TABLE t (n numeric(18, 2), s int2, i int4, b int8, o oid, x xid, f float4, d float8); "
        "INSERT INTO t VALUES "
        "(9999999999999999.99, -32768, -2147483648, -9223372036854775808, 4294967295, '4294967295', '-0', '-0'), "
        "(-9999999999999999.99, 32767, 2147483647, 9223372036854775807, 0, '0', '1e-45', '5e-324')"
    )
    first, second = _read(connector, postgres_url).to_pylist()
    assert list(map(repr, first.values())) == [
        *("Decimal('9999999999999999.99')", "-32768", "-2147483648", "-9223372036854775808"),
        *("4294967295", "4294967295", "-0.0", "-0.0"),
    ]
    assert list(second.values())[:6] == [Decimal("-9999999999999999.99"), 32767, 2**31 - 1, 2**63 - 1, 0, 0]
    assert second["d"] == 5e-324
    assert 0 < second["f"] < 1.5e-45


def test_a_type_of_the_users_is_not_taken_for_one_of_the_servers(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute(
        "CREATE TYPE public.uuid AS ENUM ('one'); CREATE TYPE public.date AS (day int, note text); "
        "CREATE TABLE t (u public.uuid, d public.date, m public.uuid[]); "
        "INSERT INTO t VALUES ('one', ROW(1, 'a, b'), '{one}'), (NULL, ROW(NULL, NULL), NULL), ('one', NULL, '{}')"
    )
    assert _read(connector, postgres_url).to_pylist() == [
        {"u": "one", "d": '(1,"a, b")', "m": ["one"]},
        {"u": None, "d": "(,)", "m": None},
        {"u": "one", "d": None, "m": []},
    ]


@pytest.mark.parametrize("name", ["case", "concat", "array_to_json", "t"])
def test_a_cursor_may_be_called_what_expressions_are(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str, name: str
) -> None:
    database.execute(
        f"CREATE TABLE t (\"{name}\" int, a inet); INSERT INTO t VALUES (2, '::1'), (1, '::2'), (3, '::0')"
    )
    assert _read(connector, postgres_url, cursor=name)[name].to_pylist() == [1, 2, 3]


def test_as_many_columns_as_a_table_can_have(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    names = [f"c{number}" for number in range(1600)]
    database.execute(f"CREATE TABLE t ({', '.join(f'{name} smallint' for name in names)})")
    database.execute(f"INSERT INTO t SELECT {', '.join(map(str, range(1600)))} FROM generate_series(1, 3)")
    database.execute("INSERT INTO t DEFAULT VALUES")
    read = _read(connector, postgres_url)
    assert [column.to_pylist() for column in read.columns] == [[n, n, n, None] for n in range(1600)]


def test_text_that_is_no_utf8_is_refused(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    name = f"{config_of(postgres_url)['database']}_ascii"
    database.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        url = postgres_url.replace(config_of(postgres_url)["database"], name)
        with psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII") as other:
            other.execute(b"CREATE TABLE t (v text); INSERT INTO t VALUES (E'\\xff')")
        with pytest.raises(Refused, match="UTF8"):
            _read(connector, url)
    finally:
        database.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _lines(*rows: bytes) -> Lines:
    return Lines(bytearray(b"".join(rows)), [len(row) for row in rows])


@pytest.mark.parametrize(
    ("row", "kind", "wire"),
    [
        (b"\x00\x02\x00\x00\x00\x00", pa.int32(), "int4"),  # two values where one is told of
        (b"\x00\x01\x00\x00\x00\x09abcd", pa.string(), "text"),  # longer than its row
        (b"\x00\x01\x00\x00\x00\x02abcd", pa.string(), "text"),  # shorter
        (b"\x00\x01\x00\x00\x00\x02ab", pa.int32(), "int4"),
        (b"\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01\x00", pa.int32(), "int4"),  # one byte too many
        (b"\x00\x01\x00\x00\x00\x04\x00\x00", pa.int32(), "int4"),
        (b"\x00\x01\x00\x00\x00\x20" + struct.pack(">16h", 12, *[0] * 15), pa.decimal128(9, 2), "numeric"),
        (b"\x00\x01\x00\x00\x00\x03\x02{}", pa.string(), "jsonb"),  # a version to come
        (b"\x00\x01\x00\x00\x00\x0a" + struct.pack(">5h", 3, 0, 0, 0, 1), pa.decimal128(9, 2), "numeric"),
    ],
)
def test_bytes_that_are_no_rows_are_refused(row: bytes, kind: pa.DataType, wire: Any) -> None:
    with pytest.raises(Unreadable):
        _ = [column(found, wire, kind) for found in cells(_lines(row), [FIXED.get(wire)])]


def test_what_stands_around_rows_may_come_by_itself_or_with_them() -> None:
    head, row, end = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\x00\x01\xff\xff\xff\xff", b"\xff\xff"
    for messages in ((head + row, row, end), (head, row, row, end), (head + row, row), (head, row, row)):
        lines = _lines(*messages).without_frame(first=True)
        assert (bytes(lines.content), lines.sizes) == (row + row, [len(row)] * 2)
    for messages in ((head + end,), (head, end)):
        assert _lines(*messages).without_frame(first=True).sizes == []
    assert _lines(row, end).without_frame(first=False).sizes == [len(row)]
    for head in (b"PGCOPY\n\xff\r\n\0" + b"\0\1" + bytes(6), b"id,name\n"):
        with pytest.raises(Refused, match="form"):
            _lines(head).without_frame(first=True)
