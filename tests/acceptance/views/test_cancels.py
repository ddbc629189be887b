"""A run that is cancelled, at whatever stage it is: the last table serves, nothing is left, the next run works."""

import random
import time
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.processes import start_server
from tests.support.view_desk import COUNTED, ENDLESS, FEW, VIEWS, Desk, built, engine_tables, states, until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_FOREVER = "select number from numbers(1000000000000) where sipHash64(number) = 1"


def test_a_run_is_cancelled_at_every_stage(tmp_path: Path) -> None:
    key, home = token("phx_"), tmp_path / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false", "HEDGEROW_WORKERS": "1"}
    with start_server(home, environment) as server, server.client(key) as client:
        desk = Desk(client)
        desk.count_to(FEW)
        top, child = desk.made("top", COUNTED), desk.made("child", "select n + 1 as n from top")
        below = desk.made("below", "select n + 1 as n from child")
        _cancelled_while_building_and_waiting(desk, home, top, child, below)
        _cancelled_in_the_queue(desk, home, top, child)
        _cancelled_in_a_check(desk, home)
        _cancelled_at_any_moment(desk, child)
        assert desk.rows("select n from top") == [[FEW]]
        until(lambda: "building" not in states(home))
    live = sorted(name for name, state in built(home) if state == "live")
    assert len(live) == 4
    # A table that is dropped just before the end may still have its row: the next start takes that away.
    assert set(live) <= set(engine_tables(home)) <= {name for name, _ in built(home)}


def _cancelled_while_building_and_waiting(desk: Desk, home: Path, top: str, child: str, below: str) -> None:
    """Of a wave of three: the one in the middle first, then the one that is built."""
    desk.count_to(ENDLESS)
    desk.run(top, child, below)
    desk.builds(home)
    desk.cancel(child)
    assert desk.get(child)["status"] == "Cancelled"
    desk.ends(child, "Cancelled")
    assert "child, which it reads, was not refreshed (cancelled)" in desk.ends(below, "Skipped")["error"]
    assert desk.get(top)["status"] == "Running"
    desk.cancel(top)
    desk.ends(top, "Cancelled")
    until(lambda: states(home) == ["live"] * 3)
    assert desk.rows("select n from below") == [[FEW + 2]]
    refused = desk.client.post(f"{VIEWS}/{top}/cancel")
    assert (refused.status_code, refused.json()) == (400, {"error": "Cannot cancel a query that is not running"})


def _cancelled_in_the_queue(desk: Desk, home: Path, top: str, child: str) -> None:
    """The one worker is busy with another view: the run has not begun."""
    desk.run(top)
    desk.builds(home)
    desk.run(child)
    desk.cancel(child)
    desk.ends(child, "Cancelled")
    desk.cancel(top)
    desk.count_to(FEW)
    desk.run(child)
    desk.ends(child, "Completed")
    assert [run["status"] for run in desk.history(child)][:2] == ["Completed", "Cancelled"]


def _cancelled_in_a_check(desk: Desk, home: Path) -> None:
    """The table is whole, and a check looks at it."""
    checked = desk.made("checked", "select n from t")
    desk.check(checked, kind="custom_sql", config={"query": _FOREVER})
    before = [name for name, state in built(home) if state == "live"]
    desk.run(checked)
    desk.builds(home)
    time.sleep(1)
    desk.cancel(checked)
    desk.ends(checked, "Cancelled")
    until(lambda: "building" not in states(home))
    assert [name for name, state in built(home) if state == "live"] == before
    assert desk.rows("select n from checked") == [[FEW]]


def _cancelled_at_any_moment(desk: Desk, view: str) -> None:
    """Either it was in time, and the run is cancelled, or it was not, and the run is done."""
    chance = random.Random()
    for _ in range(15):
        desk.run(view)
        time.sleep(chance.uniform(0, 0.15))
        answer = desk.client.post(f"{VIEWS}/{view}/cancel")
        desk.ends(view, {200: "Cancelled", 400: "Completed"}[answer.status_code])
        assert desk.rows("select n from child") == [[FEW + 1]]
    desk.run(view)
    desk.ends(view, "Completed")
