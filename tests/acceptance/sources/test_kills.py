"""Kills at any moment: whatever was under way is taken up again, and no row is lost or doubled."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.sources.conftest import SETTINGS, Client, Remote, by_cursor, running, whole
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_CUT = int(os.environ.get("HEDGEROW_TEST_KILLED_SYNCS", "50"))
"""So many syncs are broken off by kills before the rows are compared."""
_MOST_KILLS = 2 * _CUT
_ROWS = 6_000
_EACH = 150
_KINDS = ("changing", "growing", "whole")
_TABLES = tuple(f"{kind}{number}" for kind in _KINDS for number in (1, 2))
"""Two of each kind, all synced at once: a kill meets each at another point of its way."""
_MAKE = "CREATE TABLE {0} (id bigint PRIMARY KEY, word text, size numeric(20, 4), seen bigint, at timestamptz)"
_FILL = "INSERT INTO {0} SELECT i, md5(i::text), i * 1.25, {3} + i, to_timestamp(i) FROM generate_series({1}, {2}) i"
_ROUND = 1_000_000
"""Beyond all ids: what a round writes comes after all that earlier ones wrote, as an incremental field must."""
_COLUMNS = "id, word, toString(size), seen, toUnixTimestamp(at)"
_THEIRS = "SELECT id, word, size::text, seen, extract(epoch FROM at)::bigint FROM {0} ORDER BY id"


def _change(pg: Remote, number: int) -> None:
    """Rows that are new in each table, and rows that are changed in the one that is updated by key.

    All at once: a sync that a kill has left over may read meanwhile, and would go on after the highest it has seen.
    """
    first, start = _ROWS + number * _EACH, number * _ROUND
    fills = [_FILL.format(table, first + 1, first + _EACH, start) for table in _TABLES]
    changed = f"SET word = 'round {number}', seen = {start} + id WHERE id % 97 = {number}"
    updates = [f"UPDATE {table} {changed}" for table in _TABLES if table.startswith("changing")]
    deletes = [f"DELETE FROM {table} WHERE id % 101 = {number}" for table in _TABLES if table.startswith("whole")]
    pg.do("BEGIN", *fills, *updates, *deletes, "COMMIT")


def _wish(table: str) -> dict[str, Any]:
    if table.startswith("whole"):
        return whole(table)
    return by_cursor(table, "seen", "incremental" if table.startswith("changing") else "append")


def _shown(client: Client, source: str) -> dict[str, Any]:
    return {table: client.rows(source, table, _COLUMNS) for table in _TABLES}


def _theirs(pg: Remote) -> dict[str, Any]:
    return {table: [[*row[:2], _plain(row[2]), *row[3:]] for row in pg.do(_THEIRS.format(table))] for table in _TABLES}


def _plain(number: str) -> str:
    """As the engine writes it."""
    return number.rstrip("0").rstrip(".")


def test_nothing_is_lost_or_doubled_by_kills_at_any_moment(pg: Remote, tmp_path: Path) -> None:
    pg.do(*(_MAKE.format(table) for table in _TABLES), *(_FILL.format(table, 1, _ROWS, 0) for table in _TABLES))
    home, chance = tmp_path / "home", random.Random()
    settings = {**SETTINGS, "HEDGEROW_WORKERS": str(len(_TABLES))}
    with start_server(home, settings) as server, Client.of(server) as client:
        began = time.monotonic()
        source = client.add(pg.source_type, pg.config, *map(_wish, _TABLES))
        assert client.settled(source)["status"] == "Completed"
        lasts = time.monotonic() - began
    cut = kills = 0
    while cut < _CUT:
        kills += 1
        assert kills < _MOST_KILLS, f"only {cut} of {kills} kills met a sync"
        with start_server(home, settings) as server, Client.of(server) as client:
            if kills % 4 == 0:  # a job whose process dies nine times is given up: that is not what is looked at here
                assert client.settled(source)["latest_error"] is None
                assert _shown(client, source) == _theirs(pg)
            _change(pg, kills)
            client.call("POST", f"external_data_sources/{source}/reload")
            time.sleep(chance.uniform(0, lasts))
            server.stop(signal.SIGKILL)
        cut += running(home)
    with start_server(home, settings) as server, Client.of(server) as client:
        client.settled(source)
        client.call("POST", f"external_data_sources/{source}/reload")
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        assert _shown(client, source) == _theirs(pg)
        assert "Running" not in {run["status"] for table in _TABLES for run in client.runs(source, table)}
