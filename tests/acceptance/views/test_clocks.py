"""Wall clocks that jump and differ: runs go on, nothing is taken away, schedules neither storm nor stop."""

from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import built
from tests.support.processes import start_server
from tests.support.view_desk import COUNTED, ENDLESS, FEW, VIEWS, Desk, never, states, until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_DAY = 86_400


def test_a_clock_that_jumps_disturbs_no_run(tmp_path: Path) -> None:
    """Forward and back by a day, while a table is built and another waits to be taken away."""
    key, home, ahead = token("phx_"), tmp_path / "home", tmp_path / "ahead"
    ahead.write_text("0")
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false", "HEDGEROW_JOB_LEASE": "1"}
    clocked = ("tests.support.shifted_clock", str(ahead))
    with start_server(home, environment, clocked) as server, server.client(key) as client:
        desk = Desk(client)
        desk.count_to(FEW)
        view, other = desk.made("counted", COUNTED), desk.made("other", "select n from t")
        client.post(f"{VIEWS}/{other}/materialize", json={"sync_frequency": "1hour"}).raise_for_status()
        desk.ends(other, "Completed")
        runs = len(desk.history(other))
        desk.count_to(ENDLESS)
        desk.run(view)
        desk.builds(home)
        (building,) = (name for name, state in built(home).items() if state == "building")
        for jump in (_DAY, -_DAY):
            ahead.write_text(str(jump))
            # Four leases: whoever went by the wall clock would have given it up, or its table.
            never(lambda: built(home)[building] != "building" or desk.get(view)["status"] != "Running", 4)
        desk.cancel(view)
        until(lambda: "building" not in states(home))
        desk.count_to(5)
        desk.run(view)
        desk.ends(view, "Completed")
        assert desk.rows("select n from counted") == [[5]]
        # Twenty-four hours that went by in a moment are one wave, and not as many.
        assert runs <= len(desk.history(other)) <= runs + 1
