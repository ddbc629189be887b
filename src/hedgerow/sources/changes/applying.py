"""Applies gathered changes to a clone of a table: rows that changed are masked, their last states written beside."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import orjson
import pyarrow as pa

from hedgerow.connectors.changes import LoggedTable, Texts
from hedgerow.engine.base import Bound, Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.materialize import Tables
from hedgerow.sources.changes.gathering import Key, Row, TableChanges
from hedgerow.sources.changes.shaping import Shape
from hedgerow.sources.logs.marks import OPEN
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Target
from hedgerow.sources.sync.spread import Spread
from hedgerow.warehouse.catalog import database

_UNLIMITED = Limits(None, None, None)
_GONE, _FROM, _TIME = "_hedgerow_gone", "_hedgerow_from_", "_hedgerow_time"


class RowMissing(Exception):
    """A change builds on a row that is not in the table."""


@dataclass(slots=True)
class Working:
    """A table that is being changed, and not served yet. `columns` are in the table's own order.

    `rows`: about how many there are, if that is known; `spread`: where those lie that are on their way into it.
    """

    project_id: int
    physical: str
    columns: list[Column]
    key: tuple[str, ...]
    count: int = 0
    logged: dict[str, str] = field(default_factory=dict)
    rows: int | None = None
    spread: Spread = field(default_factory=Spread)

    @property
    def history(self) -> bool:
        """Whether it is a table of all changes."""
        return OPEN in self.key


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Rows that lack the values at some places: these are in the rows that were at `origins`, among those of `rule`."""

    sent: pa.RecordBatch
    lacking: tuple[int, ...]
    origins: list[Key]
    rule: str = "1"


@dataclass(slots=True)
class Since:
    """A table of the rows that changed since some moment, each time anew; `noted` counts the times, `count` rows."""

    physical: str
    noted: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Applying:
    """Methods raise what the engine raises; a working table is the caller's to publish or to discard."""

    engine: Engine
    tables: Tables

    async def clone(
        self, project_id: int, physical: str, columns: Sequence[Column], key: Sequence[str], rows: int | None = None
    ) -> Working:
        """A working table with the rows of the one that is served; their files are shared, and not merged."""
        clone = partial(self.engine.clone_table, database(project_id), source=physical, merging=False)
        async with self.tables.making(project_id, lambda name: clone(table=name)) as made:
            return Working(project_id, made, list(columns), tuple(key), rows=rows)

    async def empty(self, project_id: int, columns: Sequence[Column], key: Sequence[str]) -> Working:
        """A working table without rows."""
        async with self.tables.making(project_id, partial(self._create, project_id, columns, key)) as made:
            return Working(project_id, made, list(columns), tuple(key))

    async def apply(self, working: Working, changes: TableChanges, shape: Shape, since: Since | None = None) -> None:
        """Let the working table be as it is after the changes, which are noted in `since` too."""
        await self.reshape(working, changes, shape)
        if changes.rows:
            staged = await self._staged(working, changes, shape.targets)
            try:
                await self.merge(working, staged, since, len(changes.rows))
            finally:
                await asyncio.shield(self.discard(working.project_id, staged))

    async def reshape(self, working: Working, changes: TableChanges, shape: Shape) -> None:
        """Give the working table the columns that the changes have."""
        if shape.reshaped:
            home = database(working.project_id)
            await self.engine.change_columns(home, working.physical, shape.added, shape.retyped)
            kinds = {column.name: column for column in shape.retyped}
            working.columns = [*(kinds.get(column.name, column) for column in working.columns), *shape.added]
        working.logged, working.count = dict(shape.columns), working.count + changes.count

    async def figures(self, working: Working) -> tuple[int, int, int]:
        """How many rows a table has, how many bytes they take, and in how many parts."""
        counted = await self.count(working, working.physical)
        size = await self.engine.size(database(working.project_id), working.physical)
        return counted, size.bytes_on_disk, size.parts

    async def since(self, working: Working) -> Since:
        """Where what becomes of a working table's rows can be noted."""
        columns = [*working.columns, Column(_GONE, "UInt8"), Column(_TIME, "UInt32")]
        async with self.tables.making(working.project_id, partial(self._create, working.project_id, columns, ())) as at:
            return Since(at)

    async def catch_up(self, working: Working, since: Since) -> None:
        """Let the rows that were noted be as they were noted last."""
        if not since.noted:
            return
        await self.engine.delete_matching(database(working.project_id), working.physical, since.physical, working.key)
        keys, place = ", ".join(map(quoted, working.key)), self.place(working, since.physical)
        ended = f" OR {quoted(OPEN)} = 2" if working.history else ""  # rows that were ended stay as they are
        sql = (
            f"SELECT {_kept(working)} FROM {place} WHERE {quoted(_GONE)} = 0 AND (({keys}, {quoted(_TIME)}) IN "
            f"(SELECT {keys}, max({quoted(_TIME)}) FROM {place} GROUP BY {keys}){ended})"
        )
        await self.insert(working, working.physical, sql)

    async def hold(self, project_id: int, physical: str) -> None:
        """Let a table's parts not be merged from now on."""
        await self.engine.hold_merges(database(project_id), physical)

    async def let_merge(self, working: Working) -> None:
        """Let its parts be merged from now on."""
        await self.engine.let_merge(database(working.project_id), working.physical)

    async def merging(self, working: Working) -> bool:
        """Whether its parts are just being merged."""
        return await self.engine.merging(database(working.project_id), working.physical)

    async def discard(self, project_id: int, physical: str) -> None:
        """Let go of a table that nobody was served."""
        await self.tables.discard(project_id, physical)

    async def stage(self, working: Working) -> str:
        """An empty table for rows on their way into the working one."""
        columns = [*working.columns, Column(_GONE, "UInt8")]
        async with self.tables.making(working.project_id, partial(self._create, working.project_id, columns, ())) as at:
            return at

    async def merge(self, working: Working, staged: str, since: Since | None, rows: int) -> None:
        """Let staged rows take the places of those with their keys; `rows` is about how many they are."""
        home, everywhere = database(working.project_id), working.spread.everywhere(working.rows)
        await self.engine.delete_matching(home, working.physical, staged, working.key, everywhere=everywhere)
        working.spread = Spread()
        sql = f"SELECT {_kept(working)} FROM {self.place(working, staged)} WHERE {quoted(_GONE)} = 0"
        await self.insert(working, working.physical, sql)
        if since is not None:
            since.noted, since.count = since.noted + 1, since.count + rows
            names = ", ".join(quoted(name) for name in (*(c.name for c in working.columns), _GONE))
            noted = f"SELECT {names}, {since.noted} FROM {self.place(working, staged)}"
            await self.insert(working, since.physical, noted)

    async def put(self, working: Working, staged: str, batch: pa.RecordBatch, gone: int = 0) -> None:
        """Stage rows; `gone` ones only take others away."""
        working.spread.take([batch.column(name) for name in working.key])
        await self.engine.insert_arrow(database(working.project_id), staged, [_marked(batch, gone)])

    async def complete(
        self, working: Working, staged: str, of: tuple[TableChanges, Sequence[Target]], rows: Incomplete
    ) -> None:
        """Stage rows with values that were not sent: those are taken from the rows they were in."""
        changes, targets = of
        absent = {changes.table.columns[place].name for place in rows.lacking}
        keys = [changes.table.columns[place].name for place in changes.places]
        origins = [f"{_FROM}{number}" for number in range(len(keys))]
        types = {column.name: column.type for column in working.columns}
        columns = [*working.columns, *(Column(o, types[k]) for o, k in zip(origins, keys, strict=True))]
        working.spread.take([rows.sent.column(name) for name in keys])
        came = _keys_of(changes.table, rows.origins, changes.places, targets)
        batch = pa.RecordBatch.from_arrays([*rows.sent.columns, *came], names=[*rows.sent.schema.names, *origins])
        async with self.tables.making(working.project_id, partial(self._create, working.project_id, columns, ())) as at:
            await self.engine.insert_arrow(database(working.project_id), at, [batch])
            chosen = ", ".join(f"{'o' if c.name in absent else 's'}.{quoted(c.name)}" for c in working.columns)
            both = " AND ".join(f"o.{quoted(k)} = s.{o}" for k, o in zip(keys, origins, strict=True))
            listed = ", ".join(quoted(name) for name in keys)
            sql = (
                f"SELECT {chosen}, 0 FROM (SELECT * FROM {self.place(working, working.physical)} WHERE {rows.rule} AND "
                f"({listed}) IN (SELECT {', '.join(origins)} FROM {self.place(working, at)})) AS o "
                f"INNER JOIN {self.place(working, at)} AS s ON {both}"
            )
            await self.insert(working, staged, sql)
        await self.discard(working.project_id, at)

    async def insert(self, working: Working, into: str, sql: str, bound: Mapping[str, Bound] | None = None) -> None:
        """Append what a query of ours answers."""
        tag = f"{database(working.project_id)}:changes:{uuid4().hex}"
        query = Query(sql, bound or {}, _UNLIMITED, tag)
        await self.engine.insert_query(database(working.project_id), into, query)

    async def count(self, working: Working, table: str) -> int:
        """How many rows a table of ours has, without those that only take others away."""
        rule = f"{quoted(_GONE)} = 0" if table != working.physical else "1"
        answer = await self.engine.run(
            Query(f"SELECT count() FROM {self.place(working, table)} WHERE {rule}", {}, _UNLIMITED)
        )
        return int(orjson.loads(answer.rows)[0])

    def place(self, working: Working, table: str) -> str:
        """A table's name in a query."""
        return f"{quoted(database(working.project_id))}.{quoted(table)}"

    # --- inside

    async def _staged(self, working: Working, changes: TableChanges, targets: Sequence[Target]) -> str:
        """A table of all keys that changed, with the rows that are there afterwards."""
        whole: list[Texts] = []
        gone: list[Key] = []
        partial_rows: dict[tuple[int, ...], list[Row]] = {}
        for key, row in changes.rows.items():
            if row is None:
                gone.append(key)
            elif lacking := row.lacking:
                partial_rows.setdefault(lacking, []).append(row)
            else:
                whole.append(row.values)
        staged = await self.stage(working)
        try:
            if whole:
                await self.put(working, staged, rows_of(changes.table, whole, targets))
            if gone:
                await self.put(working, staged, _keys(changes, gone, targets), 1)
            for lacking, rows in partial_rows.items():
                sent = rows_of(changes.table, [row.values for row in rows], targets)
                lost = Incomplete(sent, lacking, [row.origin or () for row in rows])
                await self.complete(working, staged, (changes, targets), lost)
            if partial_rows and await self.count(working, staged) != len(changes.rows) - len(gone):
                raise RowMissing
        except BaseException:
            await asyncio.shield(self.discard(working.project_id, staged))
            raise
        return staged

    async def _create(self, project_id: int, columns: Sequence[Column], key: Sequence[str], physical: str) -> None:
        await self.engine.create_table(database(project_id), physical, columns, key)


def _kept(working: Working) -> str:
    """The columns of a working table, as rows on their way become its own."""
    names = (c.name for c in working.columns)
    return ", ".join(f"{quoted(name)} % 2" if name == OPEN else quoted(name) for name in names)


def rows_of(table: LoggedTable, rows: Sequence[Texts], targets: Sequence[Target]) -> pa.RecordBatch:
    """Rows in the targets' columns and types; a value that was not sent is null."""
    names = [column.name for column in table.columns]
    sent = {target.name for target in targets if target.remote}
    places = [place for place, name in enumerate(names) if name in sent]
    chosen = [names[place] for place in places]
    arrays = table.arrays(chosen, [[_text(row[place]) for place in places] for row in rows])
    return _written(chosen, arrays, targets, len(rows))


def _keys(changes: TableChanges, keys: Sequence[Key], targets: Sequence[Target]) -> pa.RecordBatch:
    """Rows of keys alone."""
    arrays = changes.table.arrays(list(changes.followed.key), keys)
    return _written(list(changes.followed.key), arrays, targets, len(keys))


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


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
