"""Physical tables made from queries: built aside, then live, then retired; each step survives a crash."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from hedgerow.engine.base import Column, Engine, Limits, Progress, Query
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError
from hedgerow.materialize.rows import BuiltTableRow
from hedgerow.materialize.watching import Watch
from hedgerow.store import Store
from hedgerow.warehouse.catalog import database

T = TypeVar("T")
_LEASE = timedelta(seconds=30)
_GRACE = timedelta(seconds=30)
_KEPT = timedelta(days=2)
"""After which a table that was kept for another process is nobody's: far longer than any of them waits."""
_log = structlog.get_logger("hedgerow.materialize")

Report = Callable[[Progress], None]
"""Hears how far a build has come, every half second or so."""


class BuildLost(HedgerowError):
    """The table was taken for dead and taken away before it was published: build it again."""


@dataclass(frozen=True, slots=True)
class Built:
    """A table that is filled and not published yet. `columns` are as the engine described them."""

    project_id: int
    physical: str
    columns: tuple[Column, ...]
    rows: int
    bytes_on_disk: int
    seconds: float


class Tables:
    """Makes, publishes and retires physical tables.

    A build goes on in the engine while its row says `building` and is renewed; a process that dies leaves a row that
    is not renewed for two leases, and any process's sweep takes the table away. What is kept outlives its process. What
    is retired stays for queries under way, then goes. Times are told by each process's steady clock: a wall clock that
    jumps takes no table away.
    """

    def __init__(self, store: Store, engine: Engine, *, lease: timedelta = _LEASE, grace: timedelta = _GRACE) -> None:
        self._store, self._engine = store, engine
        self._beat_seconds, self._sweep_seconds = lease.total_seconds() / 6, lease.total_seconds() / 2
        patience = {"building": 2 * lease, "retired": grace, "kept": _KEPT}
        self._watch_rows = Watch({state: wait.total_seconds() for state, wait in patience.items()})
        self._sweeper: asyncio.Task[None] | None = None
        self._beats: set[asyncio.Task[None]] = set()
        self._wanted: set[str] = set()

    async def start(self) -> None:
        """Take away what earlier processes left, and go on doing so in the background."""
        # The embedded engine has one process: at its start nobody builds, and nobody reads what is retired.
        await self.sweep(orphans=self._engine.name == "chdb")
        self._sweeper = asyncio.create_task(self._sweep_often())

    async def close(self) -> None:
        """Stop what runs in the background."""
        tasks = [*self._beats, *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def building(
        self, project_id: int, query: Query, order_by: Sequence[str] = (), columns: Sequence[Column] = ()
    ) -> AsyncIterator[str]:
        """A new, empty table with the columns of `query`, its physical name; it is dropped when the block fails.

        `columns`, if they are known, spare the engine the question. Within: fill it with `fill`, as often as needed.
        After it, `publish` or `discard` the table.
        """

        async def make(physical: str) -> None:
            told = columns or await self._engine.describe(query)
            await self._engine.create_table(database(project_id), physical, told, order_by)

        async with self.making(project_id, make) as physical:
            yield physical

    @asynccontextmanager
    async def making(self, project_id: int, make: Callable[[str], Awaitable[None]]) -> AsyncIterator[str]:
        """As `building`, for a table that `make` makes under the name it is given."""
        physical = f"m_{uuid4().hex}"
        noting = asyncio.create_task(
            self._write(lambda s: s.add(BuiltTableRow(physical=physical, project_id=project_id)))
        )
        try:
            await asyncio.gather(asyncio.shield(noting), self._engine.create_database(database(project_id)))
            self._keep_alive(physical)
            await make(physical)
            yield physical
        except BaseException:
            await asyncio.wait({noting})  # a row written after this would be nobody's
            await asyncio.shield(self.discard(project_id, physical))
            raise

    async def fill(self, project_id: int, physical: str, query: Query, report: Report | None = None) -> None:
        """Append what the query answers. Cancelling the task cancels it in the engine.

        There it goes by the table's name, so that whoever takes a dead process's table away can end it.
        """
        named = replace(query, id=physical)
        watching = asyncio.create_task(self._watch(physical, report)) if report else None
        try:
            await self._engine.insert_query(database(project_id), physical, named)
        finally:
            if watching:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def build(
        self,
        project_id: int,
        query: Query,
        order_by: Sequence[str] = (),
        report: Report | None = None,
        columns: Sequence[Column] = (),
    ) -> Built:
        """A table of what `query` answers, its rows kept in the order of the columns `order_by`; `columns` are those
        of the query, if they are known.

        Raises what the engine raises; then nothing is left of it.
        """
        began = time.perf_counter()
        async with self.building(project_id, query, order_by, columns) as physical:
            await self.fill(project_id, physical, query, report)
            return await self.built(project_id, physical, time.perf_counter() - began, columns)

    async def built(self, project_id: int, physical: str, seconds: float, columns: Sequence[Column] = ()) -> Built:
        """What a filled table holds."""
        if not columns:
            sql = f"SELECT * FROM `{database(project_id)}`.`{physical}`"
            columns = await self._engine.describe(Query(sql, limits=Limits(max_rows=None)))
        size = await self._engine.size(database(project_id), physical)
        return Built(project_id, physical, tuple(columns), size.rows, size.bytes_on_disk, seconds)

    def publish(self, session: Session, physicals: Sequence[str]) -> None:
        """Make built tables live, in the caller's transaction; raises `BuildLost`."""
        for physical in physicals:
            if not _change(session, physical, BuiltTableRow.state == "building", state="live", at=now()):
                raise BuildLost(f"The table {physical} was taken away before it could be published.")
        self._wanted.difference_update(physicals)

    def keep(self, session: Session, physicals: Sequence[str]) -> None:
        """Let tables that are being built, or are kept, outlive this process, in the caller's transaction, which also
        notes down what they are for; raises `BuildLost`. Whoever takes them over retires them.

        Nobody need renew them: they stay until they were not kept again for two days.
        """
        for physical in physicals:
            rule = BuiltTableRow.state.in_(("building", "kept"))
            if not _change(session, physical, rule, state="kept", at=now()):
                raise BuildLost(f"The table {physical} was taken away before it could be kept.")
        self._wanted.difference_update(physicals)

    def are_kept(self, session: Session, physicals: Sequence[str]) -> bool:
        """Whether all of them are there, and kept."""
        rules = (BuiltTableRow.physical.in_(physicals), BuiltTableRow.state == "kept")
        found = session.scalar(select(func.count()).select_from(BuiltTableRow).where(*rules))
        return found == len(set(physicals))

    def retire(self, session: Session, physicals: Sequence[str]) -> None:
        """Give up tables, in the caller's transaction; they are dropped when queries under way have ended."""
        chosen = update(BuiltTableRow).where(BuiltTableRow.physical.in_(physicals))
        session.execute(chosen.values(state="retired", at=now()))

    async def discard(self, project_id: int, physical: str) -> None:
        """Drop a table that will not be published, at once; what cannot be dropped now a sweep drops later."""
        self._wanted.discard(physical)
        try:
            await self._drop(project_id, physical)
        except Exception:
            _log.exception("table not dropped", project_id=project_id, table=physical)

    async def sweep(self, *, orphans: bool = False) -> None:
        """Drop what is retired or was left half-built; `orphans`: whatever is not live has lost its process."""
        for project_id, physical in await asyncio.to_thread(self._leavings, orphans):
            try:
                # A process that was killed may have left its query behind in a server.
                await self._engine.cancel(physical)
                await self._drop(project_id, physical)
            except HedgerowError:
                _log.exception("table not dropped", project_id=project_id, table=physical)

    # --- inside

    def _leavings(self, orphans: bool) -> list[tuple[int, str]]:
        with self._store.read() as session:
            rows = session.scalars(select(BuiltTableRow).where(BuiltTableRow.state != "live")).all()
        idle = self._watch_rows.idle({row.physical: (row.state, row.at) for row in rows})
        lost = {row.physical for row in rows if orphans and row.state != "kept"}
        return [(row.project_id, row.physical) for row in rows if row.physical in lost | idle]

    async def _drop(self, project_id: int, physical: str) -> None:
        """The claim first: a build that is published meanwhile keeps its table, and one that is not is lost."""
        if await self._write(lambda s: _change(s, physical, BuiltTableRow.state != "live", state="retired")):
            await self._engine.drop_table(database(project_id), physical)
            await self._write(lambda s: s.execute(delete(BuiltTableRow).where(BuiltTableRow.physical == physical)))

    def _keep_alive(self, physical: str) -> None:
        self._wanted.add(physical)
        beating = asyncio.create_task(self._beat(physical))
        self._beats.add(beating)
        beating.add_done_callback(self._beats.discard)

    async def _beat(self, physical: str) -> None:
        while physical in self._wanted:
            await asyncio.sleep(self._beat_seconds)
            with suppress(Exception):  # a store that is away for a moment: the next beat may reach it
                if physical in self._wanted and not await self._write(lambda s: _renew(s, physical)):
                    self._wanted.discard(physical)

    async def _watch(self, tag: str, report: Report | None) -> None:
        while True:
            await asyncio.sleep(0.5)
            with suppress(HedgerowError):
                progress = await self._engine.progress(tag)
                if progress is not None and report is not None:
                    report(progress)

    async def _sweep_often(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_seconds)
            try:
                await self.sweep()
            except Exception:
                _log.exception("sweep failed")

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self._store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _renew(session: Session, physical: str) -> int:
    return _change(session, physical, BuiltTableRow.state == "building", at=now())


def _change(session: Session, physical: str, rule: ColumnElement[bool], **values: Any) -> int:
    """Set values where the rule holds; whether it did."""
    chosen = update(BuiltTableRow).where(BuiltTableRow.physical == physical, rule).values(**values)
    changed: int = session.execute(chosen).rowcount  # type: ignore[attr-defined]
    return changed
