"""Syncs under what real machines and networks do: kills at any moment, cut connections, changed passwords."""

import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import incremental
from tests.support.processes import Server, start_server

pytestmark = pytest.mark.acceptance
KEY = "phx_0123456789abcdef0123456789abcdef"
_KILLS = 6
_ROWS = 150_000
_WAIT = 90.0
_TABLES = ("changing", "growing", "whole")
_MAKE = "CREATE TABLE {0} (id bigint PRIMARY KEY, word text, size numeric(20, 4), seen bigint)"
_FILL = "INSERT INTO {0} SELECT i, md5(i::text), i * 1.25, {3} + i FROM generate_series({1}, {2}) i"
_ROUND = 1_000_000
"""Beyond all ids: what a round writes comes after all that earlier ones wrote, as an incremental field must."""


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for table in _TABLES:
            connection.execute(_MAKE.format(table))
            connection.execute(_FILL.format(table, 1, _ROWS, 0))
        yield connection


class Client:
    """The API of one server process."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @classmethod
    @contextmanager
    def of(cls, server: Server) -> Iterator["Client"]:
        with server.client(KEY) as http:
            yield cls(http)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"/api/projects/1/{path}", json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def settled(self, source: str) -> dict[str, Any]:
        end = time.monotonic() + _WAIT
        while time.monotonic() < end:
            found: dict[str, Any] = self.call("GET", f"external_data_sources/{source}")
            if not [each for each in found["schemas"] if each["status"] == "Running"]:
                return found
            time.sleep(0.1)
        raise AssertionError(found)

    def sums(self, table: str) -> list[Any]:
        columns = "count(), sum(id), sum(size), sum(seen), sum(cityHash64(id, word, size, seen))"
        text = f"select {columns} from postgres.{table}"
        body = {"query": {"kind": "HogQLQuery", "query": text}}
        found: list[Any] = self.call("POST", "query/", body)["results"][0]
        return found


def _wishes() -> list[dict[str, Any]]:
    whole = {"name": "whole", "should_sync": True, "sync_type": "full_refresh"}
    return [incremental("changing", "seen"), incremental("growing", "seen", sync_type="append"), whole]


def _change(database: psycopg.Connection[Any], number: int) -> None:
    """Rows that are new in each table, and rows that are changed in the one that is updated by key.

    All at once: a sync that a kill has left over may read meanwhile, and would go on after the highest it has seen.
    """
    first, start = _ROWS + number * 1_000, number * _ROUND
    with database.transaction():
        for table in _TABLES:
            database.execute(_FILL.format(table, first + 1, first + 1_000, start))
        database.execute(f"UPDATE changing SET word = 'round {number}', seen = {start} + id WHERE id % 97 = {number}")
        database.execute(f"DELETE FROM whole WHERE id % 101 = {number}")


def test_nothing_is_lost_or_doubled_by_kills_at_any_moment(
    database: psycopg.Connection[Any], postgres_url: str, tmp_path: Path
) -> None:
    home, source, chance = tmp_path / "home", "", random.Random()
    settings = {"HEDGEROW_BOOTSTRAP_KEY": KEY, "HEDGEROW_WORKERS": "3"}
    payload = {**config_of(postgres_url), "schema": "public", "schemas": _wishes()}
    for number in range(_KILLS):
        with start_server(home, settings) as server, Client.of(server) as client:
            if not source:
                source = client.call("POST", "external_data_sources", {"source_type": "Postgres", "payload": payload})[
                    "id"
                ]
            else:
                _change(database, number)
                client.call("POST", f"external_data_sources/{source}/reload")
            time.sleep(chance.uniform(0, 1.5))
            server.stop(signal.SIGKILL)
    with start_server(home, settings) as server, Client.of(server) as client:
        client.settled(source)
        client.call("POST", f"external_data_sources/{source}/reload")
        found = client.settled(source)
        assert found["status"] == "Completed", found
        shown = {table: client.sums(table) for table in _TABLES}
        # What they hold when they are read anew is what they should have held.
        for each in found["schemas"]:
            client.call("POST", f"external_data_schemas/{each['id']}/resync")
        client.settled(source)
        assert shown == {table: client.sums(table) for table in _TABLES}
        for table in _TABLES:
            counted = database.execute(f"SELECT count(*), sum(id)::bigint, sum(seen)::bigint FROM {table}").fetchone()
            assert counted == (shown[table][0], shown[table][1], shown[table][3])


@contextmanager
def _proxy(port: int) -> Iterator[tuple[int, dict[str, int]]]:
    """A way to `port` that is cut after so many bytes of an answer, as long as `cuts` are left."""
    state = {"cuts": 0, "after": 0, "made": 0}
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(inside: socket.socket, outside: socket.socket, counts: bool) -> None:
        seen = 0
        with suppress(OSError):
            while chunk := inside.recv(65_536):
                seen += len(chunk)
                if counts and state["cuts"] and seen > state["after"]:
                    state["cuts"] -= 1
                    state["made"] += 1
                    break
                outside.sendall(chunk)
        for each in (inside, outside):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def pair(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            asking = threading.Thread(target=pump, args=(client, server, False), daemon=True)
            asking.start()
            pump(server, client, True)
            asking.join()

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=pair, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1], state
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def test_a_connection_that_is_cut_is_made_again(
    database: psycopg.Connection[Any], postgres_url: str, tmp_path: Path
) -> None:
    config = config_of(postgres_url)
    with (
        _proxy(int(config["port"])) as (port, state),
        start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server,
        Client.of(server) as client,
    ):
        payload = {**config, "host": "127.0.0.1", "port": port, "schema": "public", "schemas": _wishes()[:1]}
        made = client.call("POST", "external_data_sources", {"source_type": "Postgres", "payload": payload})
        client.settled(made["id"])
        whole = client.sums("changing")
        (schema,) = [each for each in made["schemas"] if each["should_sync"]]
        state.update(cuts=2, after=2_000_000)
        client.call("POST", f"external_data_schemas/{schema['id']}/resync")
        found = client.settled(made["id"])
        assert (found["status"], found["latest_error"], state["made"]) == ("Completed", None, 2)
        assert client.sums("changing") == whole


def test_a_password_that_was_changed_is_told_and_mended(locked_postgres: str, tmp_path: Path) -> None:
    config = config_of(locked_postgres)
    with psycopg.connect(locked_postgres, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS changing")
        database.execute(_MAKE.format("changing"))
        database.execute(_FILL.format("changing", 1, 10, 0))
        database.execute("DROP ROLE IF EXISTS reader")
        database.execute("CREATE ROLE reader LOGIN PASSWORD 'first'")
        database.execute("GRANT SELECT ON changing TO reader")
        with (
            start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server,
            Client.of(server) as client,
        ):
            login = {**config, "user": "reader", "password": "first"}
            payload = {**login, "schema": "public", "schemas": _wishes()[:1]}
            made = client.call("POST", "external_data_sources", {"source_type": "Postgres", "payload": payload})["id"]
            assert client.settled(made)["status"] == "Completed"
            database.execute("ALTER ROLE reader PASSWORD 'second'")
            client.call("POST", f"external_data_sources/{made}/reload")
            found = client.settled(made)
            assert (found["status"], found["latest_error"]) == ("Failed", "The user or the password is wrong.")
            assert client.sums("changing")[0] == 10
            client.call("PATCH", f"external_data_sources/{made}", {"job_inputs": {"password": "second"}})
            client.call("POST", f"external_data_sources/{made}/reload")
            assert client.settled(made)["status"] == "Completed"
            assert "second" not in server.log
            assert "first" not in server.log
        database.execute("DROP TABLE changing")
        database.execute("DROP ROLE reader")
