"""The connection that found a table reads it: who gets it, who does not, and that it does not stay."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from hedgerow.connectors import Ask, Refused, RemoteTable
from hedgerow.connectors.postgres import PostgresConnector
from hedgerow.connectors.postgres.kept import Kept
from tests.connectors.postgres_tables import config_of

_OURS = "FROM pg_stat_activity WHERE application_name = 'hedgerow' AND datname = current_database()"


@pytest.fixture(autouse=True)
def _few(database: psycopg.Connection[Any]) -> None:
    database.execute("CREATE TABLE few AS SELECT i AS id FROM generate_series(1, 3) i")


def ours(database: psycopg.Connection[Any]) -> set[int]:
    return {pid for (pid,) in database.execute(f"SELECT pid {_OURS}")}


def gone(database: psycopg.Connection[Any]) -> bool:
    end = time.monotonic() + 10
    while ours(database):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def read(connector: PostgresConnector, config: dict[str, Any], found: RemoteTable | None) -> list[int]:
    return [value for batch in connector.read(config, Ask("few", found=found)) for value in batch["id"].to_pylist()]


def test_what_found_a_table_reads_it(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    config = config_of(postgres_url)
    found = connector.find(config, "few")
    (found_by,) = ours(database)
    rows = connector.read(config, Ask("few", found=found))
    assert next(rows)["id"].to_pylist() == [1, 2, 3]
    assert ours(database) == {found_by}
    assert list(rows) == []
    assert gone(database)


def test_nobody_comes(connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str) -> None:
    connector._kept = Kept(0.2)
    assert connector.find(config_of(postgres_url), "nothing of that name") is None
    assert len(ours(database)) == 1
    assert gone(database)


def test_one_that_the_server_ended_is_not_used(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    config = config_of(postgres_url)
    found = connector.find(config, "few")
    database.execute(f"SELECT pg_terminate_backend(pid) {_OURS}")
    assert gone(database)
    assert read(connector, config, found) == [1, 2, 3]


def test_another_password_has_to_log_in(connector: PostgresConnector, locked_postgres: str) -> None:
    config = config_of(locked_postgres)
    found = connector.find(config, "few")
    with pytest.raises(Refused, match="password is wrong"):
        read(connector, {**config, "password": "wr0ng"}, found)


def test_who_has_found_nothing_logs_in(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    config = config_of(postgres_url)
    connector.find(config, "few")
    (found_by,) = ours(database)
    connector.check(config)
    rows = connector.read(config, Ask("few"))
    next(rows)
    assert len(ours(database) - {found_by}) == 1
    assert list(rows) == []


def test_several_at_once(connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str) -> None:
    config = config_of(postgres_url)

    def both(_: int) -> list[int]:
        return read(connector, config, connector.find(config, "few"))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(both, range(80))) == [[1, 2, 3]] * 80
    assert gone(database)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE few ALTER id TYPE bigint", "Column id of table few went from integer to bigint while it was"),
        ("ALTER TABLE few ALTER id TYPE text", "Column id of table few went from integer to text while it was"),
        ("ALTER TABLE few RENAME id TO key", "The database has changed: column t.id does not"),
        ("ALTER TABLE few RENAME TO many", "The database has changed: relation .*few. does not"),
        ("DROP TABLE few; CREATE TABLE few AS SELECT 1.5 AS id", "Column id of table few went from integer to numeric"),
    ],
)
def test_what_changed_since_it_was_found(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str, change: str, told: str
) -> None:
    config = config_of(postgres_url)
    found = connector.find(config, "few")
    database.execute(change)
    with pytest.raises(Refused, match=told):
        read(connector, config, found)


def test_another_column_since_it_was_found(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    config = config_of(postgres_url)
    found = connector.find(config, "few")
    database.execute("ALTER TABLE few ADD COLUMN name text NOT NULL DEFAULT 'x'")
    assert read(connector, config, found) == [1, 2, 3]


def test_a_table_that_is_gone_when_its_rows_have_come(
    connector: PostgresConnector, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    config = config_of(postgres_url)
    rows = connector.read(config, Ask("few", found=connector.find(config, "few")))
    assert next(rows)["id"].to_pylist() == [1, 2, 3]
    database.execute("DROP TABLE few")
    with pytest.raises(Refused, match="There is no table few"):
        list(rows)
