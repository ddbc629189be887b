"""Two processes over one store: a sync runs once, and that of a process that dies is taken over by the other."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.sources.conftest import SETTINGS, Client, Remote, by_cursor, until
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_READING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hedgerow' AND query LIKE 'COPY%'"


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, redis_url: str, clickhouse_url: str) -> Iterator[tuple[Server, Server]]:
    shared = {
        **SETTINGS,
        "HEDGEROW_DATABASE_URL": postgres_url,
        "HEDGEROW_CACHE_URL": redis_url,
        "HEDGEROW_ENGINE_URL": clickhouse_url,
        "HEDGEROW_FILES_URL": str(tmp_path / "files"),
        "HEDGEROW_SECRET_KEY": "the same in both",
        "HEDGEROW_JOB_LEASE": "5",
    }
    with start_server(tmp_path / "one", shared) as one, start_server(tmp_path / "two", shared) as two:
        yield one, two


def test_a_sync_runs_once_and_outlives_its_process(pair: tuple[Server, Server], pg: Remote) -> None:
    pg.do("CREATE TABLE written (id bigint PRIMARY KEY)", "INSERT INTO written VALUES (0)")
    # Slow enough that two runs at once would be seen, and would append each row twice.
    pg.do("CREATE VIEW slow AS SELECT id, pg_sleep(0.01)::text AS slept FROM written")
    wish = {**by_cursor("slow", "id", "append"), "primary_key_columns": ["id"]}
    with Client.of(pair[0]) as one, Client.of(pair[1]) as two:
        source = one.add(pg.source_type, pg.config, wish)
        assert one.settled(source)["status"] == "Completed"
        for number in range(1, 4):
            pg.do(f"INSERT INTO written SELECT {number} * 100 + n FROM generate_series(0, 49) n")
            one.act(source, "slow")
            two.act(source, "slow")
            until(lambda: pg.do(_READING)[0][0])
            assert pg.do(_READING)[0][0] == 1
            assert two.settled(source)["latest_error"] is None
            _serves(one, source, number * 50 + 1)
        pg.do("INSERT INTO written SELECT 1000 + n FROM generate_series(0, 199) n")
        one.act(source, "slow")
        until(lambda: pg.do(_READING)[0][0])
        worker = pair[0] if _runs_here(pair[0]) else pair[1]
        other = two if worker is pair[0] else one
        worker.stop(signal.SIGKILL)
        assert other.settled(source)["latest_error"] is None
        _serves(other, source, 351)


def _serves(client: Client, source: str, count: int) -> None:
    """So many rows, each once: what another process has published, a process knows a second later."""
    until(lambda: client.rows(source, "slow", "count(), uniqExact(id)", "1") == [[count] * 2])


def _runs_here(server: Server) -> bool:
    """Whether the last sync that began is this process's."""
    lines = [line for line in server.log.splitlines() if '"kind":"sync"' in line]
    return bool(lines) and "job began" in lines[-1]
