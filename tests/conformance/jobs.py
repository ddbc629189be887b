"""What jobs must do on every store: inherited by SQLite and PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hedgerow.jobs import Control, GiveUp, Job, JobLost, JobRoom, Policy, open_jobs
from hedgerow.kit.clock import now
from hedgerow.store import Store

QUICK = Policy(tries=3, first_wait=timedelta(milliseconds=20))


class Room:
    """The room over a store, with what tests need to ask in one line."""

    def __init__(self, store: Store, slots: int = 4, lease: float = 1.0) -> None:
        self.store, self.slots, self.lease = store, slots, lease
        self.open: JobRoom = open_jobs(store, slots, lease)

    async def enqueue(self, kind: str, subject: str, payload: dict[str, Any] | None = None, **wishes: Any) -> UUID:
        def write() -> UUID:
            with self.store.write() as session:
                return self.open.jobs.enqueue(session, kind, subject, payload, **wishes)

        return await asyncio.to_thread(write)

    async def cancel(self, which: UUID | str) -> int:
        def write() -> int:
            with self.store.write() as session:
                return self.open.jobs.cancel(session, which)

        return await asyncio.to_thread(write)

    def get(self, job_id: UUID) -> Job | None:
        with self.store.read() as session:
            return self.open.jobs.get(session, job_id)

    def history(self, kind: str, subject: str) -> list[Job]:
        with self.store.read() as session:
            return self.open.jobs.history(session, kind, subject)

    async def until(self, job_id: UUID, *states: str, seconds: float = 10) -> Job:
        async def there() -> Job | None:
            job = await asyncio.to_thread(self.get, job_id)
            return job if job and job.state in states else None

        return await until(there, seconds)


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 10) -> Any:
    """What `check` answers once it is true."""
    end = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < end, "it was never seen"
        await asyncio.sleep(0.01)
    return found


async def forever(job: Job, control: Control) -> dict[str, Any]:
    await asyncio.sleep(3600)
    return {}


async def echo(job: Job, control: Control) -> dict[str, Any]:
    return {"attempt": job.attempt, **job.payload}


class JobsConformance:
    """Subclasses bring a fixture `store`: fresh and migrated."""

    @pytest.fixture
    async def room(self, store: Store) -> AsyncIterator[Room]:
        room = Room(store)
        yield room
        await room.open.worker.close()

    async def test_a_job_is_done_once_and_remembered(self, room: Room) -> None:
        room.open.kinds.register("echo", echo)
        await room.open.worker.start()
        made = await room.enqueue("echo", "a", {"x": 1}, project_id=7)
        job = await room.until(made, "done")
        assert (job.result, job.attempt, job.project_id) == ({"attempt": 1, "x": 1}, 1, 7)
        assert job.started_at is not None
        assert job.finished_at is not None
        assert job.created_at <= job.started_at <= job.finished_at

    async def test_what_is_rolled_back_never_was(self, room: Room) -> None:
        def fail() -> None:
            with room.store.write() as session:
                room.open.jobs.enqueue(session, "echo", "a")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(fail)
        assert room.history("echo", "a") == []

    async def test_waiting_twins_become_one_and_the_newest_payload_holds(self, room: Room) -> None:
        later = now() + timedelta(hours=1)
        first = await room.enqueue("echo", "a", {"x": 1}, run_at=later)
        assert await room.enqueue("echo", "a", {"x": 2}) == first
        job = room.get(first)
        assert job is not None
        assert job.payload == {"x": 2}
        assert job.run_at < later
        assert await room.enqueue("echo", "a", {"x": 3}, unique=False) != first
        assert await room.enqueue("other", "a") != first
        assert await room.enqueue("echo", "b") != first

    async def test_jobs_of_one_subject_follow_each_other(self, room: Room) -> None:
        running, most, order = 0, 0, []

        async def work(job: Job, control: Control) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            order.append(job.payload["n"])
            await asyncio.sleep(0.03)
            running -= 1

        room.open.kinds.register("work", work)
        made = [await room.enqueue("work", "one", {"n": n}, unique=False) for n in range(6)]
        await room.open.worker.start()
        for each in made:
            await room.until(each, "done")
        assert most == 1
        assert order == list(range(6))

    async def test_subjects_run_side_by_side(self, room: Room) -> None:
        met = asyncio.Barrier(4)

        async def meet(job: Job, control: Control) -> None:
            await asyncio.wait_for(met.wait(), 5)

        room.open.kinds.register("meet", meet)
        await room.open.worker.start()
        for each in [await room.enqueue("meet", f"s{n}") for n in range(4)]:
            await room.until(each, "done")

    async def test_a_wish_during_a_run_is_done_after_it(self, room: Room) -> None:
        release = asyncio.Event()
        seen = []

        async def work(job: Job, control: Control) -> None:
            seen.append(job.payload["n"])
            await release.wait()

        room.open.kinds.register("work", work)
        await room.open.worker.start()
        first = await room.enqueue("work", "a", {"n": 1})
        await room.until(first, "running")
        second = await room.enqueue("work", "a", {"n": 2})
        assert second != first
        assert await room.enqueue("work", "a", {"n": 3}) == second
        release.set()
        await room.until(second, "done")
        assert seen == [1, 3]

    async def test_failures_are_tried_again_then_told(self, room: Room) -> None:
        async def fail(job: Job, control: Control) -> None:
            raise RuntimeError(f"no {job.attempt}")

        room.open.kinds.register("fail", fail, QUICK)
        await room.open.worker.start()
        job = await room.until(await room.enqueue("fail", "a"), "failed")
        assert (job.attempt, job.failures, job.error) == (3, 3, "RuntimeError: no 3")

    async def test_giving_up_is_final(self, room: Room) -> None:
        async def give_up(job: Job, control: Control) -> None:
            raise GiveUp("the table is gone")

        async def wrong(job: Job, control: Control) -> None:
            raise KeyError("x")

        room.open.kinds.register("give_up", give_up, QUICK)
        room.open.kinds.register("wrong", wrong, Policy(give_up_on=(KeyError,)))
        await room.open.worker.start()
        job = await room.until(await room.enqueue("give_up", "a"), "failed")
        assert (job.attempt, job.error) == (1, "the table is gone")
        assert (await room.until(await room.enqueue("wrong", "b"), "failed")).attempt == 1

    async def test_an_outage_is_no_failure(self, room: Room) -> None:
        async def away(job: Job, control: Control) -> dict[str, Any]:
            if job.attempt <= 5:
                raise ConnectionError("The engine is away.")
            return {"attempt": job.attempt}

        policy = replace(QUICK, longest_wait=QUICK.first_wait, is_outage=lambda error: isinstance(error, OSError))
        room.open.kinds.register("away", away, policy)
        await room.open.worker.start()
        job = await room.until(await room.enqueue("away", "a"), "done")
        assert (job.failures, job.result) == (0, {"attempt": 6})

    async def test_whoever_asks_is_told_of_the_last_failure_in_its_transaction(self, room: Room) -> None:
        told: list[tuple[UUID, str, str]] = []

        async def failing(job: Job, control: Control) -> dict[str, Any]:
            raise OSError("It does not work.")

        def tell(session: Session, job: Job, error: str) -> None:
            state = session.execute(text("SELECT state FROM jobs")).scalar_one()
            told.append((job.id, state, error))

        room.open.kinds.register("failing", failing, replace(QUICK, on_failure=tell))
        await room.open.worker.start()
        made = await room.enqueue("failing", "a")
        await room.until(made, "failed")
        assert told == [(made, "failed", "OSError: It does not work.")]

    async def test_a_failed_run_with_a_waiting_twin_leaves_the_work_to_it(self, room: Room) -> None:
        release = asyncio.Event()

        async def once(job: Job, control: Control) -> None:
            if job.payload["n"] == 1:
                await release.wait()
                raise RuntimeError("first")

        room.open.kinds.register("once", once, QUICK)
        await room.open.worker.start()
        first = await room.enqueue("once", "a", {"n": 1})
        await room.until(first, "running")
        second = await room.enqueue("once", "a", {"n": 2})
        release.set()
        assert (await room.until(second, "done")).attempt == 1
        assert f"The job {second} follows" in str((await room.until(first, "failed")).error)

    async def test_cancelling_reaches_the_handler_within_a_second(self, room: Room) -> None:
        reached = asyncio.Event()

        async def work(job: Job, control: Control) -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                reached.set()
                raise

        room.open.kinds.register("work", work)
        await room.open.worker.start()
        made = await room.enqueue("work", "a")
        await room.until(made, "running")
        assert await room.cancel("a") == 1
        await asyncio.wait_for(reached.wait(), 1)
        await room.until(made, "cancelled")

    async def test_a_waiting_job_is_cancelled_at_once(self, room: Room) -> None:
        made = await room.enqueue("echo", "a")
        assert await room.cancel(made) == 1
        job = room.get(made)
        assert job is not None
        assert job.state == "cancelled"
        assert await room.cancel(made) == 0

    async def test_progress_is_seen_while_it_runs_and_afterwards(self, room: Room) -> None:
        release = asyncio.Event()

        async def work(job: Job, control: Control) -> None:
            for rows in range(1000):
                control.progress({"rows": rows})
            await release.wait()
            control.progress({"rows": "all"})

        room.open.kinds.register("work", work)
        await room.open.worker.start()
        made = await room.enqueue("work", "a")

        async def seen() -> bool:
            job = await asyncio.to_thread(room.get, made)
            return job is not None and job.progress == {"rows": 999}

        await until(seen)
        release.set()
        assert (await room.until(made, "done")).progress == {"rows": "all"}

    async def test_a_stopped_worker_gives_back_and_the_next_goes_on(self, room: Room) -> None:
        async def work(job: Job, control: Control) -> dict[str, Any]:
            control.progress({"attempt": job.attempt})
            await asyncio.sleep(3600 if job.attempt == 1 else 0)
            return {"before": job.progress}

        room.open.kinds.register("work", work)
        await room.open.worker.start()
        made = await room.enqueue("work", "a")
        await room.until(made, "running")
        await room.open.worker.close()
        given = room.get(made)
        assert given is not None
        assert (given.state, given.failures, given.worker) == ("waiting", 0, None)
        after = Room(room.store)
        after.open.kinds.register("work", work)
        await after.open.worker.start()
        job = await after.until(made, "done", seconds=3)
        assert (job.attempt, job.result) == (2, {"before": {"attempt": 1}})
        await after.open.worker.close()

    async def test_a_silent_workers_job_is_taken_over_and_its_own_run_ends(self, store: Store) -> None:
        """The first worker stays alive here but cannot show it, as one whose machine lost the network."""
        ended: list[str] = []

        async def work(job: Job, control: Control) -> dict[str, Any]:
            try:
                await asyncio.sleep(3600 if job.attempt == 1 else 0)
            except asyncio.CancelledError:
                try:
                    with store.write() as session:
                        control.confirm(session)
                except JobLost:
                    ended.append("lost")
                raise
            with store.write() as session:
                control.confirm(session)
            return {"attempt": job.attempt}

        one, two = Room(store, lease=1.0), Room(store, lease=1.0)
        for room in (one, two):
            room.open.kinds.register("work", work)
        await one.open.worker.start()
        made = await one.enqueue("work", "a")
        await one.until(made, "running")
        one.open.worker._agents[3].cancel()  # its beat
        began = time.monotonic()
        await two.open.worker.start()
        job = await two.until(made, "done", seconds=10)
        assert time.monotonic() - began >= 1.0, "not before its lease"
        assert (job.attempt, job.result) == (2, {"attempt": 2})
        assert "stopped during attempt 1" in str(job.error or "stopped during attempt 1")

        async def noticed() -> bool:
            return ended == ["lost"]

        await until(noticed, 3)
        await one.open.worker.close()
        await two.open.worker.close()

    async def test_a_claim_whose_answer_was_lost_is_given_back(self, store: Store) -> None:
        room = Room(store, lease=0.5)
        room.open.kinds.register("echo", echo)
        await room.open.worker.start()
        made = await room.enqueue("echo", "a", run_at=now() + timedelta(hours=1))
        with store.write() as session:
            session.execute(
                text("UPDATE jobs SET state = 'running', attempt = 1, worker = :worker"),
                {"worker": room.open.worker._id},
            )
        assert (await room.until(made, "done", seconds=3)).attempt == 2
        await room.open.worker.close()

    async def test_whoever_is_alone_resumes_at_once(self, room: Room) -> None:
        room.open.kinds.register("echo", echo)
        made = await room.enqueue("echo", "a")
        with room.store.write() as session:
            from hedgerow.jobs import claiming, living

            living.enter(session, "dead", alone=False)
            assert claiming.claim(session, "dead", ["echo"]) is not None
        began = time.monotonic()
        await room.open.worker.start(alone=True)
        assert (await room.until(made, "done")).attempt == 2
        assert time.monotonic() - began < 1

    async def test_unknown_kinds_wait(self, room: Room) -> None:
        room.open.kinds.register("echo", echo)
        await room.open.worker.start()
        other, mine = await room.enqueue("newer", "a"), await room.enqueue("echo", "b")
        await room.until(mine, "done")
        job = room.get(other)
        assert job is not None
        assert job.state == "waiting"

    async def test_what_was_asked_for_goes_before_what_was_scheduled(self, room: Room) -> None:
        order: list[str] = []

        async def work(job: Job, control: Control) -> None:
            order.append(job.subject)

        room.open.kinds.register("work", work)
        room.open.kinds.register("first", work, Policy(priority=10))
        with room.store.write() as session:
            room.open.schedules.set(session, "scheduled", "work", {}, timedelta(milliseconds=1))
        await asyncio.sleep(0.01)
        with room.store.write() as session:
            from hedgerow.jobs import schedules

            assert schedules.tick(session, room.open.kinds, room.open.jobs._bell) == 1
            room.open.schedules.remove(session, "scheduled")
        await room.enqueue("work", "asked")
        last = await room.enqueue("first", "urgent")
        room.open.worker._slots = 1
        await room.open.worker.start()
        await room.until(last, "done")

        async def all_done() -> bool:
            return len(order) == 3

        await until(all_done)
        assert order == ["urgent", "asked", "scheduled"]

    async def test_history_is_kept_by_count_and_by_age(self, room: Room) -> None:
        from hedgerow.jobs import retention

        room.open.kinds.register("echo", echo, Policy(keep=3))
        room.open.kinds.register("old", echo, Policy(keep_for=timedelta(0)))
        await room.open.worker.start()
        for _ in range(6):
            await room.until(await room.enqueue("echo", "a"), "done")
        old = await room.until(await room.enqueue("old", "a"), "done")
        waiting = await room.enqueue("echo", "a", run_at=now() + timedelta(hours=1))
        with room.store.write() as session:
            retention.trim(session, room.open.kinds, [("echo", "a")])
            retention.expire(session, room.open.kinds)
        assert [job.state for job in room.history("echo", "a")] == ["waiting", "done", "done", "done"]
        assert room.get(waiting) is not None
        assert room.get(old.id) is None

    async def test_a_wake_up_takes_far_less_than_looking_does(self, room: Room) -> None:
        room.open.kinds.register("echo", echo)
        await room.open.worker.start()
        waits = []
        for _ in range(9):
            job = await room.until(await room.enqueue("echo", "a"), "done")
            assert job.started_at is not None
            waits.append(job.started_at - job.created_at)
        assert sorted(waits)[4] < timedelta(seconds=0.25)
