"""Finds rows that the remote has deleted: by all of its keys, which are read as of one moment and compared here."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import orjson
import pyarrow as pa

from hedgerow.connectors import Ask
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.kit.clock import now
from hedgerow.materialize import Tables
from hedgerow.sources.records import BY_CURSOR, Schema
from hedgerow.sources.scheduling import EVERY
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Plan, Target
from hedgerow.sources.sync.reader import Reader
from hedgerow.warehouse.catalog import database

_UNLIMITED = Limits(None, None, None)
Start = Callable[[Ask], Iterator[pa.RecordBatch]]


def due(schema: Schema) -> bool:
    """Whether a sync that begins now is to look for deleted rows."""
    if schema.sync_type != "incremental" or schema.key_sweep == "never":
        return False
    every = EVERY.get(schema.key_sweep)
    return every is None or schema.swept_at is None or now() - schema.swept_at >= every


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: rows that were deleted, and rows of the remote that have no value of the cursor."""

    deleted: int
    null_cursors: int


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Works on a physical table that nobody else sees yet."""

    engine: Engine
    tables: Tables

    async def sweep(self, schema: Schema, plan: Plan, physical: str, start: Start) -> Swept:
        """Delete the rows whose keys the remote has no more. Call it when the remote's new rows have been read.

        A row that comes into the remote between the two is no loss: its key is there, and the next sync brings it.
        """
        home, targets = database(schema.project_id), [target for target in plan.targets if target.name in plan.key]
        columns = [Column(target.name, target.type) for target in targets]
        async with self._made(home, schema, columns, plan.key) as keys, self._made(home, schema, columns, ()) as gone:
            missing = await self._read(schema, targets, keys, start)
            sql = _difference(home, (physical, keys), [column.name for column in columns])
            await self.engine.insert_query(home, gone, Query(sql, {}, _UNLIMITED, f"{home}:sync:{uuid4().hex}"))
            counted = await self.engine.run(Query(f"SELECT count() FROM {_place(home, gone)}", {}, _UNLIMITED))
            (deleted,) = orjson.loads(counted.rows)
            if deleted:
                await self.engine.delete_matching(home, physical, gone, plan.key)
        for each in (keys, gone):
            await self.tables.discard(schema.project_id, each)
        return Swept(int(deleted), missing)

    @asynccontextmanager
    async def _made(
        self, home: str, schema: Schema, columns: Sequence[Column], order_by: Sequence[str]
    ) -> AsyncIterator[str]:
        make = partial(self.engine.create_table, home, columns=columns, order_by=order_by)
        async with self.tables.making(schema.project_id, lambda name: make(table=name)) as physical:
            yield physical

    async def _read(self, schema: Schema, targets: Sequence[Target], keys: str, start: Start) -> int:
        """Take all of the remote's keys; how many of its rows have no cursor."""
        cursor, missing = schema.incremental_field if schema.sync_type in BY_CURSOR else None, 0
        names = {target.name for target in targets} | ({cursor} if cursor else set())
        ask = Ask(schema.name, tuple(names))
        async with Reader(lambda: start(ask), ask.watch) as reader:
            async for batch in reader.batches():
                missing += batch.column(cursor).null_count if cursor else 0
                await self.engine.insert_arrow(database(schema.project_id), keys, [conformed(batch, targets)])
        return missing


def _difference(home: str, tables: tuple[str, str], names: Sequence[str]) -> str:
    """The keys of the one table that are not in the other; the engine can put what it compares on disk."""
    places = ", ".join(f"k{number}" for number in range(len(names)))
    keys = ", ".join(f"{quoted(name)} AS k{number}" for number, name in enumerate(names))
    sides = " UNION ALL ".join(
        f"SELECT {keys}, {side} AS side FROM {_place(home, table)}" for side, table in enumerate(tables)
    )
    return f"SELECT {places} FROM ({sides}) GROUP BY {places} HAVING max(side) = 0"


def _place(home: str, physical: str) -> str:
    return f"{quoted(home)}.{quoted(physical)}"
