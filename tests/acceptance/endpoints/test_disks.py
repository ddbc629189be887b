"""A disk that fills up in a refresh: the reason is told, the last tables serve, nothing is left, it recovers."""

import time
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import built, busy, embedded_tables, states, until
from tests.support.disks import fill
from tests.support.endpoint_desk import Desk, query
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_NOISE = (
    "select sipHash64(x.number + n * 1000000) as noise, n + {plus} as total from t cross join numbers(30000) as x "
    "where city = {{variables.city}}"
)
"""Tens of megabytes that cannot be made smaller."""


def test_a_full_disk_fails_the_refresh_and_the_last_tables_serve(small_disk: Path, tmp_path: Path) -> None:
    key, home = token("phx_"), tmp_path / "home"
    (small_disk / "home").mkdir()
    home.symlink_to(small_disk / "home")  # what the server prints goes elsewhere
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false", "HEDGEROW_JOB_LEASE": "1"}
    with start_server(home, environment) as server, server.client(key) as client:
        desk = Desk(client)
        desk.prepare()
        desk.change(query=query(2, _NOISE))
        until(lambda: desk.status(2)["status"] == "Failed")
        assert desk.status(2)["error"] == "The query engine has no disk space left."
        until(lambda: states(home) == ["live"])
        desk.answers(1)
        desk.change(2, is_materialized=False)

        # Full while it builds: neither the failure nor the table's end can be written down at first.
        desk.change(query=query(3, _NOISE), is_materialized=True)
        until(lambda: "building" in states(home))
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            fill(ballast)
        time.sleep(3)
        desk.answers(1)
        ballast.unlink()
        until(lambda: client.patch("/api/projects/1/endpoints/cities", json={"is_materialized": False}).is_success)
        until(lambda: not busy(home) and states(home) == ["live"])
        desk.answers(1)
        desk.change(query=query(4), is_materialized=True)
        desk.completes(4)
        for version in (1, 4):
            desk.answers(version)
    assert embedded_tables(home) <= set(built(home))
