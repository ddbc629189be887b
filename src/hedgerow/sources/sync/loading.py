"""Fills physical tables: all rows into a new one, or those beyond a cursor into a clone of the one that is there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa

from hedgerow.connectors import Ask, Connector, Cursor, CursorValue, Refused, RemoteTable, Watch
from hedgerow.engine.base import Bound, Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.jobs import Control
from hedgerow.materialize import Tables
from hedgerow.sources.records import BY_CURSOR, Schema
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Plan
from hedgerow.sources.sync.reader import Reader
from hedgerow.sources.sync.sweeping import Sweeping, due
from hedgerow.sources.sync.types import arrow_type
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.records import TableRecord

_UNLIMITED = Limits(None, None, None)
_MANY_PARTS = 64


@dataclass(frozen=True, slots=True)
class Remote:
    """What is read, and with what."""

    connector: Connector
    config: dict[str, Any]
    table: RemoteTable

    @property
    def snapshot(self) -> bool:
        """Whether a read shows one moment, so that its rows need no order."""
        return self.connector.declaration.snapshot

    def start(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        return self.connector.read(self.config, ask)


@dataclass(slots=True)
class Tally:
    """What has come so far. `cursor` is the highest value; `null_cursors` counts rows without one.

    `swept`: all keys of the remote were looked at, and `deleted` rows were found to be there no more.
    """

    rows: int = 0
    bytes: int = 0
    cursor: CursorValue | None = None
    null_cursors: int = 0
    deleted: int = 0
    swept: bool = False

    def count(self, batch: pa.RecordBatch, cursor: str | None) -> None:
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        if cursor is not None:
            column = batch.column(cursor)
            self.cursor = cursors.highest(column, self.cursor)
            self.null_cursors += column.null_count


@dataclass(frozen=True, slots=True)
class _Count:
    """Counts what comes, by the column `cursor`, and reports it; `expected` are the rows there will be.

    `keys`, if rows are told apart by them, may not be null: a changed row would stand beside the one it replaces.
    """

    tally: Tally
    cursor: str | None
    control: Control
    expected: int | None = None
    keys: tuple[str, ...] = ()

    def take(self, batch: pa.RecordBatch) -> None:
        for name in self.keys:
            if batch.column(name).null_count:
                text = f"There are rows without a value in {name}, which is to tell rows apart. Choose other"
                raise Refused(f"{text} primary_key_columns, or sync the table whole.", retryable=False)
        self.tally.count(batch, self.cursor)

    def report(self) -> None:
        told = {"rows": self.tally.rows, "bytes": self.tally.bytes, "rows_expected": self.expected}
        self.control.progress(told)


@dataclass(frozen=True, slots=True)
class Filled:
    """A physical table that is whole; `None` when there was nothing new. `rows` are the table's own."""

    physical: str | None
    columns: tuple[Column, ...]
    rows: int
    bytes_on_disk: int
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Loading:
    """Methods raise what connectors and the engine raise; nothing is left of a table that was not filled."""

    engine: Engine
    tables: Tables

    async def whole(self, schema: Schema, plan: Plan, remote: Remote, control: Control) -> Filled:
        """Every row of the remote, in a new table."""
        tally = Tally(swept=True)
        cursor = schema.incremental_field if schema.sync_type in BY_CURSOR else None
        ask = Ask(remote.table.name, plan.asked, None if remote.snapshot else cursor, watch=_watch(control))
        async with self._made(schema.project_id, plan.columns, plan.key) as physical:
            async with Reader(lambda: remote.start(ask), ask.watch) as reader:
                expected = remote.table.row_estimate
                batches = self._without_merges(schema.project_id, physical, reader.batches())
                count = _Count(tally, cursor, control, expected, _keys(schema, plan))
                await self._insert(schema, physical, plan, batches, count)
            own = plan.key == remote.table.primary_key and remote.snapshot
            if schema.sync_type != "incremental" or own or await self._distinct(schema.project_id, physical, plan):
                return await self._filled(schema.project_id, physical, tally)
            async with self._made(schema.project_id, plan.columns, plan.key) as deduplicated:
                await self._copy(schema, plan, physical, deduplicated, cursor or "")
                filled = await self._filled(schema.project_id, deduplicated, tally)
        await self.tables.discard(schema.project_id, physical)
        return filled

    async def beyond(
        self, schema: Schema, plan: Plan, present: TableRecord, remote: Remote, control: Control
    ) -> Filled:
        """What lies beyond the cursor, in a clone of the table that is there."""
        field = schema.incremental_field or ""
        cursor = remote.table.cursor(field) or Cursor(field, "numeric")
        tally = Tally(cursor=cursors.read(schema.cursor) if schema.cursor else None)
        ask = Ask(remote.table.name, plan.asked, cursor.field, tally.cursor, cursor.inclusive, watch=_watch(control))
        async with Reader(lambda: remote.start(ask), ask.watch) as reader:
            batches = reader.batches()
            first = await anext(batches, None)
            idle = first is None and not plan.added and not plan.retyped
            if idle and not due(schema):
                return Filled(None, (), present.row_count or 0, present.size_bytes or 0, tally)
            async with self._made(schema.project_id, plan.columns, ()) as staged:
                count = _Count(tally, cursor.field, control, keys=_keys(schema, plan))
                await self._insert(schema, staged, plan, _with(first, batches), count)
                filled = await self._merged(schema, plan, present, staged, (cursor, tally, remote))
        await self.tables.discard(schema.project_id, staged)
        if idle and not tally.deleted and filled.physical is not None:  # what is served is as it should be
            await self.tables.discard(schema.project_id, filled.physical)
            return Filled(None, (), filled.rows, filled.bytes_on_disk, tally)
        return filled

    async def _merged(
        self, schema: Schema, plan: Plan, present: TableRecord, staged: str, read: tuple[Cursor, Tally, Remote]
    ) -> Filled:
        (cursor, tally, remote), home = read, database(schema.project_id)
        clone = partial(self.engine.clone_table, home, source=present.physical or "", merging=False)
        async with self.tables.making(schema.project_id, lambda name: clone(table=name)) as physical:
            if plan.added or plan.retyped:
                await self.engine.change_columns(home, physical, plan.added, plan.retyped)
            if schema.sync_type == "incremental":
                await self.engine.delete_matching(home, physical, staged, plan.key)
            elif cursor.inclusive:  # rows of the last value come again
                await self.engine.delete_matching(home, physical, staged, [cursor.field])
            await self._copy(schema, plan, staged, physical, cursor.field)
            if due(schema):
                swept = await Sweeping(self.engine, self.tables).sweep(schema, plan, physical, remote.start)
                tally.swept, tally.deleted, tally.null_cursors = True, swept.deleted, swept.null_cursors
            await self.engine.let_merge(home, physical)
            return await self._filled(schema.project_id, physical, tally)

    async def highest(self, present: TableRecord, field: str) -> CursorValue | None:
        """The highest value of a column of the table that is there; `None` when there is none."""
        kind = next((c.clickhouse for c in present.columns if c.name == field), None)
        if kind is None:
            return None
        sql = f"SELECT toString(max({{field:Identifier}})) FROM {_place(present.project_id, present.physical or '')}"
        answer = await self.engine.run(Query(sql, {"field": Bound("Identifier", field)}, _UNLIMITED))
        (text,) = orjson.loads(answer.rows)
        return cursors.of_text(text, arrow_type(kind)) if text is not None else None

    # --- inside

    @asynccontextmanager
    async def _made(self, project_id: int, columns: list[Column], order_by: tuple[str, ...]) -> AsyncIterator[str]:
        async def make(physical: str) -> None:
            await self.engine.create_table(database(project_id), physical, columns, order_by)

        async with self.tables.making(project_id, make) as physical:
            yield physical

    async def _insert(
        self, schema: Schema, physical: str, plan: Plan, batches: AsyncIterator[pa.RecordBatch], count: _Count
    ) -> None:
        async for batch in batches:
            count.take(batch)
            await self.engine.insert_arrow(database(schema.project_id), physical, [conformed(batch, plan.targets)])
            count.report()

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
        keys = f"SELECT {names} FROM {_place(project_id, physical)} GROUP BY {names}"
        sql = f"SELECT (SELECT count() FROM {_place(project_id, physical)}) = (SELECT count() FROM ({keys}))"
        settings: dict[str, str | int | float] = {"optimize_aggregation_in_order": 1}
        answer = await self.engine.run(Query(sql, {}, _UNLIMITED, settings=settings))
        return bool(orjson.loads(answer.rows)[0])

    async def _copy(self, schema: Schema, plan: Plan, source: str, into: str, cursor: str) -> None:
        """Append a table's rows to another by name; where rows have keys, the last of each."""
        names = {target.name: quoted(target.name) for target in plan.targets}
        layout = await self.engine.describe(Query(f"SELECT * FROM {_place(schema.project_id, into)}", {}, _UNLIMITED))
        chosen = ", ".join(names[column.name] for column in layout)
        sql = f"SELECT {chosen} FROM {_place(schema.project_id, source)}"
        if schema.sync_type == "incremental":
            key = ", ".join(map(quoted, plan.key))
            sql += f" ORDER BY {key}, {quoted(cursor)} DESC LIMIT 1 BY {key}"
        tag = f"{database(schema.project_id)}:sync:{uuid4().hex}"
        await self.engine.insert_query(database(schema.project_id), into, Query(sql, {}, _UNLIMITED, tag))

    async def _filled(self, project_id: int, physical: str, tally: Tally) -> Filled:
        place = _place(project_id, physical)
        columns = await self.engine.describe(Query(f"SELECT * FROM {place}", {}, _UNLIMITED))
        counted = await self.engine.run(Query(f"SELECT count() FROM {place}", {}, _UNLIMITED))
        size = await self.engine.size(database(project_id), physical)
        return Filled(physical, columns, int(counted.rows.strip(b"[]\n")), size.bytes_on_disk, tally)


def _keys(schema: Schema, plan: Plan) -> tuple[str, ...]:
    return plan.key if schema.sync_type == "incremental" else ()


def _watch(control: Control) -> Watch:
    """Reports rows that are set aside before the first batch can be made."""
    return Watch(lambda rows: control.progress({"rows": rows, "bytes": 0, "rows_expected": None}))


def _place(project_id: int, physical: str) -> str:
    return f"{quoted(database(project_id))}.{quoted(physical)}"


async def _with(first: pa.RecordBatch | None, rest: AsyncIterator[pa.RecordBatch]) -> AsyncIterator[pa.RecordBatch]:
    if first is not None:
        yield first
    async for batch in rest:
        yield batch
