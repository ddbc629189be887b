"""The ClickHouse connector against a real server: every type, every way to be refused, and nothing left open."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import clickhouse_connect
import httpx
import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, SourceError, Unreachable
from hedgerow.connectors.clickhouse import ClickHouseConnector
from hedgerow.connectors.clickhouse.declaration import DECLARATION
from hedgerow.connectors.clickhouse.session import connected
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance, check_cursor
from tests.support.api_server import Answer, ApiServer, Asked
from tests.support.processes import free_port

GUARD = OutgoingGuard(allow_private=True)
INSTANT = pa.timestamp("us", "UTC")
_D = Decimal

# Column: the type there, values as SQL (`NULL` for the second row where it may be), the type here, values here.
COLUMNS: dict[str, tuple[str, list[str], pa.DataType, list[Any]]] = {
    "id": ("UInt64", ["1", "2", "18446744073709551615"], pa.uint64(), [1, 2, 2**64 - 1]),
    "i8": ("Nullable(Int8)", ["-128", "NULL", "1"], pa.int8(), [-128, None, 1]),
    "i16": ("Int16", ["-32768", "0", "1"], pa.int16(), [-32768, 0, 1]),
    "i32": ("Int32", ["-2147483648", "0", "1"], pa.int32(), [-(2**31), 0, 1]),
    "i64": ("Int64", ["-9223372036854775808", "0", "1"], pa.int64(), [-(2**63), 0, 1]),
    "u8": ("UInt8", ["255", "0", "1"], pa.uint8(), [255, 0, 1]),
    "u32": ("Nullable(UInt32)", ["4294967295", "NULL", "1"], pa.uint32(), [2**32 - 1, None, 1]),
    "i128": ("Int128", ["170141183460469231731687303715884105727", "0", "1"], pa.string(), [str(2**127 - 1), "0", "1"]),
    "yes": ("Nullable(Bool)", ["true", "NULL", "false"], pa.bool_(), [True, None, False]),
    "price": ("Decimal(10, 2)", ["12.5", "-0.01", "1"], pa.decimal128(10, 2), [_D("12.50"), _D("-0.01"), _D("1.00")]),
    "wide": (
        "Nullable(Decimal(60, 20))",
        ["'12345678901234567890.12345678901234567890'", "NULL", "1"],
        pa.decimal256(60, 20),
        [_D("12345678901234567890.12345678901234567890"), None, _D(1)],
    ),
    "f32": ("Float32", ["0.1", "nan", "-inf"], pa.float32(), [0.1, float("nan"), float("-inf")]),
    "f64": ("Nullable(Float64)", ["0.1", "NULL", "5e-324"], pa.float64(), [0.1, None, 5e-324]),
    "s": ("Nullable(String)", ["'naïve 🦔\\n\"'", "NULL", "''"], pa.string(), ['naïve 🦔\n"', None, ""]),
    "raw": ("String", ["'ok'", "unhex('ff41')", "''"], pa.string(), ["ok", "\ufffdA", ""]),
    "low": ("LowCardinality(Nullable(String))", ["'a'", "NULL", "'a'"], pa.string(), ["a", None, "a"]),
    "fixed": (
        "FixedString(3)",
        ["'abc'", "unhex('ff00')", "'x'"],
        pa.binary(),
        [b"abc", b"\xff\x00\x00", b"x\x00\x00"],
    ),
    "u": (
        "UUID",
        ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"] * 3,
        pa.string(),
        ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] * 3,
    ),
    "e": ("Enum8('sad' = 1, 'happy 🦔' = 2)", ["'happy 🦔'", "'sad'", "1"], pa.string(), ["happy 🦔", "sad", "sad"]),
    "ip": ("IPv6", ["'::1'", "'2001:db8::2'", "'::'"], pa.string(), ["::1", "2001:db8::2", "::"]),
    "day": (
        "Nullable(Date)",
        ["'2026-02-28'", "NULL", "'1970-01-01'"],
        pa.date32(),
        [date(2026, 2, 28), None, date(1970, 1, 1)],
    ),
    "day32": (
        "Date32",
        ["'1900-01-01'", "'2299-12-31'", "'1970-01-01'"],
        pa.date32(),
        [date(1900, 1, 1), date(2299, 12, 31), date(1970, 1, 1)],
    ),
    "at": (
        "DateTime('Asia/Kolkata')",
        ["'2026-01-01 05:30:00'", "'1970-01-01 05:30:01'", "'2026-01-01 05:30:01'"],
        INSTANT,
        [
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        ],
    ),
    "fine": (
        "Nullable(DateTime64(9, 'UTC'))",
        ["'2026-01-01 00:00:00.123456789'", "NULL", "'1969-12-31 23:59:59.999999'"],
        INSTANT,
        [datetime(2026, 1, 1, 0, 0, 0, 123456, UTC), None, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)],
    ),
    "numbers": ("Array(Nullable(Int64))", ["[1, NULL]", "[]", "[-1]"], pa.list_(pa.int64()), [[1, None], [], [-1]]),
    "words": ("Array(String)", ["['a', 'b,\"c']", "[]", "['🦔']"], pa.list_(pa.string()), [["a", 'b,"c'], [], ["🦔"]]),
    "days": ("Array(Date)", ["['2026-01-01']", "[]", "[]"], pa.list_(pa.string()), [["2026-01-01"], [], []]),
    "grid": ("Array(Array(Int8))", ["[[1, 2], []]", "[]", "[]"], pa.string(), ["[[1,2],[]]", "[]", "[]"]),
    "m": ("Map(String, Int64)", ["{'a': 1}", "{}", "{}"], pa.string(), ['{"a":1}', "{}", "{}"]),
    "t": ("Tuple(x Int8, y String)", ["(1, 'é')"] * 3, pa.string(), ['{"x":1,"y":"é"}'] * 3),
    "odd ` name, with {0} and \\": ("Int32", ["7", "0", "-1"], pa.int32(), [7, 0, -1]),
}
ROWS = pa.table({name: pa.array(values, kind) for name, (_, _, kind, values) in COLUMNS.items()})


# As a server answers. The one that the tests run out of the library dies of some refusals, and of TLS at its port.
WRONG_LOGIN = Answer(
    b"Code: 516. DB::Exception: default: Authentication failed: password is incorrect, or there is no user with such "
    b"name. (AUTHENTICATION_FAILED) (version 26.5.1.1)",
    403,
    {"X-ClickHouse-Exception-Code": "516"},
)


class Database:
    """A fresh database of a server."""

    def __init__(self, url: str) -> None:
        self.parts, self.name = urlsplit(url), f"s_{uuid4().hex[:12]}"
        self.client = clickhouse_connect.get_client(host=self.parts.hostname, port=self.parts.port)
        self.execute(f"CREATE DATABASE {self.name}")

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self.client.command(statement.replace("{db}", self.name))

    def config(self, **changes: Any) -> dict[str, Any]:
        config = {"host": self.parts.hostname, "port": self.parts.port, "database": self.name, "user": "default"}
        return {**config, "secure": False, "verify": True, **changes}

    def opened(self) -> int:
        sql = "SELECT count() FROM system.processes WHERE http_user_agent LIKE 'hedgerow-source%'"
        end = time.monotonic() + 5
        while (count := int(self.client.command(sql))) and time.monotonic() < end:
            time.sleep(0.02)
        return count


@pytest.fixture
def database(clickhouse_url: str) -> Iterator[Database]:
    made = Database(clickhouse_url)
    yield made
    made.execute("DROP DATABASE {db}")
    made.client.close()


@pytest.fixture
def connector() -> ClickHouseConnector:
    return ClickHouseConnector(GUARD)


def quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def make_kinds(database: Database) -> None:
    columns = ", ".join(f"{quoted(name)} {kind}" for name, (kind, *_) in COLUMNS.items())
    rows = ", ".join(f"({', '.join(each[1][n] for each in COLUMNS.values())})" for n in range(3))
    database.execute(
        f"CREATE TABLE {{db}}.kinds ({columns}) ENGINE = ReplacingMergeTree ORDER BY id",
        f"INSERT INTO {database.name}.kinds VALUES {rows}",
    )


class TestClickHouse(ConnectorConformance):
    @pytest.fixture
    def case(self, connector: ClickHouseConnector, database: Database) -> Iterator[Case]:
        make_kinds(database)
        config = database.config()
        no_clickhouse, locked = ApiServer(), ApiServer()
        locked.route("POST", "/", lambda _asked: WRONG_LOGIN)
        with no_clickhouse.running(), locked.running():
            port, locked_port = (int(server.url.rpartition(":")[2]) for server in (no_clickhouse, locked))
            yield Case(
                connector=connector,
                config=config,
                table="kinds",
                rows=ROWS,
                primary_key=("id",),
                cursor="id",
                open=database.opened,
                refused={
                    "a wrong password": ({**config, "password": "wr0ng", "port": locked_port}, "password is wrong"),
                    "a database that is not there": ({**config, "database": "nowhere"}, "no such database"),
                    "a name that leads nowhere": ({**config, "host": "nowhere.invalid"}, "could not be resolved"),
                    "no host": ({**config, "host": "a/b"}, "not a host name"),
                    "TLS where there is none": ({**config, "port": port, "secure": True}, "no TLS"),
                    "another kind of server": ({**config, "port": port}, "no ClickHouse server"),
                },
                unreachable={**config, "port": free_port()},
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "10.0.0.1", "169.254.169.254"])
def test_a_strict_server_reaches_no_internal_host(host: str, database: Database) -> None:
    strict = ClickHouseConnector(OutgoingGuard(allow_private=False))
    with pytest.raises(Refused, match="internal IP addresses are not allowed") as caught:
        strict.check(database.config(host=host, secure=True))
    assert caught.value.field == "host"


def test_the_session_may_only_read(database: Database) -> None:
    database.execute("CREATE TABLE {db}.log (id Int32) ENGINE = MergeTree ORDER BY id")
    with connected(database.config(), GUARD) as session, pytest.raises(Refused, match="readonly"):
        session.rows(f"INSERT INTO {database.name}.log SELECT 1")
    assert database.client.command(f"SELECT count() FROM {database.name}.log") == 0


def test_a_user_who_may_change_no_setting_can_read(connector: ClickHouseConnector, database: Database) -> None:
    database.execute(
        "CREATE TABLE {db}.t (n Int32) ENGINE = MergeTree ORDER BY n",
        "INSERT INTO {db}.t VALUES (7)",
    )
    url = f"http://{database.parts.hostname}:{database.parts.port}/"

    def of_a_locked_profile(asked: Asked) -> Answer:
        """As the server answers users with `readonly = 1`; everything else is the real server's."""
        if "readonly" in asked.params:
            said = b"Code: 164. DB::Exception: Cannot modify 'readonly' setting in readonly mode. (READONLY)"
            return Answer(said, 500, {"X-ClickHouse-Exception-Code": "164"})
        real = httpx.post(f"{url}?{asked.query}", content=asked.content)
        return Answer(real.content, real.status_code, {"X-ClickHouse-Query-Id": "1"})

    server = ApiServer()
    server.route("POST", "/", of_a_locked_profile)
    with server.running():
        config = database.config(port=int(server.url.rpartition(":")[2]))
        connector.check(config)
        assert [b.to_pydict() for b in connector.read(config, Ask("t"))] == [{"n": [7]}]


def test_views_and_merging_tables(connector: ClickHouseConnector, database: Database) -> None:
    database.execute(
        "CREATE TABLE {db}.r (id Int32, v Int32) ENGINE = ReplacingMergeTree(v) ORDER BY id",
        "SYSTEM STOP MERGES {db}.r",
        "INSERT INTO {db}.r VALUES (1, 1), (2, 1)",
        "INSERT INTO {db}.r VALUES (1, 2)",
        "CREATE VIEW {db}.seen AS SELECT id AS n FROM {db}.r FINAL",
        "CREATE TABLE {db}.sums (day Date, total AggregateFunction(sum, Int64)) "
        "ENGINE = AggregatingMergeTree ORDER BY day",
        "INSERT INTO {db}.sums SELECT '2026-01-01', sumState(toInt64(number)) FROM numbers(5)",
    )
    tables = {table.name: table for table in connector.discover(database.config())}
    assert set(tables) == {"r", "seen", "sums"}
    assert (tables["r"].primary_key, tables["seen"].primary_key) == (("id",), ())
    found = {name: [r for b in connector.read(database.config(), Ask(name)) for r in b.to_pylist()] for name in tables}
    assert sorted(found["r"], key=lambda row: row["id"]) == [{"id": 1, "v": 2}, {"id": 2, "v": 1}]
    assert sorted(row["n"] for row in found["seen"]) == [1, 2]
    assert found["sums"] == [{"day": date(2026, 1, 1), "total": "10"}]


@pytest.mark.parametrize(
    ("column", "kind", "after", "inclusive"),
    [
        ("day", "date", date(2026, 1, 2), True),
        ("at", "datetime", datetime(2026, 1, 2, tzinfo=UTC), True),
        ("fine", "datetime", datetime(2026, 1, 2, tzinfo=UTC), False),
        ("huge", "integer", 2**64 - 3, False),
    ],
)
def test_each_kind_of_cursor(
    connector: ClickHouseConnector, database: Database, column: str, kind: str, after: Any, inclusive: bool
) -> None:
    database.execute(
        "CREATE TABLE {db}.t (id Int32, day Nullable(Date), at Nullable(DateTime('Asia/Kolkata')), "
        "fine Nullable(DateTime64(6)), huge Nullable(UInt64)) ENGINE = MergeTree ORDER BY id",
        "INSERT INTO {db}.t SELECT number, toDate('2025-12-31') + number, "
        "toDateTime('2025-12-31 00:00:00', 'UTC') + INTERVAL number DAY, "
        "toDateTime64('2025-12-31 00:00:00', 6, 'UTC') + INTERVAL number DAY, 18446744073709551611 + number "
        "FROM numbers(1, 4)",
        "INSERT INTO {db}.t (id) VALUES (5)",
    )
    ask = Ask("t", cursor=column, after=after, inclusive=inclusive)
    check_cursor(connector, database.config(), kind, ask)


def test_large_tables_come_in_batches_of_the_size_that_was_asked_for(
    connector: ClickHouseConnector, database: Database
) -> None:
    database.execute("CREATE TABLE {db}.t ENGINE = MergeTree ORDER BY n AS SELECT number AS n FROM numbers(1000000)")
    batches = list(connector.read(database.config(), Ask("t", batch_rows=10_000)))
    assert max(batch.num_rows for batch in batches) <= 10_000
    assert sum(batch.num_rows for batch in batches) == 1_000_000


def test_an_error_in_the_middle_is_told(connector: ClickHouseConnector, database: Database) -> None:
    database.execute(
        "CREATE VIEW {db}.breaks AS SELECT throwIf(number = 3000000, 'the third million') AS n FROM numbers(4000000)"
    )
    with pytest.raises(SourceError):
        list(connector.read(database.config(), Ask("breaks")))


@pytest.mark.parametrize("cut", [10, 2000, 8])
def test_an_answer_that_is_cut_is_no_answer(database: Database, cut: int) -> None:
    config = database.config()
    sink = pa.BufferOutputStream()
    table = pa.table({"_0": pa.array(range(1000), pa.int64())})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue().to_pybytes()
    server = ApiServer()
    headers = {"X-ClickHouse-Query-Id": "1"}
    server.route("POST", "/", lambda _asked: Answer(content[:-cut], headers=headers))
    with server.running():
        port = int(server.url.rpartition(":")[2])
        with (
            connected({**config, "port": port}, GUARD) as session,
            pytest.raises(Unreachable, match="broke off"),
        ):
            list(session.batches("SELECT 1"))


def test_the_documentation_tells_every_type_and_field() -> None:
    text = (Path(__file__).parents[2] / DECLARATION.docs_url).read_text()
    types = text.partition("## Rows")[2]
    known = {kind.partition("(")[0] for kind, *_ in COLUMNS.values()}
    assert not [name for name in known if f"`{name}" not in types]
    assert not [field.name for field in DECLARATION.fields if f"`{field.name}`" not in text]
