"""Tables that nobody reads: given up after long, woken by a run; through the real jobs, with the clock moved."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hedgerow.endpoints.materialized import hibernating
from hedgerow.endpoints.rows import MaterializationRow, VersionRow
from hedgerow.jobs.rows import ScheduleRow
from hedgerow.kit import clock
from hedgerow.kit.clock import now
from hedgerow.materialize.rows import BuiltTableRow
from tests.endpoints.conftest import Desk, hogql, refused
from tests.endpoints.test_materialized import BY_EVENT, settled
from tests.support.apps import MakeApi

RUN = {"variables": {"event": "pageview"}, "debug": True, "refresh": "force"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves the clock by which tables are put to sleep, so many days ahead."""

    def move(days: int) -> None:
        def moved() -> datetime:
            return clock.now() + timedelta(days=days)

        monkeypatch.setattr(hibernating, "now", moved)

    return move


@pytest.fixture
def stored(counted: Desk) -> Desk:
    """Endpoint `e`, materialized and never run."""
    counted.variable("event", "pageview")
    counted.make(BY_EVENT, is_materialized=True)
    settled(counted)
    return counted


def a_day_passes(desk: Desk) -> None:
    """The daily job is due, and is run by the worker."""
    house = desk.api.house
    with house.store.write() as session:
        schedule = session.get_one(ScheduleRow, ("endpoints", hibernating.KIND))
        schedule.next_at = now() - timedelta(seconds=1)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with house.store.read() as session:
            jobs = house.jobs.jobs.history(session, hibernating.KIND, "endpoints")
        if jobs and all(job.state == "done" for job in jobs) and _planned(desk) > now():
            return
        time.sleep(0.05)
    raise AssertionError(jobs)


def _planned(desk: Desk) -> datetime:
    with desk.api.house.store.read() as session:
        return session.get_one(ScheduleRow, ("endpoints", hibernating.KIND)).next_at


def live_tables(desk: Desk) -> int:
    with desk.api.house.store.read() as session:
        return session.query(BuiltTableRow).filter_by(project_id=desk.api.project_id, state="live").count()


def schedules(desk: Desk) -> int:
    with desk.api.house.store.read() as session:
        return session.query(ScheduleRow).filter_by(kind="endpoint_refresh").count()


def test_case_121_the_unused_sleep_and_a_run_wakes_them(stored: Desk, later: Callable[[int], None]) -> None:
    later(29)
    a_day_passes(stored)
    assert stored.get(suffix="materialization_status")["hibernated"] is False
    later(31)
    a_day_passes(stored)
    status = stored.get(suffix="materialization_status")
    assert (status["hibernated"], status["status"], status["error"]) == (True, "Hibernated", "")
    assert status["hibernated_at"]
    assert stored.get()["is_materialized"] is False
    assert (live_tables(stored), schedules(stored)) == (0, 0)
    # Its contract stays: it is served inline, at once, with the reason.
    refused(stored.ask({}), 400, "variables", "Required variable")
    run = stored.run(RUN)
    assert run["results"] == [["pageview", 10, 105]]
    assert run["path"] == "inline"
    assert "hibernated" in run["inline_reason"]
    woken = settled(stored)
    assert (woken["hibernated"], woken["hibernated_at"]) == (False, None)
    assert (live_tables(stored), schedules(stored)) == (1, 1)
    until = time.monotonic() + 10
    while (again := stored.run(RUN))["path"] != "materialized" and time.monotonic() < until:
        time.sleep(0.1)
    assert again["path"] == "materialized"
    assert again["results"] == run["results"]
    noted = stored.api.get("/activity_log?scope=DataWarehouseSavedQuery").json()["results"]
    assert [each["activity"] for each in noted] == ["materialization_enabled", "materialization_disabled"]
    assert {each["user"] for each in noted} == {None}


def test_those_that_ran_lately_stay_awake(stored: Desk, later: Callable[[int], None]) -> None:
    stored.run(RUN)
    assert stored.get()["last_executed_at"], "written before the day passes"
    with stored.api.house.store.write() as session:
        for row in session.query(MaterializationRow):
            row.created_at -= timedelta(days=60)
    later(20)
    a_day_passes(stored)
    assert stored.get(suffix="materialization_status")["hibernated"] is False
    later(31)
    a_day_passes(stored)
    assert stored.get(suffix="materialization_status")["hibernated"] is True


def test_case_122_somebody_wakes_them_and_nothing_else_does(stored: Desk, later: Callable[[int], None]) -> None:
    later(31)
    a_day_passes(stored)
    assert stored.change({"description": "still asleep"})["materialization"]["hibernated"] is True
    assert schedules(stored) == 0
    # `direct` goes round tables, asleep or not.
    assert stored.change({"is_materialized": True})["materialization"]["hibernated"] is False
    assert settled(stored)["hibernated"] is False
    assert schedules(stored) == 1
    # Awake again, it is not put back to sleep for having slept.
    later(0)
    a_day_passes(stored)
    assert stored.get(suffix="materialization_status")["hibernated"] is False


def test_switching_off_ends_the_sleep_for_good(stored: Desk, later: Callable[[int], None]) -> None:
    later(31)
    a_day_passes(stored)
    assert stored.run(RUN | {"refresh": "direct"})["inline_reason"]
    stored.change({"is_materialized": False})
    stored.api.call(stored.api.house.endpoints.usage.flush)
    assert stored.get()["materialization"]["status"] is None
    assert schedules(stored) == 0
    assert stored.run({"debug": True, "refresh": "force"})["inline_reason"] is None


def test_a_new_version_of_a_sleeping_one_is_awake(stored: Desk, later: Callable[[int], None]) -> None:
    later(31)
    a_day_passes(stored)
    stored.change({"query": hogql(BY_EVENT + " order by n")})
    assert settled(stored)["name"] == "e_v2"
    assert stored.get(suffix="materialization_status?version=1")["hibernated"] is True


def test_zero_days_is_never(make_app: MakeApi) -> None:
    desk = Desk(make_app(hibernate_days=0))
    with desk.api.house.store.read() as session:
        assert session.get(ScheduleRow, ("endpoints", hibernating.KIND)) is None
        assert session.query(VersionRow).count() == 0
