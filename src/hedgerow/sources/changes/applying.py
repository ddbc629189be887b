"""Applies gathered changes to a clone of a table: rows that changed are masked, their last states written beside."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import orjson
import pyarrow as pa

from hedgerow.connectors.changes import LoggedTable, Texts, Unchanged
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.materialize import Tables
from hedgerow.sources.changes.gathering import Key, Row, TableChanges
from hedgerow.sources.changes.shaping import Shape
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Target
from hedgerow.warehouse.catalog import database

_UNLIMITED = Limits(None, None, None)
_GONE, _FROM = "_hedgerow_gone", "_hedgerow_from_"


class RowMissing(Exception):
    """A change builds on a row that is not in the table."""


@dataclass(slots=True)
class Working:
    """A table that is being changed, and not served yet. `columns` are in the table's own order."""

    project_id: int
    physical: str
    columns: list[Column]
    key: tuple[str, ...]
    count: int = 0
    logged: dict[str, str] = field(default_factory=dict)
    merging: bool = True


@dataclass(frozen=True, slots=True)
class Applying:
    """Methods raise what the engine raises; a working table is the caller's to publish or to discard."""

    engine: Engine
    tables: Tables

    async def clone(self, project_id: int, physical: str, columns: Sequence[Column], key: Sequence[str]) -> Working:
        """A working table with the rows of the one that is served; their files are shared."""
        clone = partial(self.engine.clone_table, database(project_id), source=physical, merging=False)
        async with self.tables.making(project_id, lambda name: clone(table=name)) as made:
            return Working(project_id, made, list(columns), tuple(key), merging=False)

    async def empty(self, project_id: int, columns: Sequence[Column], key: Sequence[str]) -> Working:
        """A working table without rows."""
        async with self.tables.making(project_id, partial(self._create, project_id, columns, key)) as made:
            return Working(project_id, made, list(columns), tuple(key))

    async def apply(self, working: Working, changes: TableChanges, shape: Shape) -> None:
        """Let the working table be as it is after the changes."""
        if shape.added:
            await self.engine.change_columns(database(working.project_id), working.physical, shape.added, ())
            working.columns += shape.added
        working.logged, working.count = dict(shape.columns), working.count + changes.count
        if changes.rows:
            staged = await self._staged(working, changes, shape.targets)
            try:
                await self._merge(working, staged)
            finally:
                await asyncio.shield(self.tables.discard(working.project_id, staged))

    async def rows(self, working: Working) -> tuple[int, int]:
        """The table is whole: how many rows it has, and how many bytes they take."""
        if not working.merging:
            await self.engine.let_merge(database(working.project_id), working.physical)
        counted = await self._count(working, working.physical, "1")
        size = await self.engine.size(database(working.project_id), working.physical)
        return counted, size.bytes_on_disk

    # --- inside

    async def _merge(self, working: Working, staged: str) -> None:
        await self.engine.delete_matching(database(working.project_id), working.physical, staged, working.key)
        names = ", ".join(quoted(column.name) for column in working.columns)
        sql = f"SELECT {names} FROM {self._place(working, staged)} WHERE {quoted(_GONE)} = 0"
        await self._insert(working, working.physical, sql)

    async def _staged(self, working: Working, changes: TableChanges, targets: Sequence[Target]) -> str:
        """A table of all keys that changed, with the rows that are there afterwards."""
        whole: list[Texts] = []
        gone: list[Key] = []
        partial_rows: dict[tuple[int, ...], list[Row]] = {}
        for key, row in changes.rows.items():
            if row is None:
                gone.append(key)
            elif row.origin is None:
                whole.append(row.values)
            else:
                lacking = tuple(p for p, value in enumerate(row.values) if isinstance(value, Unchanged))
                partial_rows.setdefault(lacking, []).append(row)
        columns = [*working.columns, Column(_GONE, "UInt8")]
        async with self.tables.making(working.project_id, partial(self._create, working.project_id, columns, ())) as at:
            home = database(working.project_id)
            batches = [_rows(changes.table, whole, targets, 0)] if whole else []
            batches += [_keys(changes, gone, targets)] if gone else []
            await self.engine.insert_arrow(home, at, batches)
            for lacking, rows in partial_rows.items():
                await self._complete(working, at, changes, targets, (lacking, rows))
            expected = len(changes.rows) - len(gone)
            if partial_rows and await self._count(working, at, f"{quoted(_GONE)} = 0") != expected:
                raise RowMissing
        return at

    async def _complete(
        self,
        working: Working,
        staged: str,
        changes: TableChanges,
        targets: Sequence[Target],
        found: tuple[tuple[int, ...], list[Row]],
    ) -> None:
        """Rows with values that were not sent: those are taken from the rows they were in."""
        lacking, rows = found
        table = changes.table
        absent = {table.columns[place].name for place in lacking}
        origins = [f"{_FROM}{number}" for number in range(len(working.key))]
        types = {column.name: column.type for column in working.columns}
        columns = [*working.columns, *(Column(o, types[k]) for o, k in zip(origins, working.key, strict=True))]
        sent = _rows(table, [_nulled(row.values) for row in rows], targets, None)
        came = _keys_of(table, [row.origin or () for row in rows], changes.places, targets)
        batch = pa.RecordBatch.from_arrays([*sent.columns, *came], names=[*sent.schema.names, *origins])
        async with self.tables.making(working.project_id, partial(self._create, working.project_id, columns, ())) as at:
            await self.engine.insert_arrow(database(working.project_id), at, [batch])
            chosen = ", ".join(f"{'o' if c.name in absent else 's'}.{quoted(c.name)}" for c in working.columns)
            both = " AND ".join(f"o.{quoted(k)} = s.{o}" for k, o in zip(working.key, origins, strict=True))
            keys = ", ".join(quoted(name) for name in working.key)
            sql = (
                f"SELECT {chosen}, 0 FROM (SELECT * FROM {self._place(working, working.physical)} WHERE ({keys}) IN "
                f"(SELECT {', '.join(origins)} FROM {self._place(working, at)})) AS o "
                f"INNER JOIN {self._place(working, at)} AS s ON {both}"
            )
            await self._insert(working, staged, sql)
        await self.tables.discard(working.project_id, at)

    async def _create(self, project_id: int, columns: Sequence[Column], key: Sequence[str], physical: str) -> None:
        await self.engine.create_table(database(project_id), physical, columns, key)

    async def _insert(self, working: Working, into: str, sql: str) -> None:
        tag = f"{database(working.project_id)}:changes:{uuid4().hex}"
        await self.engine.insert_query(database(working.project_id), into, Query(sql, {}, _UNLIMITED, tag))

    async def _count(self, working: Working, table: str, rule: str) -> int:
        sql = f"SELECT count() FROM {self._place(working, table)} WHERE {rule}"
        answer = await self.engine.run(Query(sql, {}, _UNLIMITED))
        return int(orjson.loads(answer.rows)[0])

    def _place(self, working: Working, table: str) -> str:
        return f"{quoted(database(working.project_id))}.{quoted(table)}"


def _rows(table: LoggedTable, rows: Sequence[Texts], targets: Sequence[Target], gone: int | None) -> pa.RecordBatch:
    names = [column.name for column in table.columns]
    sent = {target.name for target in targets if target.remote}
    places = [place for place, name in enumerate(names) if name in sent]
    chosen = [names[place] for place in places]
    arrays = table.arrays(chosen, [[_text(row[place]) for place in places] for row in rows])
    batch = _written(chosen, arrays, targets, len(rows))
    return batch if gone is None else _marked(batch, gone)


def _keys(changes: TableChanges, keys: Sequence[Key], targets: Sequence[Target]) -> pa.RecordBatch:
    """Rows of keys alone."""
    arrays = changes.table.arrays(list(changes.followed.key), keys)
    return _marked(_written(list(changes.followed.key), arrays, targets, len(keys)), 1)


def _keys_of(
    table: LoggedTable, keys: Sequence[Key], places: Sequence[int], targets: Sequence[Target]
) -> list[pa.Array]:
    names = [table.columns[place].name for place in places]
    by_name = {target.name: target for target in targets}
    batch = pa.RecordBatch.from_arrays(table.arrays(names, keys), names=names)
    written = conformed(batch, [by_name[name] for name in names])
    return list(written.columns)


def _written(names: Sequence[str], arrays: Sequence[pa.Array], targets: Sequence[Target], rows: int) -> pa.RecordBatch:
    """In the target's columns and types; a table may have none that come."""
    batch = pa.RecordBatch.from_arrays(list(arrays), names=list(names))
    return conformed(batch, targets) if arrays else pa.RecordBatch.from_pylist([{}] * rows)


def _marked(batch: pa.RecordBatch, gone: int) -> pa.RecordBatch:
    marks = pa.array([gone] * batch.num_rows, pa.uint8())
    return pa.RecordBatch.from_arrays([*batch.columns, marks], names=[*batch.schema.names, _GONE])


def _nulled(values: Texts) -> Texts:
    return tuple(None if isinstance(value, Unchanged) else value for value in values)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
