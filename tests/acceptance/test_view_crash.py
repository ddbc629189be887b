"""A server killed while it makes views into tables: the old one serves, the run is done again, nothing is left over."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

_CSV = b"id,city\n1,Rome\n2,Oslo\n3,Rome\n"
_SLOW = "select count() + {n} as n from numbers(20000000000)"
_PROJECT = "/api/projects/1"
_VIEWS = f"{_PROJECT}/warehouse_saved_queries"


def _query(text: str) -> dict[str, str]:
    return {"kind": "HogQLQuery", "query": text}


def _until(true: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _status(client: httpx.Client, view: str) -> str | None:
    found: str | None = client.get(f"{_VIEWS}/{view}").json()["status"]
    return found


def _rows(client: httpx.Client, text: str) -> list[list[Any]]:
    answer = client.post(f"{_PROJECT}/query", json={"query": _query(text)})
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["results"]
    return found


def _built(home: Path) -> list[tuple[str, str]]:
    """Tables made from queries by their state, as the store has them."""
    with closing(sqlite3.connect(home / "metadata.sqlite")) as connection:
        return connection.execute("SELECT physical, state FROM built_tables").fetchall()


def test_a_killed_run_is_done_again_and_the_old_table_serves(tmp_path: Path) -> None:
    key, home = token("phx_"), tmp_path / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"}
    with start_server(home, environment) as server:
        with server.client(key) as client:
            files = {"file": ("t.csv", _CSV)}
            assert client.post(f"{_PROJECT}/warehouse_tables/file", data={"name": "t"}, files=files).is_success
            made = client.post(_VIEWS, json={"name": "cities", "query": _query("select id, city from t")}).json()
            slow = client.post(_VIEWS, json={"name": "slow", "query": _query(_SLOW.replace("{n}", "1"))}).json()
            client.post(f"{_VIEWS}/{made['id']}/materialize")
            _until(lambda: _status(client, made["id"]) == "Completed")
            client.post(f"{_VIEWS}/{slow['id']}/run")
            _until(lambda: len(_built(home)) == 2)
            assert _status(client, slow["id"]) == "Running"
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert sorted(state for _, state in _built(home)) == ["building", "live"]
    with start_server(home, environment) as server, server.client(key) as client:
        assert _rows(client, "select count() from cities") == [[3]]
        assert _status(client, made["id"]) == "Completed"
        # Taken over at once, and begun anew in a table of its own.
        assert _status(client, slow["id"]) == "Running"
        _until(lambda: sorted(state for _, state in _built(home)) == ["building", "live"])
        assert client.post(f"{_VIEWS}/{slow['id']}/cancel").status_code == 200
        _until(lambda: [state for _, state in _built(home)] == ["live"])
        assert _rows(client, "select count() from cities") == [[3]]
