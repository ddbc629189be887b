"""The worker: claims jobs as slots come free, runs their handlers on the event loop, and keeps alive what it runs."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.jobs import claiming, living, retention, schedules
from hedgerow.jobs.base import Job
from hedgerow.jobs.bell import Bell
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.running import Interruption, Run
from hedgerow.kit.ids import token
from hedgerow.store import Store

T = TypeVar("T")
_LOOK_SECONDS = 0.5
"""How often work, progress and cancelling are looked after when nobody rings."""
_TRIM_SECONDS = 5.0
_EXPIRE_SECONDS = 60.0
_PATIENCE_SECONDS = 10.0
"""How long a handler may take to end when the process stops."""
_THREADS = 4
_STANDING = 200
"""Standing jobs that one worker runs at once."""
_log = structlog.get_logger("hedgerow.jobs")


@dataclass(slots=True)
class Figures:
    """What this worker has done since its start, and what waits and runs on all machines, seconds old."""

    ended: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    running: int = 0

    def count(self, outcome: str) -> int:
        """Runs that ended so."""
        return self.ended.get(outcome, 0)


class Worker:
    """Runs jobs, at most `slots` at once. All that concerns the store happens in threads of its own."""

    def __init__(self, store: Store, kinds: Kinds, bell: Bell, slots: int, lease: float) -> None:
        self._store, self._kinds, self._bell, self._slots, self._lease = store, kinds, bell, slots, lease
        self.figures = Figures()
        self._id = ""
        self._runs: dict[tuple[Any, int], Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._standing: set[asyncio.Task[None]] = set()
        self._agents: list[asyncio.Task[None]] = []
        self._touched: set[tuple[str, str]] = set()
        self._strange: set[tuple[Any, int]] = set()
        self._stopping, self._out_of_patience = False, asyncio.Event()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobs")
        self._alive_at = time.monotonic()

    async def start(self, *, alone: bool = False) -> None:
        """Begin to work. `alone`: no other process can be working, so that what runs by the store is to be resumed."""
        if not self._slots:
            return
        self._bell.attach()
        await self._enter(alone)
        await self._write(self._rescue)
        beat = self._lease / 5
        self._agents = [
            asyncio.create_task(self._bell.listen()),
            asyncio.create_task(self._feed()),
            asyncio.create_task(self._attend()),
            asyncio.create_task(_repeat(self._beat, beat)),
            asyncio.create_task(_repeat(self._tick, _LOOK_SECONDS)),
            asyncio.create_task(_repeat(self._trim, _TRIM_SECONDS)),
            asyncio.create_task(_repeat(self._expire, _EXPIRE_SECONDS)),
        ]
        _log.info("worker began", worker=self._id, slots=self._slots)

    async def close(self) -> None:
        """Stop: what runs is interrupted and given back, and is run again by whoever starts next."""
        if self._agents:
            self._stopping = True
            self._bell.work.set()
            # Not cancelled: a claim under way in its thread would be committed, and nobody would run it.
            await asyncio.wait({self._agents[1]})
            self._interrupt_all("stopped")
            await _ended(self._tasks)
            self._out_of_patience.set()
            await _ended(self._tasks)
            for agent in self._agents:
                await _end(agent)
            self._agents = []
            await self._leave()
            _log.info("worker ended", worker=self._id)
        # What a thread asks the store just now ends before the store is closed.
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.to_thread(self._threads.shutdown)

    # --- agents: each looks after one thing, again and again

    async def _feed(self) -> None:
        """Fill the free slots whenever somebody rings, and now and then in case nobody did."""
        while not self._stopping:
            self._bell.work.clear()
            try:
                more = True
                while more and not self._stopping:
                    jobs, more = await self._claim()
                    for job in jobs:
                        self._begin(job)
            except Exception:
                _log.exception("no job claimed")
            if not self._stopping:
                await _heard(self._bell.work, _LOOK_SECONDS)

    async def _attend(self) -> None:
        """Write what jobs report, and interrupt those that are called off or were taken away."""
        while True:
            self._bell.cancel.clear()
            try:
                if self._runs:
                    await self._compare()
            except Exception:
                _log.exception("jobs not attended")
            await _heard(self._bell.cancel, _LOOK_SECONDS)

    async def _compare(self) -> None:
        runs = list(self._runs.values())
        told = [(run, run.reports.unwritten) for run in runs if run.reports.unwritten is not None]
        if told:
            await self._write(lambda s: claiming.report(s, [(run.job, words) for run, words in told]))
            for run, words in told:
                if run.reports.unwritten is words:
                    run.reports.unwritten = None
        held = await self._read(lambda s: claiming.held(s, self._id))
        for run in runs:
            if run.key not in self._runs:
                continue
            if run.key not in held:
                run.interrupt("lost")
            elif held[run.key]:
                run.interrupt("cancelled")

    async def _beat(self) -> None:
        """Show that this worker lives, and look who does not."""
        try:
            alive = await self._write(lambda s: living.beat(s, self._id))
        except Exception:
            if time.monotonic() - self._alive_at > self._lease * 0.8:
                self._interrupt_all("lost")  # others take these jobs now, as far as anybody here can know
            raise
        if not alive:
            _log.warning("worker was taken for dead", worker=self._id)
            self._interrupt_all("lost")
            await self._enter(alone=False)
        self._alive_at = time.monotonic()
        await self._write(self._watch.bury)
        if await self._read(claiming.orphaned):
            await self._write(self._rescue)
        await self._put_strange_back()

    async def _put_strange_back(self) -> None:
        """What this worker has by the store and does not run: a claim whose answer was lost on its way."""
        held = await self._read(lambda s: claiming.held(s, self._id))
        unknown = {key for key in held if key not in self._runs}
        stayed, self._strange = unknown & self._strange, unknown
        if stayed:
            await self._write(lambda s: claiming.give_back_by_key(s, self._id, stayed))

    async def _tick(self) -> None:
        while await self._read(schedules.due):
            await self._write(lambda s: schedules.tick(s, self._kinds, self._bell))

    async def _trim(self) -> None:
        touched, self._touched = self._touched, set()
        if touched:
            await self._write(lambda s: retention.trim(s, self._kinds, touched))
        counted = await self._read(retention.count)
        self.figures.waiting, self.figures.running = counted.get("waiting", 0), counted.get("running", 0)
        if await self._read(schedules.planned_ahead):
            await self._write(schedules.after_the_clock_was_set_back)

    async def _expire(self) -> None:
        await self._write(lambda s: retention.expire(s, self._kinds))

    # --- runs

    async def _claim(self) -> tuple[list[Job], bool]:
        """What there is room for, in one transaction, and whether there may be more. Standing jobs have room of their
        own."""
        ordinary, standing = self._kinds.names(standing=False), self._kinds.names(standing=True)
        busy = len(self._tasks) - len(self._standing)
        rooms = [(ordinary, self._slots - busy), (standing, _STANDING - len(self._standing))]
        rooms = [(names, room) for names, room in rooms if names and room > 0]

        def claim(session: Session) -> list[Job]:
            found: list[Job] = []
            for names, room in rooms:
                taken: list[Job] = []
                while len(taken) < room and (job := claiming.claim(session, self._id, names)) is not None:
                    taken.append(job)
                found += taken
            return found

        one_each = False
        while rooms:
            try:
                jobs = await self._write(claim)
            except IntegrityError:  # another worker has just taken a job of the same subject
                rooms, one_each = [(names, 1) for names, _ in rooms], True
            else:
                return jobs, one_each and bool(jobs)
        return [], False

    def _begin(self, job: Job) -> None:
        _log.info("job began", **_about(job))
        run = Run(job, self._kinds.handler(job.kind), self._kinds.policy(job.kind))
        self._runs[run.key] = run
        task = asyncio.create_task(self._see_through(run))
        self._tasks.add(task)
        if self._kinds.policy(job.kind).standing:
            self._standing.add(task)
        task.add_done_callback(self._freed)

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._standing.discard(task)
        self._bell.work.set()

    async def _see_through(self, run: Run) -> None:
        """Wait for a run's end and write it down, however long the store takes."""
        outcome = await run.outcome(self._out_of_patience)
        written = False
        if outcome.step is not None:
            written = await self._settle(run, outcome.step)
        self._runs.pop(run.key, None)
        self._touched.add((run.job.kind, run.job.subject))
        name = outcome.name if written or outcome.step is None else "lost"
        self.figures.ended[name] = self.figures.ended.get(name, 0) + 1
        ms = round((time.monotonic() - run.began) * 1000, 1)
        _log.info("job ended", **_about(run.job), outcome=name, ms=ms, error=outcome.error)

    async def _settle(self, run: Run, step: Callable[[Session], bool]) -> bool:
        def write(session: Session) -> bool:
            if run.reports.unwritten is not None:
                claiming.report(session, [(run.job, run.reports.unwritten)])
            return step(session)

        wait = 0.05
        while True:
            try:
                with suppress(IntegrityError):  # a twin was enqueued in this moment: the next try sees it
                    return await self._write(write)
            except Exception:
                _log.exception("job's end not written yet", **_about(run.job))
            if self._out_of_patience.is_set():
                return False
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    def _interrupt_all(self, why: Interruption) -> None:
        for run in list(self._runs.values()):
            run.interrupt(why)

    # --- this worker's own row

    async def _enter(self, alone: bool) -> None:
        self._id = f"{socket.gethostname()[:100]}:{os.getpid()}:{token('', 8)}"
        self._watch = living.Watch(self._id, self._lease)
        await self._write(lambda s: living.enter(s, self._id, alone=alone))

    async def _leave(self) -> None:
        try:
            await self._write(lambda s: living.leave(s, self._id))
        except Exception:
            _log.exception("worker did not sign off")

    def _rescue(self, session: Session) -> None:
        for job in claiming.rescue(session, self._kinds):
            _log.warning("job taken over", **_about(job), worker=job.worker)
            self._bell.ring(session, "work")

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self._store.write() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._threads, write)

    async def _read(self, work: Callable[[Session], T]) -> T:
        def read() -> T:
            with self._store.read() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._threads, read)


def _about(job: Job) -> dict[str, Any]:
    return {"job": str(job.id), "kind": job.kind, "subject": job.subject, "attempt": job.attempt}


async def _repeat(step: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await step()
        except Exception:
            _log.exception("worker stumbled", step=step.__name__)
        await asyncio.sleep(seconds)


async def _heard(event: asyncio.Event, seconds: float) -> None:
    # Not `wait_for`: in Python 3.11 that swallows a cancellation that comes together with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=_PATIENCE_SECONDS)


async def _end(task: asyncio.Task[None]) -> None:
    while not task.done():  # a library may swallow one cancellation
        task.cancel()
        await asyncio.wait({task}, timeout=1)
