"""A disk that is full while a sync writes: said so, nothing half-written served, and well again once there is room."""

import os
from pathlib import Path

import pytest

from tests.acceptance.sources.conftest import SETTINGS, Client, Remote, by_cursor, until
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_LEFT = 6 << 20


def test_a_sync_that_does_not_fit(pg: Remote, small_disk: Path) -> None:
    pg.do("CREATE TABLE large (id bigint PRIMARY KEY, a text, b text, c text)")
    fill = "INSERT INTO large SELECT n, md5(n::text), md5((n + 1)::text), md5((n + 2)::text) FROM generate_series({}) n"
    pg.do(fill.format("1, 1000"))
    ballast = small_disk / "ballast"
    with start_server(small_disk / "home", SETTINGS) as server, Client.of(server) as client:
        source = client.add(pg.source_type, pg.config, by_cursor("large", "id"))
        assert client.settled(source)["status"] == "Completed"
        before = client.rows(source, "large", "id, a, b, c")
        pg.do(fill.format("1001, 120000"))
        room = os.statvfs(small_disk)
        ballast.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - _LEFT)))
        client.act(source, "large")
        until(lambda: "no disk space left" in (client.schema(source, "large")["latest_error"] or ""))
        assert client.rows(source, "large", "id, a, b, c") == before
        ballast.unlink()
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        theirs = pg.do("SELECT count(*), sum(id)::bigint FROM large")
        assert client.rows(source, "large", "count(), sum(id)", "1") == [list(theirs[0])]
