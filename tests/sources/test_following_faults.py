"""Random changes, kills at any moment, servers that restart: afterwards both sides hold the same rows."""

import os
import random
import secrets
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hedgerow.sources.changes import packing
from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import rows
from tests.sources.following import WAIT, cdc, connect, settled, theirs, until
from tests.sources.workload import MAKE, OURS, THEIRS, Workload, compared
from tests.support.apps import Api, MakeApi
from tests.support.processes import Server

_OTHERS = "select id, amount from postgres_others order by id"


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(MAKE)
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables are packed all the time; their names as they are."""
    monkeypatch.setattr(packing, "FEWEST", 0)
    monkeypatch.setattr(packing, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(packing, "MORE", 0)
    names, whole = [], packing.Packing.packed

    async def noted(*given: Any) -> Any:
        made = await whole(*given)
        if made is not None:
            names.append(made.physical)
        return made

    monkeypatch.setattr(packing.Packing, "packed", noted)
    return names


@pytest.mark.parametrize("seed", [4, 5])
def test_random_changes_are_followed_while_tables_are_packed(
    packed: list[str], api: Api, database: psycopg.Connection[Any], logged_url: str, seed: int
) -> None:
    work = Workload(database, seed)
    source = connect(api, logged_url, cdc("things"), cdc("others"))
    settled(api, source, "things", "others")
    for _ in range(8):
        before = len(packed)
        for _ in range(30):
            work.step()
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
        until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
        until(lambda before=before: len(packed) > before)  # type: ignore[misc]
    assert compared(rows(api, OURS)) == compared(theirs(database, THEIRS))
    settled(api, source, "things", "others")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_changes_are_followed_row_for_row(
    api: Api, database: psycopg.Connection[Any], logged_url: str, seed: int
) -> None:
    work = Workload(database, seed)
    source = connect(api, logged_url, cdc("things"), cdc("others"))
    for number in range(250):  # some of them before, while and after the tables are read
        work.step()
        if number == 100:
            settled(api, source, "things", "others")
    until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
    until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
    settled(api, source, "things", "others")


def test_a_transaction_larger_than_memory_should_hold_is_whole_or_not_there(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("others"))
    settled(api, source, "others")
    database.execute("UPDATE others SET amount = 1; INSERT INTO others SELECT i, 1 FROM generate_series(100, 400000) i")
    counts = set()

    def counted() -> int:
        ((count,),) = rows(api, "select count() from postgres_others")
        counts.add(count)
        return int(count)

    until(counted, 50 + 399_901)
    assert counts <= {50, 50 + 399_901}
    assert rows(api, "select sum(amount) from postgres_others") == [[50 + 399_901]]


def test_kills_at_any_moment_lose_and_double_nothing(
    tmp_path: Path, database: psycopg.Connection[Any], logged_url: str
) -> None:
    key = f"phx_{secrets.token_hex(16)}"
    stop, chance = threading.Event(), random.Random(7)

    def write() -> None:
        with psycopg.connect(logged_url, autocommit=True) as connection:
            work = Workload(connection, 11)
            while not stop.wait(0.01):
                work.step()

    writer = threading.Thread(target=write)
    writer.start()
    server = _started(tmp_path / "home", key)
    try:
        with closing(server.client(key)) as client:
            payload = {**config_of(logged_url), "cdc_enabled": True, "schemas": [cdc("things"), cdc("others")]}
            path = "/api/projects/1/external_data_sources"
            client.post(path, json={"source_type": "Postgres", "payload": payload}).raise_for_status()
        for _ in range(int(os.environ.get("HEDGEROW_TEST_KILLS", "6"))):
            time.sleep(chance.uniform(0.2, 3.0))
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            server = _started(tmp_path / "home", key)
        stop.set()
        writer.join()
        with closing(server.client(key)) as client:
            until(lambda: _all(client, OURS) == compared(theirs(database, THEIRS)))
            until(lambda: _rows(client, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
    finally:
        stop.set()
        writer.join()
        server.stop()


def _started(home: Path, key: str) -> Server:
    server = Server(home, {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"})
    server.await_ready(WAIT)
    return server


def _rows(client: httpx.Client, query: str) -> Any:
    answer = client.post("/api/projects/1/query", json={"query": {"kind": "HogQLQuery", "query": query}})
    return answer.json()["results"] if answer.is_success else None


def _all(client: httpx.Client, query: str) -> Any:
    return compared(_rows(client, query) or ())
