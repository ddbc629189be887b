"""Faults around running jobs: clocks that jump, and a store that goes away for a moment."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hedgerow.jobs import Control, Job
from hedgerow.kit import clock
from hedgerow.store import Store
from tests.conformance.jobs import Room, echo, until

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


async def brief(job: Job, control: Control) -> dict[str, Any]:
    await asyncio.sleep(2.0)
    return {"attempt": job.attempt}


def jump(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The wall clock of this process is set anew; its steady clock goes on."""
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + by)


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
async def test_a_clock_that_jumps_makes_nobody_look_dead(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    one, two = Room(sqlite_store, lease=1.0), Room(sqlite_store, lease=1.0)
    for room in (one, two):
        room.open.kinds.register("brief", brief)
        await room.open.worker.start()
    made = await one.enqueue("brief", "a")
    await one.until(made, "running")
    jump(monkeypatch, by)
    job = await one.until(made, "done")
    assert (job.attempt, job.result) == (1, {"attempt": 1})
    await one.until(await one.enqueue("brief", "b"), "done")
    await one.open.worker.close()
    await two.open.worker.close()


async def test_what_waits_when_the_clock_is_set_back_is_done_soon(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(sqlite_store)
    room.open.kinds.register("echo", echo)
    made = await room.enqueue("echo", "a")
    jump(monkeypatch, -DAY)
    await room.open.worker.start()
    assert (await room.until(made, "done", seconds=8)).attempt == 1
    await room.open.worker.close()


async def test_connections_that_break_cost_no_job(postgres_store: Store) -> None:
    room = Room(postgres_store, lease=3.0)
    room.open.kinds.register("brief", brief)
    room.open.kinds.register("echo", echo)
    await room.open.worker.start()
    made = await room.enqueue("brief", "a")
    await room.until(made, "running")
    with postgres_store.engine.connect() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        broken = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        assert len(broken.all()) >= 1
    assert (await room.until(made, "done")).attempt == 1
    await room.until(await room.enqueue("echo", "b"), "done")
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

    async def listens_again() -> bool:
        with postgres_store.read() as session:
            return session.execute(text(listening)).scalar() == 1

    await until(listens_again)
    await room.open.worker.close()
