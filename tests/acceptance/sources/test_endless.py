"""Sources that never end or never answer: they can be ended, take no memory, and hold up nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.sources.conftest import Client, Remote, until, whole
from tests.support.api_server import Answer, ApiServer, Asked
from tests.support.processes import Server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_PAGE = 500
_MOST_MEMORY = 700 << 20
"""More than reading ahead ever takes, and far less than what has come by then."""


def _memory(server: Server) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) << 10


@pytest.fixture
def endless() -> Iterator[ApiServer]:
    """An API whose pages never end, and one resource of two rows."""
    word = "x" * 1000

    def things(asked: Asked) -> Answer:
        first = int(asked.params.get("page", "1")) * _PAGE
        return Answer([{"id": first + n, "word": word} for n in range(_PAGE)])

    api = ApiServer()
    api.route("GET", "/things", things)
    api.route("GET", "/few", lambda _asked: Answer([{"id": 1}, {"id": 2}]))
    with api.running():
        yield api


def _manifest(api: ApiServer) -> dict[str, Any]:
    pages = {"type": "page_number"}
    resources = [
        {"name": "things", "endpoint": {"path": "things", "paginator": pages}, "primary_key": "id"},
        {"name": "few", "endpoint": {"path": "few", "paginator": "single_page"}, "primary_key": "id"},
    ]
    return {"manifest_json": json.dumps({"client": {"base_url": api.url}, "resources": resources})}


def _cancelled(client: Client, source: str, table: str) -> None:
    client.act(source, table, "cancel")
    schema = client.schema(source, table)
    assert (schema["status"], schema["latest_error"], schema["table"]) == ("Failed", "The sync was cancelled.", None)


def _come(client: Client, source: str, table: str) -> int:
    """How many rows have come so far, as the run shows."""
    return int(client.runs(source, table)[0]["rows_synced"])


def _quiet(count: Callable[[], int]) -> bool:
    """Whether nothing is asked for any more."""
    import time

    before = count()
    time.sleep(1)
    return count() == before


def test_pages_that_never_end(client: Client, server: Server, endless: ApiServer) -> None:
    before = _memory(server)
    source = client.add("Custom", _manifest(endless), whole("things"), whole("few"))
    until(lambda: client.schema(source, "few")["status"] == "Completed")
    assert client.rows(source, "few", "id") == [[1], [2]]
    until(lambda: _come(client, source, "things") >= 60 * _PAGE)
    assert client.schema(source, "things")["status"] == "Running"
    assert _memory(server) - before < _MOST_MEMORY
    _cancelled(client, source, "things")
    until(lambda: _quiet(lambda: len(endless.requests)))


def test_rows_that_never_end(client: Client, server: Server, remote: Remote) -> None:
    if remote.source_type == "Postgres":
        remote.do("CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id, repeat('x', 100) AS word")
    else:
        remote.do("CREATE VIEW endless AS SELECT seq AS id, repeat('x', 100) AS word FROM seq_1_to_1000000000000")
    remote.do("CREATE TABLE other (id bigint PRIMARY KEY)", "INSERT INTO other VALUES (1)")
    before = _memory(server)
    source = client.add(remote.source_type, remote.config, whole("endless"), whole("other"))
    until(lambda: client.schema(source, "other")["status"] == "Completed")
    until(lambda: _come(client, source, "endless") >= 400_000)
    assert _memory(server) - before < _MOST_MEMORY
    _cancelled(client, source, "endless")
    until(lambda: _connections(remote) == 0)


def test_a_remote_that_never_answers(client: Client, remote: Remote) -> None:
    sleeping = "pg_sleep(100000)::text" if remote.source_type == "Postgres" else "SLEEP(100000)"
    remote.do(f"CREATE VIEW silent AS SELECT 1 AS id, {sleeping} AS slept")
    source = client.add(remote.source_type, remote.config, whole("silent"))
    until(lambda: _connections(remote) == 1 and client.runs(source, "silent"))
    _cancelled(client, source, "silent")
    if remote.source_type == "Postgres":  # the other one notices once it has slept: `_quiet` is for it to show
        until(lambda: _connections(remote) == 0)


def _connections(remote: Remote) -> int:
    if remote.source_type == "Postgres":
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hedgerow' AND datname = current_database()"
        )
    else:
        sql = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"
    return int(remote.do(sql)[0][0])
