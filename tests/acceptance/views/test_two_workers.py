"""Two processes share the runs of views: each is done once; what one leaves when it is killed, the other takes over."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import create_engine, text

from hedgerow.kit.ids import token
from tests.support.processes import Server, start_server
from tests.support.view_desk import COUNTED, ENDLESS, FEW, Desk, built, states, until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, redis_url: str, clickhouse_url: str) -> Iterator[tuple[Server, Server]]:
    shared = {
        "HEDGEROW_DATABASE_URL": postgres_url,
        "HEDGEROW_CACHE_URL": redis_url,
        "HEDGEROW_ENGINE_URL": clickhouse_url,
        "HEDGEROW_FILES_URL": str(tmp_path / "files"),
        "HEDGEROW_SECRET_KEY": "the same in both",
        "HEDGEROW_BOOTSTRAP_KEY": _KEY,
        "HEDGEROW_THROTTLE": "false",
        "HEDGEROW_JOB_LEASE": "1.5",
    }
    with start_server(tmp_path / "one", shared) as one, start_server(tmp_path / "two", shared) as two:
        yield one, two


def _in_server(url: str) -> set[str]:
    """Tables made from queries that the ClickHouse server has."""
    sql = "SELECT name FROM system.tables WHERE database = 'p1' AND name LIKE 'm\\_%' FORMAT JSONCompactEachRow"
    with urllib.request.urlopen(f"http://{urlsplit(url).netloc.split('@')[-1]}/?query={quote(sql)}") as answer:
        return {json.loads(line)[0] for line in answer.read().splitlines()}


def _building(url: str) -> list[str]:
    return [name for name, state in built(url) if state == "building"]


def _worker(url: str) -> int:
    """The process that runs the one job that runs."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        (worker,) = connection.execute(text("SELECT worker FROM jobs WHERE state = 'running'")).one()
    engine.dispose()
    return int(str(worker).split(":")[1])


def test_two_processes_share_a_wave_and_one_takes_over(
    pair: tuple[Server, Server], postgres_url: str, clickhouse_url: str
) -> None:
    before = _in_server(clickhouse_url)
    with ExitStack() as stack:
        desks = [Desk(stack.enter_context(server.client(_KEY))) for server in pair]
        desks[0].count_to(FEW)
        counted = desks[0].save("counted", COUNTED)
        middle = [desks[0].save(f"middle{i}", f"select n + {i} as n from counted") for i in range(5)]
        leaf = desks[0].save("leaf", " union all ".join(f"select n from middle{i}" for i in range(5)))
        views = [leaf, *middle, counted]
        for desk in desks:  # both ask for the same
            desk.run(*views)
        for view in views:
            desks[1].ends(view, "Completed")
        assert [len(desks[1].history(view)) for view in views] == [1] * 7
        assert desks[1].rows("select n from leaf order by n") == [[FEW + i] for i in range(5)]

        desks[0].count_to(ENDLESS)
        desks[0].run(counted)
        desks[0].builds(postgres_url)
        killed = _worker(postgres_url)
        dead = next(server for server in pair if server.process.pid == killed)
        left = desks[0 if dead is pair[1] else 1]
        half = _building(postgres_url)
        os.kill(killed, signal.SIGKILL)
        dead.process.wait()
        assert left.rows("select n from counted") == [[FEW]]
        # Taken over in a table of its own, and the dead one's is swept away.
        until(lambda: len(now := _building(postgres_url)) == 1 and now != half, 40)
        assert _worker(postgres_url) != killed
        assert left.rows("select n from counted") == [[FEW]]
        left.cancel(counted)
        left.ends(counted, "Cancelled")
        left.count_to(5)
        left.run(*views)
        left.ends(leaf, "Completed")
        assert left.rows("select n from leaf order by n") == [[5 + i] for i in range(5)]
        until(lambda: "building" not in states(postgres_url), 20)
        until(lambda: _in_server(clickhouse_url) - before == {name for name, _ in built(postgres_url)}, 20)
