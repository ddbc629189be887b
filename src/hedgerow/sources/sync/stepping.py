"""Reads a whole table in steps: what has come is kept in pieces, and after a crash the next try goes on there."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy.orm import Session

from hedgerow.connectors import Ask, Moved, Onward, Place, Resumable, Step
from hedgerow.kit.clock import now
from hedgerow.sources.records import Schema
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.checkpoints import Checkpoint, Checkpoints
from hedgerow.sources.sync.filling import Count, Filling, Remote, Tally
from hedgerow.sources.sync.planning import Plan
from hedgerow.sources.sync.reader import Reader
from hedgerow.store import Store
from hedgerow.warehouse.catalog import database

T = TypeVar("T")
RESUMED = frozenset({"full_refresh", "incremental", "append"})
_MANY_PARTS = 64
_MOST, _SHARE = 300.0, 0.1
_log = structlog.get_logger("hedgerow.sources")


class Pace:
    """When it is time for the next place: every so many seconds, more seldom the longer it has taken, at least every
    five minutes. So there are few pieces, and little is read twice."""

    def __init__(self, least: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._least, self._clock = least, clock
        self._began = self._last = clock()

    def due(self) -> bool:
        """Whether it is; the time until the next one then begins."""
        moment = self._clock()
        if moment - self._last < max(self._least, min(_MOST, _SHARE * (moment - self._began))):
            return False
        self._last = moment
        return True


@dataclass(frozen=True, slots=True)
class Memory:
    """Where what has come so far is written down, every so many seconds."""

    store: Store
    checkpoints: Checkpoints
    seconds: float

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do it in one transaction."""

        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


@dataclass(slots=True)
class Stepping:
    """One try at a table. `maker` tells what it can go on from; see `checkpoints.made_by`.

    What comes goes into a table of its own, the current piece. At a place that is written down together with the place,
    as kept, and another one is begun. So nobody can add to what was kept, also no process that was taken for dead.
    """

    filling: Filling
    memory: Memory
    schema: Schema
    plan: Plan
    remote: Remote
    maker: str
    count: Count
    saved: Checkpoint | None = None
    resumed: bool = False
    begun: list[str] = field(default_factory=list)
    """Tables that are nobody's yet: the current piece, and the changed rows."""
    changed: str | None = None
    batches: int = 0

    async def fill(self, ask: Ask) -> str:
        """A table of all rows, which this process is to publish or discard."""
        await self._recall()
        try:
            try:
                return await self._filled(ask)
            except Moved as fault:
                if self.saved is None:
                    raise
                await self._discard()
                await self._anew(fault.text)
                return await self._filled(ask)
        except BaseException:
            await asyncio.shield(self._discard())
            raise

    # --- inside

    async def _discard(self) -> None:
        for physical in self.begun:
            await self.filling.tables.discard(self.schema.project_id, physical)
        self.begun, self.changed = [], None

    async def _recall(self) -> None:
        """See whether there is a place to go on from."""

        def look(session: Session) -> tuple[Checkpoint | None, str | None]:
            found = self.memory.checkpoints.find(session, self.schema.id)
            return found, self.memory.checkpoints.unfit(session, found, self.maker) if found else None

        self.saved, unfit = await self.memory.write(look)
        if unfit is not None:
            await self._anew(unfit)
        elif self.saved is not None:
            self.resumed = True
            _restore(self.count.tally, self.saved.tally)
            _log.info("sync goes on", schema=str(self.schema.id), table=self.schema.name, rows=self.count.tally.rows)

    async def _anew(self, why: str) -> None:
        """Begin at the beginning."""
        _log.warning("sync begins anew", schema=str(self.schema.id), table=self.schema.name, why=why)
        await self.memory.write(lambda session: self.memory.checkpoints.forget(session, [self.schema.id]))
        self.saved, self.resumed = None, False
        _restore(self.count.tally, _told(Tally()))

    async def _filled(self, ask: Ask) -> str:
        connector = self.remote.connector
        assert isinstance(connector, Resumable)
        place = self.saved.place if self.saved else None
        onward = Onward(place, Pace(self.memory.seconds).due, self.count.cursor)
        begin = partial(connector.steps, self.remote.config, ask, onward)
        current = await self._begin()
        async with Reader(begin, ask.watch) as reader:
            async for step in reader.batches():
                if step.batch is not None:
                    await self._take(step, current)
                elif step.place is not None:
                    current = await self._keep(step.place, current)
        return await self._assembled(current)

    async def _begin(self) -> str:
        """A table to put rows into; its parts are not merged while it is filled."""
        async with self.filling.made(self.schema.project_id, self.plan.columns, self.plan.key) as physical:
            await self.filling.engine.hold_merges(database(self.schema.project_id), physical)
        self.begun.append(physical)
        return physical

    async def _take(self, step: Step, current: str) -> None:
        assert step.batch is not None
        if step.changed and self.changed is None:
            self.changed = await self._begin()
        into = self.changed if step.changed and self.changed else current
        self.count.take(step.batch)
        rows = conformed(step.batch, self.plan.targets)
        await self.filling.engine.insert_arrow(database(self.schema.project_id), into, [rows])
        self.count.report()
        self.batches += 1
        if self.batches >= _MANY_PARTS and not step.changed:
            await self.filling.engine.let_merge(database(self.schema.project_id), into)

    async def _keep(self, place: Place, current: str) -> str:
        """Write down how far it is; the piece that is filled from now on."""
        before = self.saved
        pieces = (*(before.pieces if before else ()), current)
        begun_at = before.begun_at if before else now()
        after = Checkpoint(self.maker, place, pieces, self.changed, _told(self.count.tally), begun_at, now())
        following = await self._begin()
        saving = asyncio.create_task(self.memory.write(partial(self._save, before, after)))
        try:
            await asyncio.shield(saving)
        finally:
            await asyncio.wait({saving})
            if saving.exception() is None:  # what was written down is not to be discarded
                self.saved, self.begun = after, [following]
        return following

    def _save(self, before: Checkpoint | None, after: Checkpoint, session: Session) -> None:
        self.count.control.confirm(session)
        self.memory.checkpoints.save(session, self.schema, before, after)

    async def _assembled(self, current: str) -> str:
        """All pieces as one table, whose files are theirs; changed rows take the place of what they were."""
        engine, home = self.filling.engine, database(self.schema.project_id)
        whole = current
        if self.saved is not None:
            whole = await self._begin()
            for piece in (*self.saved.pieces, current):
                await engine.attach_table(home, whole, piece)
        if self.changed is not None:
            await engine.delete_matching(home, whole, self.changed, self.remote.table.primary_key)
            await engine.attach_table(home, whole, self.changed)
        await engine.let_merge(home, whole)
        kept = self.saved.physicals if self.saved else ()
        for physical in {*self.begun, *([self.changed] if self.changed else [])} - {whole, *kept}:
            await self.filling.tables.discard(self.schema.project_id, physical)
        return whole


def _told(tally: Tally) -> dict[str, Any]:
    """What is written down of it."""
    counts = {"rows": tally.rows, "bytes": tally.bytes, "null_cursors": tally.null_cursors}
    return {**counts, "cursor": cursors.kept(tally.cursor) if tally.cursor is not None else None}


def _restore(tally: Tally, told: Mapping[str, Any]) -> None:
    tally.rows, tally.bytes, tally.null_cursors = told["rows"], told["bytes"], told["null_cursors"]
    tally.cursor = cursors.read(told["cursor"]) if told["cursor"] is not None else None
