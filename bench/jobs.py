"""Jobs: waking, throughput and a tick of 1,000 schedules, against the bare statements they are made of, on both stores.

Where Procrastinate is installed it does the same over the same PostgreSQL.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from bench.table import Measured, show
from hedgerow.jobs import Control, Job, JobRoom, open_jobs, schedules
from hedgerow.store import Store
from hedgerow.web.telemetry import logs
from tests.support import postgres_process

_WAKES, _JOBS, _SLOTS, _SCHEDULES = 100, 1_000, 8, 1_000


class Side:
    """A store with a room over it whose one kind says when it began."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        self.store.migrate()
        self.room: JobRoom = open_jobs(self.store, _SLOTS, 30)
        self.begun: list[float] = []
        self.enough, self.wanted = asyncio.Event(), 1
        self.room.kinds.register("note", self._note)

    async def _note(self, job: Job, control: Control) -> None:
        self.begun.append(time.perf_counter())
        if len(self.begun) >= self.wanted:
            self.enough.set()

    def expect(self, number: int) -> None:
        self.begun, self.wanted = [], number
        self.enough.clear()

    def enqueue(self, subjects: list[str]) -> float:
        """In one transaction; the instant after its commit."""
        with self.store.write() as session:
            for subject in subjects:
                self.room.jobs.enqueue(session, "note", subject)
        return time.perf_counter()

    def bare(self, times: int) -> float:
        """Seconds that one INSERT and two UPDATEs, each committed, take per row: what a job cannot do without."""
        with self.store.write() as session:
            session.execute(text("CREATE TABLE bare (id integer primary key, state text)"))
        began = time.perf_counter()
        for number in range(times):
            with self.store.write() as session:
                session.execute(text("INSERT INTO bare VALUES (:n, 'waiting')"), {"n": number})
            for state in ("running", "done"):
                with self.store.write() as session:
                    session.execute(text("UPDATE bare SET state = :s WHERE id = :n"), {"s": state, "n": number})
        return (time.perf_counter() - began) / times

    def bare_updates(self, times: int) -> float:
        """Seconds that two UPDATEs take per row, each committed: a claim and an end."""
        began = time.perf_counter()
        for number in range(times):
            for state in ("running", "done"):
                with self.store.write() as session:
                    session.execute(text("UPDATE bare SET state = :s WHERE id = :n"), {"s": state, "n": number})
        return (time.perf_counter() - began) / times


async def _wakes(side: Side) -> float:
    waits = []
    for number in range(_WAKES):
        side.expect(1)
        committed = await asyncio.to_thread(side.enqueue, [f"wake{number}"])
        await side.enough.wait()
        waits.append(side.begun[0] - committed)
        await asyncio.sleep(0.005)
    return statistics.median(waits) * 1000


async def _throughput(side: Side) -> float:
    """Jobs begun a second while many wait."""
    side.expect(_JOBS)
    await asyncio.to_thread(side.enqueue, [f"many{number}" for number in range(_JOBS)])
    await side.enough.wait()
    return _JOBS / (side.begun[-1] - side.begun[0])


def _tick(side: Side) -> tuple[float, float]:
    """Milliseconds of a tick with all schedules due, and of one bare INSERT and UPDATE of as many rows."""
    with side.store.write() as session:
        for number in range(_SCHEDULES):
            side.room.schedules.set(session, f"tick{number}", "note", {}, timedelta(milliseconds=1))
            session.execute(text("INSERT INTO bare VALUES (:n, 'x')"), {"n": 1_000_000 + number})
    time.sleep(0.01)
    began = time.perf_counter()
    done = 0
    while done < _SCHEDULES:
        with side.store.write() as session:
            done += schedules.tick(session, side.room.kinds, side.room.jobs._bell)
    ours = time.perf_counter() - began
    with side.store.write() as session:
        session.execute(text("DELETE FROM schedules"))
    rows = [{"n": 2_000_000 + number} for number in range(_SCHEDULES)]
    began = time.perf_counter()
    with side.store.write() as session:
        session.execute(text("INSERT INTO bare VALUES (:n, 'y')"), rows)
        session.execute(text("UPDATE bare SET state = 'z' WHERE id = :n"), rows)
    return ours * 1000, (time.perf_counter() - began) * 1000


async def _measure(side: Side, name: str) -> tuple[list[Measured], float, float]:
    floor = await asyncio.to_thread(side.bare, 300)
    await side.room.worker.start()
    wake = await _wakes(side)
    many = await _throughput(side)
    await side.room.worker.close()
    updates = 1 / await asyncio.to_thread(side.bare_updates, 300)
    ours, bare = await asyncio.to_thread(_tick, side)
    side.store.dispose()
    lines = [
        Measured(f"{name}: commit to handler, median", wake, floor * 1000, "ms", "<= 20 ms", wake <= 20),
        Measured(f"{name}: jobs a second, {_SLOTS} slots / 2 bare updates", many, updates, "/s", ""),
        Measured(f"{name}: tick, {_SCHEDULES} schedules due / bare rows", ours, bare, "ms", "<= 1 s", ours <= 1000),
    ]
    return lines, wake, many


async def _procrastinate(url: str) -> tuple[float, float]:
    import procrastinate

    begun: list[float] = []
    state: dict[str, Any] = {"wanted": 1, "enough": asyncio.Event()}
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="note")
    async def note() -> None:
        begun.append(time.perf_counter())
        if len(begun) >= state["wanted"]:
            state["enough"].set()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(app.run_worker_async(concurrency=_SLOTS, install_signal_handlers=False))
        await asyncio.sleep(1)

        async def ask(number: int, defer: Callable[[], Awaitable[Any]]) -> float:
            begun.clear()
            state["wanted"] = number
            state["enough"].clear()
            await defer()
            asked = time.perf_counter()
            await state["enough"].wait()
            return asked

        waits = []
        for _ in range(_WAKES):
            asked = await ask(1, note.defer_async)
            waits.append(begun[0] - asked)
            await asyncio.sleep(0.005)
        await ask(_JOBS, lambda: note.batch_defer_async(*({} for _ in range(_JOBS))))
        many = _JOBS / (begun[-1] - begun[0])
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    return statistics.median(waits) * 1000, many


@contextmanager
def _postgres() -> Iterator[str]:
    """A fresh database on a server of the benchmark's own, which syncs to disk as servers do."""
    folder = postgres_process.binaries()
    if folder is None:
        yield ""
        return
    with postgres_process.running(folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
            connection.execute("CREATE DATABASE peer")
        yield url.rsplit("/", 1)[0]


async def _both(folder: Path, server: str) -> list[Measured]:
    lines, _, _ = await _measure(Side(f"sqlite:///{folder / 'metadata.sqlite'}"), "SQLite")
    if not server:
        print("no PostgreSQL: measured on SQLite alone")
        return lines
    more, wake, many = await _measure(Side(f"{server}/bench"), "PostgreSQL")
    lines += more
    if find_spec("procrastinate"):
        peer_wake, peer_many = await _procrastinate(f"{server}/peer")
        lines.append(Measured("PostgreSQL: waking / Procrastinate's", wake, peer_wake, "ms", "<= 1", wake <= peer_wake))
        lines.append(Measured("PostgreSQL: jobs a second / its", many, peer_many, "/s", ">= 1", many >= peer_many))
    else:
        print("Procrastinate is not installed: no peer")
    return lines


def main() -> None:
    """Measure both stores and the peer."""
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as folder, _postgres() as server:
        lines = asyncio.run(_both(Path(folder), server))
    show("Jobs", lines)


if __name__ == "__main__":
    main()
