"""Schedules: what is due is enqueued once, on its beat, through missed times and clocks that jump."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from hedgerow.jobs import JobRoom, open_jobs, schedules
from hedgerow.jobs.rows import JobRow, ScheduleRow
from hedgerow.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(schedules, "moment", lambda _session: made.now)
    return made


@pytest.fixture
def room(store: Store) -> JobRoom:
    return open_jobs(store, 0, 30)


@pytest.fixture
def tick(store: Store, room: JobRoom) -> Callable[[], int]:
    """Ticks until nothing is due; how many jobs wait afterwards."""

    def run() -> int:
        with store.read() as session:
            wanted = schedules.due(session)
        while wanted:
            with store.write() as session:
                schedules.tick(session, room.kinds, room.jobs._bell)
            with store.read() as session:
                wanted = schedules.due(session)
        with store.read() as session:
            return session.query(JobRow).filter(JobRow.state == "waiting").count()

    return run


def plan(store: Store, room: JobRoom, every: timedelta = HOUR, subject: str = "a", **more: Any) -> schedules.Schedule:
    with store.write() as session:
        return room.schedules.set(session, subject, "refresh", {"n": 1}, every, **more)


def planned(store: Store, room: JobRoom) -> datetime:
    with store.read() as session:
        found = room.schedules.get(session, "a", "refresh")
    assert found is not None
    return found.next_at


def finish_all(store: Store) -> None:
    with store.write() as session:
        session.execute(text("UPDATE jobs SET state = 'done'"))


def test_it_comes_after_its_interval_and_again(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    assert plan(store, room, project_id=3).next_at == NOON + HOUR
    clock.now += HOUR - SECOND
    assert tick() == 0
    clock.now += SECOND
    assert tick() == 1
    with store.read() as session:
        job = room.jobs.history(session, "refresh", "a")[0]
    assert (job.payload, job.project_id, job.run_at) == ({"n": 1}, 3, NOON + HOUR)
    assert tick() == 1
    assert planned(store, room) == NOON + 2 * HOUR


def test_what_waits_already_is_not_doubled(store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]) -> None:
    plan(store, room)
    for _ in range(3):
        clock.now += HOUR
        assert tick() == 1


def test_what_was_missed_is_made_up_for_once_and_the_beat_stays(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    plan(store, room)
    clock.now += timedelta(days=365, minutes=7)
    assert tick() == 1
    assert planned(store, room) == NOON + timedelta(days=365, hours=1)


def test_a_clock_put_forward_and_back_neither_storms_nor_stops(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    plan(store, room)
    clock.now += timedelta(days=1)
    assert tick() == 1
    finish_all(store)
    clock.now -= timedelta(days=1)
    assert tick() == 0
    assert NOON < planned(store, room) <= NOON + HOUR
    clock.now += HOUR
    assert tick() == 1


def test_a_clock_set_back_leaves_the_wait_that_was_left(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    plan(store, room)
    clock.now -= timedelta(days=30)
    assert tick() == 0
    assert planned(store, room) == clock.now + HOUR


def test_a_job_planned_before_the_clock_was_set_back_waits_no_longer(store: Store, room: JobRoom, clock: Clock) -> None:
    with store.write() as session:
        made = room.jobs.enqueue(session, "refresh", "a")
        session.query(JobRow).update({"planned_at": NOON, "run_at": NOON + MINUTE})
    clock.now -= timedelta(days=2)
    with store.read() as session:
        assert schedules.planned_ahead(session)
    with store.write() as session:
        assert schedules.after_the_clock_was_set_back(session) == 1
    with store.read() as session:
        job = room.jobs.get(session, made)
        assert not schedules.planned_ahead(session)
    assert job is not None
    assert job.run_at == clock.now + MINUTE


def test_it_is_changed_at_run_time(store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]) -> None:
    plan(store, room)
    clock.now += MINUTE
    assert plan(store, room).next_at == NOON + HOUR, "the same interval keeps its beat"
    assert plan(store, room, 5 * MINUTE).next_at == NOON + 6 * MINUTE
    clock.now += 5 * MINUTE
    assert tick() == 1
    with store.write() as session:
        assert room.schedules.remove(session, "a", "other") == 0
        assert room.schedules.remove(session, "a") == 1
    finish_all(store)
    clock.now += HOUR
    assert tick() == 0


def test_jitter_delays_by_chance_and_does_not_add_up(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    for number in range(30):
        plan(store, room, subject=f"s{number}", jitter=MINUTE)
    clock.now += HOUR
    assert tick() == 30
    with store.read() as session:
        times = {row.run_at - clock.now for row in session.query(JobRow)}
        beats = {row.next_at for row in session.query(ScheduleRow)}
    assert len(times) > 20
    assert timedelta(0) <= min(times) < max(times) <= MINUTE
    assert beats == {NOON + 2 * HOUR}


def test_a_thousand_are_enqueued_by_one_tick(
    store: Store, room: JobRoom, clock: Clock, tick: Callable[[], int]
) -> None:
    with store.write() as session:
        for number in range(1000):
            room.schedules.set(session, f"s{number}", "refresh", {}, HOUR)
    clock.now += HOUR
    assert tick() == 1000


@pytest.mark.parametrize(("every", "jitter"), [(timedelta(0), timedelta(0)), (HOUR, -SECOND)])
def test_nonsense_is_refused(store: Store, room: JobRoom, every: timedelta, jitter: timedelta) -> None:
    with pytest.raises(ValueError, match="interval"):
        plan(store, room, every, jitter=jitter)


@given(
    every=st.floats(0.5, 1e7),
    late=st.floats(0, 1e9),
)
def test_the_next_time_is_the_first_beat_ahead(every: float, late: float) -> None:
    now = NOON + timedelta(seconds=late)
    row = ScheduleRow(every=every, planned_at=NOON, next_at=NOON)
    found = schedules.next_time(row, now)
    slip = timedelta(milliseconds=1)  # floats over thirty years
    assert now - slip < found <= now + timedelta(seconds=every) + slip
