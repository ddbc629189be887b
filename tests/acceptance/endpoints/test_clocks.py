"""Wall clocks that jump: a refresh under way goes on, tables are as fresh as they say, answers stay right."""

from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import built, busy, embedded_tables, states, until
from tests.support.endpoint_desk import SLOW, Desk, query
from tests.support.processes import start_server
from tests.support.view_desk import never

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_DAYS = 2 * 86_400
"""Tables are to be a day old at most."""


def _refreshes(home: Path) -> list[object]:
    return [job for job in busy(home) if job[0] == "endpoint_refresh"]


def test_a_clock_that_jumps_disturbs_no_refresh(tmp_path: Path) -> None:
    key, home, ahead = token("phx_"), tmp_path / "home", tmp_path / "ahead"
    ahead.write_text("0")
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false", "HEDGEROW_JOB_LEASE": "1"}
    clocked = ("tests.support.shifted_clock", str(ahead))
    with start_server(home, environment, clocked) as server, server.client(key) as client:
        desk = Desk(client)
        desk.prepare()
        desk.answers(1)
        (first,) = built(home)
        for jump in (_DAYS, -_DAYS):
            ahead.write_text(str(jump))
            desk.answers(1, path=None)
        ahead.write_text(str(_DAYS))
        # Two days that went by in a moment are one refresh, some minutes later; until then the query itself is asked.
        until(lambda: _refreshes(home))
        desk.answers(1, "materialized_fallback")
        never(lambda: len(_refreshes(home)) != 1, 2)
        desk.change(1, bucket_overrides={"ts": "hour"})
        until(lambda: desk.run(1)[1] == "materialized")
        desk.answers(1)
        assert built(home)[first] == "retired"

        desk.change(query=query(2, SLOW))
        until(lambda: "building" in states(home))
        (building,) = (name for name, state in built(home).items() if state == "building")
        for jump in (2 * _DAYS, -_DAYS):
            ahead.write_text(str(jump))
            # Four leases: whoever went by the wall clock would have given it up.
            never(lambda: built(home)[building] != "building" or desk.status(2)["status"] != "Running", 4)
            desk.answers(1, path=None)
        desk.change(2, is_materialized=False)
        until(lambda: "building" not in states(home))
        desk.change(query=query(3), is_materialized=True)
        desk.completes(3)
        desk.answers(3)
    assert embedded_tables(home) <= set(built(home))
