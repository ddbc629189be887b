"""The database is stopped and started anew while its changes are followed: nothing is lost, nothing comes twice."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.sources.conftest import rows, schema
from tests.sources.following import WAIT, cdc, connect, settled, theirs, until
from tests.sources.workload import MAKE, OURS, THEIRS, Workload, compared
from tests.support import postgres_process
from tests.support.apps import Api, MakeApi
from tests.support.require import missing

_OTHERS = "select id, amount from postgres_others order by id"
_OPEN = OURS.replace("postgres_things", "postgres_things_cdc where valid_to is null and not _ph_deleted")


@pytest.fixture
def folder() -> Path:
    """Where PostgreSQL's binaries are."""
    found = postgres_process.binaries()
    if found is None:
        missing("PostgreSQL", "initdb")
    return found


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """A server of this test's own."""
    with postgres_process.running(folder) as found:
        yield found


@pytest.fixture
def api(make_app: MakeApi, url: str) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


def _reached(url: str) -> psycopg.Connection[Any]:
    """A connection, as soon as the server takes one."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.1)


def _write(url: str, stop: threading.Event, steps: list[int]) -> None:
    """Random changes, which go on when the server is back; a transaction that was cut off was made or was not."""
    number = 0
    while not stop.is_set():
        try:
            with _reached(url) as connection:
                work = Workload(connection, 100 + number)
                while not stop.wait(0.02):
                    work.step()
                    connection.execute("INSERT INTO beats DEFAULT VALUES")
                    steps.append(number)
        except psycopg.OperationalError:
            number += 1


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restarts_of_the_server_lose_and_double_nothing(api: Api, folder: Path, url: str, mode: str) -> None:
    with _reached(url) as database:
        database.execute(MAKE)
        database.execute("CREATE TABLE beats (id serial PRIMARY KEY)")
        found = database.execute("SHOW data_directory").fetchone()
    assert found is not None
    source = connect(
        api, url, cdc("things", cdc_table_mode="both"), cdc("others"), cdc("beats", cdc_table_mode="cdc_only")
    )
    stop, steps = threading.Event(), []  # type: ignore[var-annotated]
    writer = threading.Thread(target=_write, args=(url, stop, steps))
    writer.start()
    try:
        for _ in range(3):  # the first time while the tables are read
            begun = len(steps)
            until(lambda begun=begun: len(steps) > begun + 10)  # type: ignore[misc]
            postgres_process.restart(folder, Path(found[0]), mode)
    finally:
        stop.set()
        writer.join()
    with _reached(url) as database:
        settled(api, source, "things", "others", "beats")
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
        until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
        assert compared(rows(api, _OPEN)) == compared(theirs(database, THEIRS))
        beats = theirs(database, "SELECT count(*), count(*), max(id) FROM beats")
        until(lambda: rows(api, "select count(), uniqExact(id), max(id) from postgres_beats_cdc"), beats)
        database.execute("UPDATE others SET amount = amount + 1")
        until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
    settled(api, source, "things", "others", "beats")


def test_a_server_is_not_kept_from_stopping(api: Api, folder: Path, url: str) -> None:
    """Its log is held for a table that is being read, and it waits for whoever reads that to have all of it."""
    with _reached(url) as database, closing(_reached(url)) as other:
        database.execute(MAKE)
        found = database.execute("SHOW data_directory").fetchone()
        assert found is not None
        source = connect(api, url, cdc("things"))
        settled(api, source, "things")
        other.execute("BEGIN; LOCK TABLE others IN ACCESS EXCLUSIVE MODE")  # so that its read waits
        wish = {"should_sync": True, "sync_type": "cdc"}
        api.patch(f"/external_data_schemas/{schema(source, 'others')['id']}", json=wish)
        until(lambda: database.execute("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").fetchone(), (True,))
        database.execute("UPDATE things SET name = 'held'")
        until(lambda: rows(api, "select uniqExact(name) from postgres_things"), [[1]])
        postgres_process.restart(folder, Path(found[0]), "fast")
    with _reached(url) as database:
        settled(api, source, "things", "others")
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
