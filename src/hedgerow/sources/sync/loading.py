"""Fills physical tables: all rows into a new one, or those beyond a cursor into a clone of the one that is there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import orjson
import pyarrow as pa

from hedgerow.connectors import Ask, Cursor, CursorValue, Resumable
from hedgerow.connectors.types import arrow_type
from hedgerow.engine.base import Bound, Engine, Query
from hedgerow.engine.statements import quoted
from hedgerow.jobs import Control
from hedgerow.materialize import Tables
from hedgerow.sources.records import BY_CURSOR, Schema
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.adding import Adding
from hedgerow.sources.sync.batches import with_first
from hedgerow.sources.sync.checkpoints import made_by
from hedgerow.sources.sync.filling import (
    UNLIMITED,
    Count,
    Filled,
    Filling,
    Remote,
    Tally,
    keys_of,
    place,
    single,
    watched,
)
from hedgerow.sources.sync.planning import Plan
from hedgerow.sources.sync.reader import Reader
from hedgerow.sources.sync.stepping import RESUMED, Memory, Stepping
from hedgerow.sources.sync.sweeping import Sweeping
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.records import TableRecord

_MANY_PARTS = 64


@dataclass(frozen=True, slots=True)
class Loading:
    """Methods raise what connectors and the engine raise; nothing is left of a table that was not filled."""

    engine: Engine
    tables: Tables
    memory: Memory

    async def whole(self, schema: Schema, plan: Plan, remote: Remote, control: Control) -> Filled:
        """Every row of the remote, in a new table."""
        tally = Tally(swept=True)
        cursor = schema.incremental_field if schema.sync_type in BY_CURSOR else None
        ask = Ask(remote.table.name, plan.asked, None if remote.snapshot else cursor, watch=watched(control))
        ask = replace(ask, found=remote.table)
        count = Count(tally, cursor, control, remote.table.row_estimate, keys_of(schema, plan))
        read = self._stepped if _resumable(schema, plan, remote) else self._read
        physical = await read(schema, plan, remote, ask, count)
        try:
            return await self._finished(schema, plan, remote, physical, tally)
        except BaseException:
            await asyncio.shield(self.tables.discard(schema.project_id, physical))
            raise

    async def beyond(
        self, schema: Schema, plan: Plan, present: TableRecord, remote: Remote, control: Control
    ) -> Filled:
        """What lies beyond the cursor, in a clone of the table that is there."""
        cursor = remote.table.cursor(schema.incremental_field or "")
        known = await self._units(present, cursor) if cursor is not None and cursor.unit else None
        return await Adding(self.engine, self.tables, schema, plan, present, remote, known).add(control)

    async def highest(self, present: TableRecord, field: str) -> CursorValue | None:
        """The highest value of a column of the table that is there; `None` when there is none."""
        kind = next((c.clickhouse for c in present.columns if c.name == field), None)
        if kind is None:
            return None
        sql = f"SELECT toString(max({{field:Identifier}})) FROM {place(present.project_id, present.physical or '')}"
        answer = await self.engine.run(Query(sql, {"field": Bound("Identifier", field)}, UNLIMITED))
        (text,) = orjson.loads(answer.rows)
        return cursors.of_text(text, arrow_type(kind)) if text is not None else None

    # --- inside

    async def _read(self, schema: Schema, plan: Plan, remote: Remote, ask: Ask, count: Count) -> str:
        """All rows, at one go."""
        filling = Filling(self.engine, self.tables)
        async with (
            filling.made(schema.project_id, plan.columns, plan.key) as physical,
            Reader(lambda: remote.start(ask), ask.watch) as reader,
        ):
            coming = reader.batches()
            together = with_first(await anext(coming, None), coming)
            batches = self._without_merges(schema.project_id, physical, together)
            await filling.insert(schema, physical, plan, batches, count)
        return physical

    async def _stepped(self, schema: Schema, plan: Plan, remote: Remote, ask: Ask, count: Count) -> str:
        """All rows, or those that an earlier try has not come to; with that one's they are those of one moment."""
        filling, maker = Filling(self.engine, self.tables), made_by(schema, plan, remote.version)
        stepping = Stepping(filling, self.memory, schema, plan, remote, maker, count)
        physical = await stepping.fill(ask)
        if stepping.resumed and schema.sync_type == "full_refresh" and remote.snapshot:
            try:  # what was deleted since the first try
                by_key = replace(plan, key=remote.table.primary_key)
                await Sweeping(self.engine, self.tables).sweep(schema, by_key, physical, remote.start)
            except BaseException:
                await asyncio.shield(self.tables.discard(schema.project_id, physical))
                raise
        count.tally.swept = not stepping.resumed
        return physical

    async def _finished(self, schema: Schema, plan: Plan, remote: Remote, physical: str, tally: Tally) -> Filled:
        """What was read, each key once where rows have keys."""
        filling = Filling(self.engine, self.tables)
        if (
            schema.sync_type != "incremental"
            or single(plan, remote)
            or await self._distinct(schema.project_id, physical, plan)
        ):
            return await filling.filled(schema.project_id, physical, tally)
        async with filling.made(schema.project_id, plan.columns, plan.key) as deduplicated:
            await filling.copy(schema, plan, physical, deduplicated, schema.incremental_field or "")
            filled = await filling.filled(schema.project_id, deduplicated, tally)
        await self.tables.discard(schema.project_id, physical)
        return filled

    async def _units(self, present: TableRecord, cursor: Cursor) -> frozenset[tuple[str, CursorValue]]:
        """Which files, or the like, the table's rows are of, each with its values of the cursor."""
        kind = arrow_type(next(c.clickhouse for c in present.columns if c.name == cursor.field))
        sql = (
            "SELECT {unit:Identifier}, toString({field:Identifier}) "
            f"FROM {place(present.project_id, present.physical or '')} GROUP BY 1, 2"
        )
        bound = {"unit": Bound("Identifier", cursor.unit), "field": Bound("Identifier", cursor.field)}
        answer = await self.engine.run(Query(sql, bound, UNLIMITED))
        rows = [orjson.loads(line) for line in answer.rows.splitlines() if line.strip()]
        return frozenset((unit, cursors.of_text(value, kind)) for unit, value in rows if None not in (unit, value))

    async def _without_merges(
        self, project_id: int, physical: str, batches: AsyncIterator[pa.RecordBatch]
    ) -> AsyncIterator[pa.RecordBatch]:
        """The batches; the table's parts are not merged until there are none left, or many parts."""
        home, number = database(project_id), 0
        await self.engine.hold_merges(home, physical)
        async for batch in batches:
            yield batch
            number += 1
            if number == _MANY_PARTS:
                await self.engine.let_merge(home, physical)
        if number < _MANY_PARTS:
            await self.engine.let_merge(home, physical)

    async def _distinct(self, project_id: int, physical: str, plan: Plan) -> bool:
        """Whether each key is in the table once; the table is in the order of its keys, so that takes no memory."""
        names = ", ".join(map(quoted, plan.key))
        keys = f"SELECT {names} FROM {place(project_id, physical)} GROUP BY {names}"
        sql = f"SELECT (SELECT count() FROM {place(project_id, physical)}) = (SELECT count() FROM ({keys}))"
        settings: dict[str, str | int | float] = {"optimize_aggregation_in_order": 1}
        answer = await self.engine.run(Query(sql, {}, UNLIMITED, settings=settings))
        return bool(orjson.loads(answer.rows)[0])


def _resumable(schema: Schema, plan: Plan, remote: Remote) -> bool:
    """Whether a read may be gone on with: rows that were changed are then known by the remote's own key."""
    keys = [target for target in plan.targets if target.name in remote.table.primary_key]
    known = len(keys) == len(remote.table.primary_key) and all(key.remote and not key.lenient for key in keys)
    return known and schema.sync_type in RESUMED and isinstance(remote.connector, Resumable)
