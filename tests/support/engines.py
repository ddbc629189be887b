"""Fixtures for the query engines: the embedded one, a real ClickHouse server, and a real cluster of two shards."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.clickhouse import ClickHouseEngine
from hedgerow.engine.server import url as server_url
from tests.support.clickhouse_library import fetch
from tests.support.clickhouse_node import CLUSTER, Node, start_nodes
from tests.support.require import missing

_shared: list[Node] = []
_SERVED = {"clickhouse_url", "clickhouse_engine", "cluster_url", "cluster_engine"}


@pytest.fixture(autouse=True)
def _shared_nodes_stand(request: pytest.FixtureRequest) -> None:
    """What ended is started again, as a server's supervisor does: the library that is a node here ends where another
    node hangs up on it, which one does whose part of a query has failed. ClickHouse's own server would go on."""
    given = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    wanted = {*request.fixturenames, *(each for each in given if isinstance(each, str))}
    for node in _shared if wanted & _SERVED else ():
        if not node.stands():
            node.stop()
            node.start_again()


@pytest.fixture(scope="session")
def chdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """The embedded engine. One process opens one folder: all tests share it and part by database."""
    engine = ChdbEngine(tmp_path_factory.mktemp("engine"))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`clickhouse://…` of a server: the one of HEDGEROW_TEST_CLICKHOUSE_URL, else one started here."""
    if given := os.environ.get("HEDGEROW_TEST_CLICKHOUSE_URL"):
        yield given
        return
    _need_library()
    (node,) = start_nodes(tmp_path_factory.mktemp("clickhouse"), 1)
    _shared.append(node)
    yield node.url
    _shared.remove(node)
    node.stop()


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`clickhouse://…?cluster=…` of two shards started here."""
    _need_library()
    nodes = start_nodes(tmp_path_factory.mktemp("cluster"), 2)
    _shared.extend(nodes)
    hosts = ",".join(f"127.0.0.1:{node.http_port}" for node in nodes)
    yield f"clickhouse://default@{hosts}/?cluster={CLUSTER}"
    for node in nodes:
        _shared.remove(node)
        node.stop()


@pytest.fixture
def clickhouse_node(tmp_path: Path) -> Iterator[Node]:
    """A server of the test's own, which it may kill and start again."""
    _need_library()
    folder = tmp_path / "clickhouse"
    folder.mkdir()
    (node,) = start_nodes(folder, 1)
    yield node
    node.stop()


@pytest.fixture(scope="session")
def clickhouse_engine(clickhouse_url: str) -> Iterator[ClickHouseEngine]:
    """An engine over the server."""
    engine = ClickHouseEngine(server_url.parse(clickhouse_url))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def cluster_engine(cluster_url: str) -> Iterator[ClickHouseEngine]:
    """An engine over the cluster."""
    engine = ClickHouseEngine(server_url.parse(cluster_url))
    yield engine
    asyncio.run(engine.close())


def _need_library() -> None:
    if reason := fetch():
        missing("ClickHouse server", reason)
