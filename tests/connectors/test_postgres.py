"""The PostgreSQL connector against real servers: every type, every way to be refused, and nothing left open."""

import threading
import time
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from hedgerow.connectors import Ask, Refused, SourceError, Unreachable
from hedgerow.connectors.postgres import PostgresConnector
from hedgerow.connectors.postgres.declaration import normalised
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance, check_cursor
from tests.connectors.postgres_tables import MAKE, ROWS, config_of
from tests.support.processes import free_port

_OURS = "FROM pg_stat_activity WHERE application_name = 'hedgerow' AND datname = current_database()"


class TestPostgres(ConnectorConformance):
    @pytest.fixture
    def case(
        self, connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str, locked_postgres: str
    ) -> Case:
        database.execute(MAKE)
        config, locked = config_of(postgres_url), config_of(locked_postgres)

        def opened() -> int:
            end = time.monotonic() + 5
            while (count := database.execute(f"SELECT count(*) {_OURS}").fetchone()[0]) and time.monotonic() < end:  # type: ignore[index]
                time.sleep(0.02)  # the server notices a closed connection a moment later
            return int(count)

        return Case(
            connector=connector,
            config=config,
            table="kinds",
            rows=ROWS,
            primary_key=("id",),
            cursor="id",
            open=opened,
            refused={
                "a wrong password": ({**locked, "password": "wr0ng"}, "password is wrong"),
                "an unknown user": ({**locked, "user": "nobody"}, "password is wrong"),
                "a database that is not there": ({**config, "database": "nowhere"}, '"nowhere"'),
                "a schema that is not there": ({**config, "schema": "nowhere"}, '"nowhere"'),
                "a name that leads nowhere": ({**config, "host": "nowhere.invalid"}, "could not be resolved"),
                "a socket of the server itself": ({**config, "host": "/var/run/postgresql"}, "not a host name"),
                "several hosts": ({**config, "host": "127.0.0.1,localhost"}, "not a host name"),
                "no TLS where it must be": ({**config, "sslmode": "require"}, "offers no TLS"),
                "a certificate that nobody signed": ({**locked, "sslmode": "verify-full"}, "certificate is not good"),
            },
            unreachable={**config, "port": free_port()},
        )


def test_a_locked_server_lets_the_right_password_in(connector: PostgresConnector, locked_postgres: str) -> None:
    for mode in ("require", "prefer", "disable"):
        connector.check(config_of(locked_postgres, sslmode=mode))


def test_what_is_no_postgres_server_says_so(connector: PostgresConnector) -> None:
    import socket

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        wrong = config_of(f"postgresql://a:b@127.0.0.1:{listening.getsockname()[1]}/x")
        with pytest.raises(SourceError, match="no PostgreSQL server"):
            connector.check(wrong)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "10.0.0.1", "169.254.169.254"])
def test_a_strict_server_reaches_no_internal_host(host: str, postgres_url: str) -> None:
    strict = PostgresConnector(OutgoingGuard(allow_private=False))
    with pytest.raises(Refused, match="internal IP addresses are not allowed"):
        strict.check(config_of(postgres_url, host=host))


def test_a_name_is_resolved_once_and_only_that_address_is_used(postgres_url: str) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> frozenset[str]:
        asked.append(host)
        return frozenset({"127.0.0.1"}) if len(asked) == 1 else frozenset({"192.0.2.1"})

    guard = OutgoingGuard(allow_private=True, resolver=resolver)
    PostgresConnector(guard).check(config_of(postgres_url, host="db.example.invalid"))
    assert asked == ["db.example.invalid"]


def test_the_session_may_only_read(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute(
        "CREATE TABLE log (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS "
        "'INSERT INTO public.log VALUES (1) RETURNING 1'; CREATE VIEW sly AS SELECT f() AS n"
    )
    with pytest.raises(Refused, match="read-only"):
        list(connector.read(config_of(postgres_url), Ask("sly")))
    assert database.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_an_empty_schema_means_all_of_them(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id int PRIMARY KEY); CREATE TABLE b.t (id int); "
        "INSERT INTO a.t VALUES (1); INSERT INTO b.t VALUES (2); CREATE TABLE b.bare ()"
    )
    config = config_of(postgres_url, schema="")
    assert [table.name for table in connector.discover(config)] == ["a.t", "b.t"]
    assert [b.to_pydict() for b in connector.read(config, Ask("b.t"))] == [{"id": [2]}]
    assert [table.name for table in connector.discover(config_of(postgres_url, schema="a"))] == ["t"]


def test_partitions_are_read_through_their_table(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute(
        "CREATE TABLE sales (day date, n int, PRIMARY KEY (day, n)) PARTITION BY RANGE (day); "
        "CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); "
        "INSERT INTO sales VALUES ('2026-05-05', 1); CREATE MATERIALIZED VIEW seen AS SELECT * FROM sales; "
        "CREATE VIEW now AS SELECT n FROM sales"
    )
    tables = {table.name: table for table in connector.discover(config_of(postgres_url))}
    assert set(tables) == {"now", "sales", "seen"}
    assert tables["sales"].primary_key == ("day", "n")
    assert sum(batch.num_rows for batch in connector.read(config_of(postgres_url), Ask("sales"))) == 1


def test_what_the_user_may_not_read_is_not_there(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    user = "reader_" + config_of(postgres_url)["database"].rpartition("_")[2][:12]
    database.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'x'")
    try:
        database.execute(
            "CREATE TABLE open (id int PRIMARY KEY, secret text); CREATE TABLE closed (id int); "
            f"GRANT SELECT (id) ON open TO {user}; INSERT INTO open VALUES (1, 'hidden');"
            "CREATE TABLE keyed (part int, id int, note text, PRIMARY KEY (id, part) INCLUDE (note));"
            f"GRANT SELECT (id, note) ON keyed TO {user}"
        )
        config = config_of(postgres_url, user=user)
        keyed, table = connector.discover(config)
        assert (table.name, [column.name for column in table.columns]) == ("open", ["id"])
        assert (table.primary_key, keyed.primary_key) == (("id",), ())  # half a key tells no rows apart
        assert connector.discover(config_of(postgres_url))[1].primary_key == ("id", "part")
        assert [b.to_pydict() for b in connector.read(config, Ask("open"))] == [{"id": [1]}]
    finally:
        database.execute(f"DROP OWNED BY {user}; DROP ROLE {user}")


@pytest.mark.parametrize(
    ("column", "kind", "after", "inclusive"),
    [
        ("day", "date", date(2026, 1, 2), True),
        ("local", "timestamp", datetime(2026, 1, 2), False),
        ("instant", "datetime", datetime(2026, 1, 2, tzinfo=UTC), False),
        ("tiny", "integer", 2, False),
    ],
)
def test_each_kind_of_cursor(
    connector: PostgresConnector,
    database: psycopg.Connection[Any],
    postgres_url: str,
    column: str,
    kind: str,
    after: Any,
    inclusive: bool,
) -> None:
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, day date, local timestamp, instant timestamptz, tiny smallint); "
        "INSERT INTO t SELECT n, '2025-12-31'::date + n, '2025-12-31'::timestamp + n * interval '1 day', "
        "'2025-12-31 00:00:00+00'::timestamptz + n * interval '1 day', n FROM generate_series(1, 4) n; "
        "INSERT INTO t (id) VALUES (5)"
    )
    config = config_of(postgres_url)
    ask = Ask("t", cursor=column, after=after, inclusive=inclusive)
    check_cursor(connector, config, kind, ask)


def test_one_column_of_nulls_keeps_its_rows(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t (v text); INSERT INTO t VALUES (NULL), (''), ('\\.'), (NULL)")
    (batch,) = connector.read(config_of(postgres_url), Ask("t"))
    assert batch.to_pydict() == {"v": [None, "", "\\.", None]}


def test_rows_larger_than_a_batch_come_whole(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t AS SELECT n, repeat(n::text, 3000000) AS v FROM generate_series(1, 3) n")
    batches = list(connector.read(config_of(postgres_url), Ask("t", batch_bytes=1 << 20)))
    assert [(b.num_rows, len(b.column(1)[0].as_py())) for b in batches] == [(1, 3000000)] * 3


def test_numbers_too_long_for_any_column_are_named(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t (n numeric); INSERT INTO t VALUES (1e60)")
    with pytest.raises(Refused, match="Column n"):
        list(connector.read(config_of(postgres_url), Ask("t")))


def test_arrays_that_hide_arrays_are_named(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t (n int[]); INSERT INTO t VALUES ('{{1,2}}')")
    with pytest.raises(Refused, match="Column n"):
        list(connector.read(config_of(postgres_url), Ask("t")))


def test_a_connection_that_breaks_may_be_tried_again(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t AS SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 200000) n")
    reading = connector.read(config_of(postgres_url), Ask("t", batch_rows=100))
    next(reading)
    database.execute(f"SELECT pg_terminate_backend(pid) {_OURS}")
    with pytest.raises(Unreachable) as caught:
        list(reading)
    assert caught.value.retryable


def test_all_rows_are_of_one_moment(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("CREATE TABLE t AS SELECT n FROM generate_series(1, 10000) n")
    reading = connector.read(config_of(postgres_url), Ask("t", batch_rows=1000))
    rows = next(reading).num_rows
    database.execute("DELETE FROM t WHERE n > 5000; INSERT INTO t SELECT -n FROM generate_series(1, 500) n")
    assert rows + sum(batch.num_rows for batch in reading) == 10000


def test_shorter_ways_of_saying_it() -> None:
    assert normalised({"dbname": "shop"}) == {"database": "shop"}
    said = normalised(
        {"connection_string": "postgresql://me:p%40ss@db.example.com:6543/shop?sslmode=require", "user": ""}
    )
    assert said == {
        "host": "db.example.com",
        "port": "6543",
        "database": "shop",
        "user": "me",
        "password": "p@ss",
        "sslmode": "require",
    }
    assert normalised({"connection_string": "not = a = string"}) == {"connection_string": "unreadable"}
