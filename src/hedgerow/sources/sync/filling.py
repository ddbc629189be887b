"""What every filling of a physical table needs: tables made aside, batches counted and put in, rows copied."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import pyarrow as pa

from hedgerow.connectors import Ask, Connector, CursorValue, Refused, RemoteTable, Watch
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.jobs import Control
from hedgerow.materialize import Tables
from hedgerow.sources.records import Schema
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Plan
from hedgerow.sources.sync.spread import Spread
from hedgerow.warehouse.catalog import database

UNLIMITED = Limits(None, None, None)


@dataclass(frozen=True, slots=True)
class Remote:
    """What is read, and with what; `version` is another when the source's values were changed."""

    connector: Connector
    config: dict[str, Any]
    table: RemoteTable
    version: str = ""

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
class Count:
    """Counts what comes, by the column `cursor`, and reports it; `expected` are the rows there will be.

    `keys`, if rows are told apart by them, may not be null: a changed row would stand beside the one it replaces.
    `spread`, if given, learns where they lie.
    """

    tally: Tally
    cursor: str | None
    control: Control
    expected: int | None = None
    keys: tuple[str, ...] = ()
    spread: Spread | None = None

    def take(self, batch: pa.RecordBatch) -> None:
        for name in self.keys:
            if batch.column(name).null_count:
                text = f"There are rows without a value in {name}, which is to tell rows apart. Choose other"
                raise Refused(f"{text} primary_key_columns, or sync the table whole.", retryable=False)
        if self.spread is not None and self.keys:
            self.spread.take([batch.column(name) for name in self.keys])
        self.tally.count(batch, self.cursor)

    def report(self) -> None:
        told = {"rows": self.tally.rows, "bytes": self.tally.bytes, "rows_expected": self.expected}
        self.control.progress(told)


@dataclass(frozen=True, slots=True)
class Filled:
    """A physical table that is whole; `None` when there was nothing new. `rows` are the table's own.

    `tidying` goes on beside its publishing: to be awaited in any case.
    """

    physical: str | None
    columns: tuple[Column, ...]
    rows: int
    bytes_on_disk: int
    tally: Tally = field(default_factory=Tally)
    tidying: "asyncio.Future[Any] | None" = field(default=None, compare=False)

    async def tidied(self, *, whatever: bool = False) -> None:
        """Wait until `tidying` has ended; raises what it raised, unless that does not matter."""
        if self.tidying is not None:
            await asyncio.wait({self.tidying})
            fault = None if self.tidying.cancelled() else self.tidying.exception()
            if fault is not None and not whatever:
                raise fault


@dataclass(frozen=True, slots=True)
class Filling:
    """Methods raise what the engine raises."""

    engine: Engine
    tables: Tables

    @asynccontextmanager
    async def made(self, project_id: int, columns: list[Column], order_by: tuple[str, ...]) -> AsyncIterator[str]:
        """A new table; it is dropped when the block fails."""
        make = partial(self.engine.create_table, database(project_id), columns=columns, order_by=order_by)
        async with self.tables.making(project_id, lambda name: make(table=name)) as physical:
            yield physical

    async def insert(
        self, schema: Schema, physical: str, plan: Plan, batches: AsyncIterator[pa.RecordBatch], count: Count
    ) -> None:
        """Append batches as they come, each counted."""
        async for batch in batches:
            count.take(batch)
            await self.engine.insert_arrow(database(schema.project_id), physical, [conformed(batch, plan.targets)])
            count.report()

    async def copy(self, schema: Schema, plan: Plan, source: str, into: str, cursor: str) -> None:
        """Append a table's rows to another by name; where rows have keys, the last of each."""
        names = {target.name: quoted(target.name) for target in plan.targets}
        chosen = ", ".join(names[column.name] for column in await self.columns(schema.project_id, into))
        sql = f"SELECT {chosen} FROM {place(schema.project_id, source)}"
        if schema.sync_type == "incremental":
            key = ", ".join(map(quoted, plan.key))
            sql += f" ORDER BY {key}, {quoted(cursor)} DESC LIMIT 1 BY {key}"
        tag = f"{database(schema.project_id)}:sync:{uuid4().hex}"
        await self.engine.insert_query(database(schema.project_id), into, Query(sql, {}, UNLIMITED, tag))

    async def columns(self, project_id: int, physical: str) -> tuple[Column, ...]:
        """A table's columns, in its order."""
        return await self.engine.describe(Query(f"SELECT * FROM {place(project_id, physical)}", {}, UNLIMITED))

    async def filled(
        self, project_id: int, physical: str, tally: Tally, columns: tuple[Column, ...] | None = None
    ) -> Filled:
        """What a table holds; `columns`, if they are known, spare the engine the question."""
        if columns is None:
            columns = await self.columns(project_id, physical)
        counting = Query(f"SELECT count() FROM {place(project_id, physical)}", {}, UNLIMITED)
        counted, size = await asyncio.gather(
            self.engine.run(counting), self.engine.size(database(project_id), physical)
        )
        return Filled(physical, columns, int(counted.rows.strip(b"[]\n")), size.bytes_on_disk, tally)


def keys_of(schema: Schema, plan: Plan) -> tuple[str, ...]:
    """What rows are told apart by in this sync."""
    return plan.key if schema.sync_type == "incremental" else ()


def single(plan: Plan, remote: Remote) -> bool:
    """Whether one read brings each key once: all rows of it are of one moment, and the keys are the remote's own."""
    return plan.key == remote.table.primary_key and remote.snapshot


def watched(control: Control) -> Watch:
    """Reports rows that are set aside before the first batch can be made."""
    return Watch(lambda rows: control.progress({"rows": rows, "bytes": 0, "rows_expected": None}))


def place(project_id: int, physical: str) -> str:
    """A table as statements name it."""
    return f"{quoted(database(project_id))}.{quoted(physical)}"
