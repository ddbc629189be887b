"""A server killed in a version's refresh: the tables that are there serve, it begins anew, nothing is left."""

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
_QUICK = "select city, count() as n from t where city = {variables.city} group by city"
_SLOW = _QUICK.replace("from t", "from t cross join numbers(20000000000) as x")
_PROJECT = "/api/projects/1"
_ENDPOINT = f"{_PROJECT}/endpoints/cities"


def _until(true: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _status(client: httpx.Client, version: int) -> str | None:
    found: str | None = client.get(f"{_ENDPOINT}/materialization_status?version={version}").json()["status"]
    return found


def _run(client: httpx.Client) -> tuple[Any, str]:
    body = {"variables": {"city": "Rome"}, "version": 1, "debug": True}
    answer = client.post(f"{_ENDPOINT}/run", json=body).json()
    return answer["results"], answer["path"]


def _states(home: Path) -> list[str]:
    """Tables made from queries, by their state in the store."""
    with closing(sqlite3.connect(home / "metadata.sqlite")) as connection:
        return sorted(state for (state,) in connection.execute("SELECT state FROM built_tables"))


def test_a_killed_refresh_begins_anew_and_the_other_version_serves(tmp_path: Path) -> None:
    key, home = token("phx_"), tmp_path / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"}
    with start_server(home, environment) as server:
        with server.client(key) as client:
            files = {"file": ("t.csv", _CSV)}
            assert client.post(f"{_PROJECT}/warehouse_tables/file", data={"name": "t"}, files=files).is_success
            client.post(f"{_PROJECT}/insight_variables", json={"name": "city", "type": "String"})
            query = {"kind": "HogQLQuery", "query": _QUICK}
            wishes = {"name": "cities", "query": query, "is_materialized": True}
            assert client.post(f"{_PROJECT}/endpoints", json=wishes).status_code == 201
            _until(lambda: _status(client, 1) == "Completed")
            changed = client.patch(_ENDPOINT, json={"query": {**query, "query": _SLOW}})
            assert changed.json()["current_version"] == 2
            _until(lambda: _states(home) == ["building", "live"])
            assert _run(client) == ([["Rome", 2]], "materialized")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert _states(home) == ["building", "live"]
    with start_server(home, environment) as server, server.client(key) as client:
        assert _run(client) == ([["Rome", 2]], "materialized")
        # Taken over at once, and begun anew in a table of its own.
        _until(lambda: _status(client, 2) == "Running")
        _until(lambda: _states(home) == ["building", "live"])
        assert client.patch(f"{_ENDPOINT}?version=2", json={"is_materialized": False}).status_code == 200
        _until(lambda: _states(home) == ["live"])
        assert _status(client, 2) is None
        assert _run(client) == ([["Rome", 2]], "materialized")
