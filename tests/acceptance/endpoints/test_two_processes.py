"""Two processes that refresh one version: at once, and when the one that does it is paused or killed."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import INSERTING, asked, built, busy, server_rows, server_tables, states, until
from tests.support.clickhouse_node import Node
from tests.support.endpoint_desk import SLOW, Desk, query
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, clickhouse_node: Node) -> Iterator[tuple[Server, Server]]:
    shared = {
        "HEDGEROW_DATABASE_URL": postgres_url,
        "HEDGEROW_ENGINE_URL": clickhouse_node.url,
        "HEDGEROW_FILES_URL": str(tmp_path / "files"),
        "HEDGEROW_SECRET_KEY": "the same in both",
        "HEDGEROW_BOOTSTRAP_KEY": _KEY,
        "HEDGEROW_THROTTLE": "false",
        "HEDGEROW_JOB_LEASE": "1.5",
    }
    with start_server(tmp_path / "one", shared) as one, start_server(tmp_path / "two", shared) as two:
        yield one, two


def _refreshing(store: str, servers: tuple[Server, Server]) -> tuple[Server, Server]:
    """The server that fills a table now, and the other."""
    until(lambda: "building" in states(store))
    ((worker,),) = until(lambda: asked(store, "SELECT worker FROM jobs WHERE state = 'running'"))
    one, two = servers
    return (one, two) if int(worker.split(":")[1]) == one.process.pid else (two, one)


def test_a_version_is_refreshed_by_one_at_a_time(
    pair: tuple[Server, Server], postgres_url: str, clickhouse_node: Node
) -> None:
    with pair[0].client(_KEY) as client, pair[1].client(_KEY) as other:
        desks = Desk(client), Desk(other)
        desks[0].prepare()
        until(lambda: other.get("/api/projects/1/endpoints/cities").status_code == 200)
        asking = [threading.Thread(target=_ask_often, args=(desk,)) for desk in desks]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        until(lambda: not busy(postgres_url))
        for desk in desks:
            desk.answers(1)
        assert states(postgres_url).count("live") == 1
        assert asked(postgres_url, "SELECT kind, error FROM jobs WHERE state = 'failed'") == []
        assert server_tables(clickhouse_node.http_port) == set(built(postgres_url))


def _ask_often(desk: Desk) -> None:
    for _ in range(4):
        for bucket in ("hour", "day"):
            desk.change(1, bucket_overrides={"ts": bucket})
            desk.answers(1, path=None)


def test_another_goes_on_where_one_is_paused_or_killed(
    pair: tuple[Server, Server], postgres_url: str, clickhouse_node: Node
) -> None:
    with pair[0].client(_KEY) as client:
        Desk(client).prepare()
        Desk(client).change(query=query(2, SLOW))
    paused, other = _refreshing(postgres_url, pair)
    paused.process.send_signal(signal.SIGSTOP)
    try:
        with other.client(_KEY) as client:
            desk = Desk(client)
            desk.answers(1)
            desk.gate(opened=True)
            desk.completes(2)
            desk.answers(2)
    finally:
        paused.process.send_signal(signal.SIGCONT)
    with other.client(_KEY) as client:
        desk = Desk(client)
        until(lambda: states(postgres_url).count("building") == 0)
        until(lambda: server_rows(clickhouse_node.http_port, INSERTING) == [])
        desk.answers(2)
        assert desk.status(2)["status"] == "Completed"
        desk.gate(opened=False)
        desk.change(query=query(3, SLOW))
    killed, other = _refreshing(postgres_url, pair)
    killed.process.kill()
    killed.process.wait()
    with other.client(_KEY) as client:
        desk = Desk(client)
        desk.answers(1)
        desk.gate(opened=True)
        desk.completes(3)
        for version in (1, 3):
            desk.answers(version)
        desk.answers(2, path=None)  # inline: the gate was changed since its tables were made
        until(lambda: not busy(postgres_url) and "building" not in states(postgres_url), 120)
        until(lambda: server_rows(clickhouse_node.http_port, INSERTING) == [])
        assert server_tables(clickhouse_node.http_port) == set(built(postgres_url))
