"""Adds what lies beyond a cursor: into a clone of the table that is there, made while the remote still sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from hedgerow.connectors import Ask, Cursor, CursorValue
from hedgerow.engine.base import Column, Engine
from hedgerow.jobs import Control
from hedgerow.materialize import Tables
from hedgerow.sources.records import Schema
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.batches import with_first
from hedgerow.sources.sync.filling import Count, Filled, Filling, Remote, Tally, keys_of, single, watched
from hedgerow.sources.sync.planning import Plan
from hedgerow.sources.sync.reader import Reader
from hedgerow.sources.sync.spread import Spread
from hedgerow.sources.sync.sweeping import Sweeping, due
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.records import TableRecord


@dataclass(frozen=True, slots=True)
class Adding:
    """One sync of what is new. What came is put aside first: its keys say which rows of the clone are to go.

    `known`: the files, or the like, whose rows are there already, as `Ask.known` takes them.
    """

    engine: Engine
    tables: Tables
    schema: Schema
    plan: Plan
    present: TableRecord
    remote: Remote
    known: frozenset[tuple[str, CursorValue]] | None

    async def add(self, control: Control) -> Filled:
        """A clone with what is new; raises what connectors and the engine raise, and then leaves nothing behind."""
        schema, plan, present = self.schema, self.plan, self.present
        tally = Tally(cursor=cursors.read(schema.cursor) if schema.cursor else None)
        cursor = self._cursor
        ask = Ask(
            self.remote.table.name, plan.asked, cursor.field, tally.cursor, cursor.inclusive, watch=watched(control)
        )
        ask = replace(ask, found=self.remote.table, known=self.known)
        async with Reader(lambda: self.remote.start(ask), ask.watch) as reader:
            batches = reader.batches()
            first = await anext(batches, None)
            idle = first is None and not plan.added and not plan.retyped
            if idle and not due(schema):
                return Filled(None, (), present.row_count or 0, present.size_bytes or 0, tally)
            count = Count(tally, cursor.field, control, keys=keys_of(schema, plan), spread=Spread())
            staging = asyncio.create_task(self._staged(with_first(first, batches), count))
            try:
                filled = await self._merged(staging, count)
            except BaseException:
                await asyncio.shield(self._unstaged(staging))
                raise
        if idle and not tally.deleted and filled.physical is not None:  # what is served is as it should be
            await filled.tidied()
            await self.tables.discard(schema.project_id, filled.physical)
            return Filled(None, (), filled.rows, filled.bytes_on_disk, tally)
        return filled

    # --- inside

    @property
    def _cursor(self) -> Cursor:
        field = self.schema.incremental_field or ""
        return self.remote.table.cursor(field) or Cursor(field, "numeric")

    @property
    def _linked(self) -> bool:
        """Whether what is put aside can be taken over as it is on disk: of the clone's making, each key in it once."""
        altered = self.plan.added or self.plan.retyped
        return not altered and (self.schema.sync_type != "incremental" or single(self.plan, self.remote))

    async def _staged(self, batches: AsyncIterator[pa.RecordBatch], count: Count) -> str:
        """A table of all that comes."""
        filling = Filling(self.engine, self.tables)
        async with self.tables.making(self.schema.project_id, self._stage) as staged:
            await filling.insert(self.schema, staged, self.plan, batches, count)
        return staged

    async def _stage(self, name: str) -> None:
        home = database(self.schema.project_id)
        if self._linked:
            await self.engine.create_like(home, name, self.present.physical or "")
        else:
            await self.engine.create_table(home, name, self.plan.columns)

    async def _unstaged(self, staging: "asyncio.Task[str]") -> None:
        """Nothing is left of what was put aside."""
        staging.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.tables.discard(self.schema.project_id, await staging)

    async def _merged(self, staging: "asyncio.Task[str]", count: Count) -> Filled:
        schema, home, tally = self.schema, database(self.schema.project_id), count.tally
        filling = Filling(self.engine, self.tables)
        clone = partial(self.engine.clone_table, home, source=self.present.physical or "", merging=False)
        async with self.tables.making(schema.project_id, lambda name: clone(table=name)) as physical:
            if self.plan.added or self.plan.retyped:
                await self.engine.change_columns(home, physical, self.plan.added, self.plan.retyped)
                columns = await filling.columns(schema.project_id, physical)
            else:
                columns = tuple(column.column for column in self.present.columns)
            staged = await staging
            if tally.rows:
                everywhere = count.spread is not None and count.spread.everywhere(self.present.row_count)
                await self._replace(physical, staged, everywhere)
            if due(schema):
                swept = await Sweeping(self.engine, self.tables).sweep(schema, self.plan, physical, self.remote.start)
                tally.swept, tally.deleted, tally.null_cursors = True, swept.deleted, swept.null_cursors
            return await self._ended(physical, staged, columns, tally)

    async def _replace(self, physical: str, staged: str, everywhere: bool) -> None:
        """Put what came in the place of the rows with its keys."""
        schema, home, cursor = self.schema, database(self.schema.project_id), self._cursor
        if schema.sync_type == "incremental":
            await self.engine.delete_matching(home, physical, staged, self.plan.key, everywhere=everywhere)
            if cursor.unit:  # fewer rows may have come than its older ones were
                await self.engine.delete_matching(home, physical, staged, [cursor.unit])
        elif cursor.inclusive and not cursor.unit:  # rows of the last value come again
            await self.engine.delete_matching(home, physical, staged, [cursor.field])
        if self._linked:
            await self.engine.attach_table(home, physical, staged)
        else:
            await Filling(self.engine, self.tables).copy(schema, self.plan, staged, physical, cursor.field)

    async def _ended(self, physical: str, staged: str, columns: tuple[Column, ...], tally: Tally) -> Filled:
        """What the clone holds; what was put aside goes while that is published."""
        project_id = self.schema.project_id
        filled = await Filling(self.engine, self.tables).filled(project_id, physical, tally, columns)
        return replace(filled, tidying=asyncio.create_task(self._tidied(filled, physical, staged)))

    async def _tidied(self, filled: Filled, physical: str, staged: str) -> None:
        project_id = self.schema.project_id
        try:
            await self.engine.let_merge(database(project_id), physical, filled.bytes_on_disk)
        finally:  # afterwards: the store has one writer, and whoever publishes is not to wait for this
            await self.tables.discard(project_id, staged)
