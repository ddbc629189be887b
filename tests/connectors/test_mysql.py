"""The MySQL connector against a real MariaDB server: every type, every way to be refused, and nothing left open."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from hedgerow.connectors import Ask, Refused, SourceError, Unreachable
from hedgerow.connectors.mysql import MySqlConnector
from hedgerow.connectors.mysql.declaration import DECLARATION, normalised
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance, check_cursor
from tests.connectors.mysql_tables import MAKE, ROWS, ROWS_SQL, config_of
from tests.support import mariadb_process
from tests.support.processes import free_port
from tests.support.require import missing

_OURS = "FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"


class Database:
    """A fresh database."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"t_{uuid4().hex[:12]}"
        given = config_of(url, "")
        self.connection = pymysql.connect(
            host=given["host"], port=given["port"], user="root", password=given["password"], autocommit=True
        )
        self.execute(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
        self.connection.select_db(self.name)
        self.execute("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'")

    def execute(self, *statements: str) -> Any:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def config(self, **changes: Any) -> dict[str, Any]:
        return {**config_of(self.url, self.name), **changes}

    def opened(self) -> int:
        end = time.monotonic() + 5
        while (count := self.execute(f"SELECT count(*) {_OURS}")[0][0]) and time.monotonic() < end:
            time.sleep(0.02)  # the server notices a closed connection a moment later
        return int(count)


@pytest.fixture
def database(mariadb_server: str) -> Iterator[Database]:
    made = Database(mariadb_server)
    yield made
    made.execute(f"DROP DATABASE {made.name}")
    made.connection.close()


@pytest.fixture
def connector() -> MySqlConnector:
    return MySqlConnector(OutgoingGuard(allow_private=True))


class TestMySql(ConnectorConformance):
    @pytest.fixture
    def case(self, connector: MySqlConnector, database: Database) -> Case:
        database.execute(MAKE, ROWS_SQL)
        config = database.config()
        return Case(
            connector=connector,
            config=config,
            table="kinds",
            rows=ROWS,
            primary_key=("id",),
            cursor="id",
            open=database.opened,
            refused={
                "a wrong password": ({**config, "password": "wr0ng"}, "password is wrong"),
                "an unknown user": ({**config, "user": "nobody"}, "password is wrong"),
                "a database that is not there": ({**config, "database": "nowhere"}, "no such database"),
                "a schema that is not there": ({**config, "schema": "nowhere"}, '"nowhere"'),
                "a name that leads nowhere": ({**config, "host": "nowhere.invalid"}, "could not be resolved"),
                "a socket of the server itself": ({**config, "host": "/run/mysqld/mysqld.sock"}, "not a host name"),
                "a certificate that nobody signed": ({**config, "verify_certificate": True}, "certificate is not good"),
            },
            unreachable={**config, "port": free_port()},
        )


def test_tls_is_used_unless_it_is_switched_off(connector: MySqlConnector, database: Database) -> None:
    user = f"u_{uuid4().hex[:8]}"
    database.execute(
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pä$$' REQUIRE SSL", f"GRANT SELECT ON *.* TO {user}@'127.0.0.1'"
    )
    connector.check(database.config(user=user, password="pä$$"))
    with pytest.raises(Refused):
        connector.check(database.config(user=user, password="pä$$", using_ssl=False))
    connector.check(database.config(using_ssl=False))
    database.execute(f"DROP USER {user}@'127.0.0.1'")


def test_a_server_without_tls_is_refused_where_it_is_demanded(connector: MySqlConnector) -> None:
    if mariadb_process.binaries() is None:
        missing("MariaDB", "mariadb-install-db and mariadbd")
    with mariadb_process.running(password="another-one", certificate=False) as url:
        with pytest.raises(Refused, match="offers no TLS") as caught:
            connector.check(config_of(url, "mysql"))
        assert caught.value.field == "using_ssl"
        connector.check(config_of(url, "mysql", using_ssl=False))


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x05\x00\x00\x00\x0aabc\x00"])
def test_what_is_no_mysql_server_says_so(connector: MySqlConnector, greeting: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(greeting)

        threading.Thread(target=answer, daemon=True).start()
        wrong = config_of(f"mysql://a:b@127.0.0.1:{listening.getsockname()[1]}/", "x")
        with pytest.raises(SourceError):
            connector.check(wrong)


def test_a_server_that_does_not_greet_is_not_waited_for(
    connector: MySqlConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.connectors.mysql.connector._CONNECT_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, pytest.raises(Unreachable):
        connector.check(config_of(f"mysql://a:b@127.0.0.1:{silent.getsockname()[1]}/", "x"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254"])
def test_a_strict_server_reaches_no_internal_host(host: str, database: Database) -> None:
    strict = MySqlConnector(OutgoingGuard(allow_private=False))
    with pytest.raises(Refused, match="internal IP addresses are not allowed"):
        strict.check(database.config(host=host))


def test_a_name_is_resolved_once_and_only_that_address_is_used(database: Database) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> frozenset[str]:
        asked.append(host)
        return frozenset({"127.0.0.1"}) if len(asked) == 1 else frozenset({"192.0.2.1"})

    guard = OutgoingGuard(allow_private=True, resolver=resolver)
    MySqlConnector(guard).check(database.config(host="db.example.invalid"))
    assert asked == ["db.example.invalid"]


def test_the_session_may_only_read(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE log (id int)")
    with connector._connected(database.config()) as connection:
        for statement in ("INSERT INTO log VALUES (1)", "DROP TABLE log"):
            with pytest.raises(pymysql.Error, match=r"(?i)read.only"):
                connection.query(statement)
    assert database.execute("SELECT count(*) FROM log") == ((0,),)


def test_one_table_is_found_by_its_name(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE `it's` (id int)", "CREATE TABLE other (id int)")
    found = connector.find(database.config(), "it's")
    assert found is not None
    assert found == next(table for table in connector.discover(database.config()) if table.name == "it's")
    assert connector.find(database.config(), "IT'S") is None
    assert connector.find(database.config(), "' OR 1=1 -- ") is None


def test_another_database_can_be_read_in_its_place(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)")
    config = database.config(database="mysql", schema=database.name)
    assert [table.name for table in connector.discover(config)] == ["a"]
    assert [b.to_pydict() for b in connector.read(config, Ask("a"))] == [{"id": [1]}]


def test_what_the_user_may_not_read_is_not_there(connector: MySqlConnector, database: Database) -> None:
    user = f"u_{uuid4().hex[:8]}"
    database.execute(
        "CREATE TABLE open (id int PRIMARY KEY, secret text)",
        "CREATE TABLE closed (id int)",
        "INSERT INTO open VALUES (1, 'hidden')",
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'x'",
        f"GRANT SELECT (id) ON {database.name}.open TO {user}@'127.0.0.1'",
    )
    config = database.config(user=user, password="x")
    (table,) = connector.discover(config)
    assert (table.name, [column.name for column in table.columns]) == ("open", ["id"])
    assert [b.to_pydict() for b in connector.read(config, Ask("open"))] == [{"id": [1]}]
    database.execute(f"DROP USER {user}@'127.0.0.1'")


@pytest.mark.parametrize(
    ("column", "kind", "after", "inclusive"),
    [
        ("day", "date", date(2026, 1, 2), True),
        ("local", "timestamp", datetime(2026, 1, 2), False),
        ("instant", "datetime", datetime(2026, 1, 2, tzinfo=UTC), False),
        ("tiny", "integer", 2, False),
        ("huge", "integer", 2**64 - 3, False),
    ],
)
def test_each_kind_of_cursor(
    connector: MySqlConnector, database: Database, column: str, kind: str, after: Any, inclusive: bool
) -> None:
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, day date, local datetime, instant timestamp NULL, tiny tinyint, "
        "huge bigint unsigned)",
        "INSERT INTO t SELECT seq, '2025-12-31' + INTERVAL seq DAY, '2025-12-31' + INTERVAL seq DAY, "
        "'2025-12-31' + INTERVAL seq DAY, seq, 18446744073709551611 + seq FROM seq_1_to_4",
        "INSERT INTO t (id) VALUES (5)",
    )
    ask = Ask("t", cursor=column, after=after, inclusive=inclusive)
    check_cursor(connector, database.config(), kind, ask)


def test_one_column_of_nulls_keeps_its_rows(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE t (v varchar(9))", "INSERT INTO t VALUES (NULL), (''), ('\\\\N'), (NULL)")
    (batch,) = connector.read(database.config(), Ask("t"))
    assert batch.to_pydict() == {"v": [None, "", "\\N", None]}


def test_long_values_come_whole(connector: MySqlConnector, database: Database) -> None:
    database.execute(
        "CREATE TABLE t (n int, a longtext, b longtext)",
        "INSERT INTO t SELECT seq, repeat(seq, 12000000), repeat('x', 12000000) FROM seq_1_to_3",
    )
    batches = list(connector.read(database.config(), Ask("t", batch_bytes=1 << 20)))
    assert [(b.num_rows, len(b.column(1)[0].as_py())) for b in batches] == [(1, 12000000)] * 3


def test_long_bytes_come_whole_however_short_the_server_s_packets(
    connector: MySqlConnector, database: Database
) -> None:
    database.execute(
        "CREATE TABLE t (n int, v longblob)",
        "INSERT INTO t VALUES (1, repeat(x'00ff', 6000000)), (2, ''), (3, NULL)",
        "SET GLOBAL max_allowed_packet = 1 << 20",
    )
    try:
        (batch,) = connector.read(database.config(), Ask("t"))
    finally:
        database.execute("SET GLOBAL max_allowed_packet = 16 << 20")
    assert batch.column("v").to_pylist() == [b"\x00\xff" * 6_000_000, b"", None]


def test_a_connection_that_breaks_may_be_tried_again(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE t AS SELECT seq, repeat('x', 1000) AS v FROM seq_1_to_40000")
    reading = connector.read(database.config(), Ask("t", batch_rows=100))
    next(reading)
    ((ours,),) = database.execute(f"SELECT ID {_OURS}")
    database.execute(f"KILL {ours}")
    with pytest.raises(Unreachable) as caught:
        list(reading)
    assert caught.value.retryable


def test_all_rows_are_of_one_moment(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE t ENGINE=InnoDB AS SELECT seq AS n, repeat('x', 500) AS v FROM seq_1_to_20000")
    reading = connector.read(database.config(), Ask("t", batch_rows=1000))
    rows = next(reading).num_rows
    database.execute("DELETE FROM t WHERE n > 5000", "INSERT INTO t SELECT -seq, '' FROM seq_1_to_500")
    assert rows + sum(batch.num_rows for batch in reading) == 20000


def test_a_reader_that_stops_early_ends_the_query(connector: MySqlConnector, database: Database) -> None:
    database.execute("CREATE TABLE t AS SELECT seq AS n, repeat('x', 1000) AS v FROM seq_1_to_40000")
    reading = connector.read(database.config(), Ask("t", batch_rows=10))
    next(reading)
    start = time.monotonic()
    reading.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 5
    assert database.opened() == 0


def test_shorter_ways_of_saying_it() -> None:
    said = normalised({"connection_string": "mysql://me:p%40ss@db.example.com:6543/shop", "user": ""})
    assert said == {
        "host": "db.example.com",
        "port": 6543,
        "database": "shop",
        "user": "me",
        "password": "p@ss",
    }
    for wrong in ("not a string", "https://example.com", "mysql://a:b@c:port/d", "mysql://"):
        assert normalised({"connection_string": wrong}) == {"connection_string": "unreadable"}
    assert normalised({"connection_string": None, "port": {}}) == {"port": {}}


def test_the_documentation_tells_every_type_and_field() -> None:
    text = (Path(__file__).parents[2] / DECLARATION.docs_url).read_text()
    types = text.partition("## Rows")[2]
    declared = MAKE.replace("(", " ").replace(",", " ").split()
    known = {"tinyint", "smallint", "mediumint", "int", "bigint", "unsigned", "year", "decimal", "float", "double"}
    known |= {"bit", "char", "varchar", "text", "mediumtext", "longtext", "enum", "set", "json", "varbinary", "blob"}
    known |= {"longblob", "date", "datetime", "timestamp", "time"}
    assert known <= set(declared)
    assert not [name for name in known if f"`{name}" not in types]
    assert not [field.name for field in DECLARATION.fields if f"`{field.name}`" not in text]
