"""A ClickHouse server that is killed and comes back under a running process, and large values on their way to it."""

import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import INSERTING, built, busy, server_rows, server_tables, states, until
from tests.support.clickhouse_node import Node
from tests.support.endpoint_desk import PROJECT, SLOW, Desk, query
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")


def test_an_engine_that_comes_back_finds_everything_as_it_was(tmp_path: Path, clickhouse_node: Node) -> None:
    home = tmp_path / "home"
    environment = {
        "HEDGEROW_BOOTSTRAP_KEY": _KEY,
        "HEDGEROW_THROTTLE": "false",
        "HEDGEROW_ENGINE_URL": clickhouse_node.url,
    }
    with start_server(home, environment) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.prepare()
        desk.answers(1)
        # One refresh is killed with the engine, another is asked for while it is away.
        desk.change(query=query(2, SLOW))
        until(lambda: server_rows(clickhouse_node.http_port, INSERTING))
        clickhouse_node.stop()
        refused = client.post(f"{PROJECT}/endpoints/cities/run", json={"version": 1, "variables": {"city": "c1"}})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
        values = {"city": "c1", "since": "2026-01-01"}
        away = client.post(f"{PROJECT}/endpoints/cities/run", json={"version": 1, "variables": values})
        assert (away.status_code, away.json()["code"]) == (503, "query_capacity")
        until(lambda: desk.status(2)["status"] == "Failed")
        assert "query engine" in desk.status(2)["error"]
        assert client.get(f"{PROJECT}/endpoints/cities").status_code == 200
        clickhouse_node.start_again()
        desk.answers(1)
        until(lambda: desk.status(2)["status"] == "Running")
        desk.change(2, is_materialized=False)
        assert desk.change(query=query(3))["current_version"] == 3
        desk.change(3, is_materialized=True)
        desk.completes(3)
        for version in (1, 3):
            desk.answers(version)
        until(lambda: not busy(home) and "building" not in states(home))
        until(lambda: server_rows(clickhouse_node.http_port, INSERTING) == [])  # a query that is ended takes a moment
        until(lambda: server_tables(clickhouse_node.http_port) == set(built(home)))


def test_values_of_any_size_reach_a_server(tmp_path: Path, clickhouse_url: str) -> None:
    """A text of a megabyte and a list of thousands are values like any other."""
    environment = {"HEDGEROW_BOOTSTRAP_KEY": _KEY, "HEDGEROW_ENGINE_URL": clickhouse_url}
    with start_server(tmp_path / "home", environment) as server, server.client(_KEY) as client:
        for name, kind in {"text": "String", "texts": "List"}.items():
            client.post(f"{PROJECT}/insight_variables", json={"name": name, "type": kind})
        body = {"kind": "HogQLQuery", "query": "select length({variables.text}), {variables.text} in {variables.texts}"}
        made = client.post(f"{PROJECT}/endpoints", json={"name": "large", "query": body})
        assert made.status_code == 201, made.text
        large = "é'\\" * 350_000
        for text in (large, large[:40_000], "é"):
            for there in (0, 1):
                values = {"text": text, "texts": [f"x{n}" for n in range(20_000)] + [text] * there}
                answer = client.post(f"{PROJECT}/endpoints/large/run", json={"variables": values})
                assert answer.status_code == 200, answer.text[:1000]
                assert answer.json()["results"] == [[len(text.encode()), there]]


def test_a_stop_waits_for_nobodys_query(tmp_path: Path, clickhouse_node: Node) -> None:
    """Another machine's, of a table that was replaced: it may run for an hour."""
    environment = {"HEDGEROW_BOOTSTRAP_KEY": _KEY, "HEDGEROW_ENGINE_URL": clickhouse_node.url}
    with start_server(tmp_path / "home", environment) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.prepare(materialized=False)
        tables = "SELECT name FROM system.tables WHERE database = 'p1' AND total_rows = 1"
        ((gate,),) = server_rows(clickhouse_node.http_port, tables)
        endless = f"SELECT count() FROM p1.{gate} AS t, numbers(1000000000000) AS x WHERE sipHash64(x.number) = 1"
        with suppress(httpx.ReadTimeout):
            httpx.post(f"http://127.0.0.1:{clickhouse_node.http_port}/", content=endless, timeout=1)
        desk.gate(opened=True)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        reading = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM p1%'"
        assert server_rows(clickhouse_node.http_port, reading) == [[1]]
