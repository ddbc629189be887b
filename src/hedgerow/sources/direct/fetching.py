"""Fetches what a query wants of a remote's tables into tables of its own, which go when it has ended."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa

from hedgerow.connectors import Ask, Condition, Connector, Sift, SourceError, Unreachable
from hedgerow.connectors.types import engine_type
from hedgerow.engine.base import Column, Engine
from hedgerow.kit.errors import InvalidInput, Unavailable
from hedgerow.language.query.catalog import Catalog, LiveTable, Table
from hedgerow.language.query.live import Comparison, Moment, Read, Reads
from hedgerow.materialize import Tables
from hedgerow.sources.sync.reader import Reader
from hedgerow.warehouse.catalog import database

_ATTR = "query__connectionId"
# What the engine's times hold; beyond, those of the remote come as the nearest of it.
_FIRST, _LAST = datetime(1900, 1, 1), datetime(2299, 12, 31)
_BYTES_A_ROW = 1 << 10
_AT_ONCE = 4
Work = Callable[[], Coroutine[Any, Any, str]]


class RemoteRefused(InvalidInput):
    """The remote of a connection answered, and refused."""

    code = "source_error"


class RemoteAway(Unavailable):
    """The remote of a connection did not answer."""

    code = "source_unreachable"


class TooManyRows(InvalidInput):
    """A query wants more of a remote than a query may."""

    code = "query_too_large"


@dataclass(frozen=True, slots=True)
class Fetching:
    """`most_rows` are those that one query may have of one table."""

    engine: Engine
    tables: Tables
    most_rows: int

    @asynccontextmanager
    async def filled(
        self, remote: "Remote", catalog: Catalog, reads: Reads, moments: Sequence[str | None]
    ) -> AsyncIterator[Mapping[str, str]]:
        """The names of filled tables, by those of the catalog; some are read side by side."""
        made: list[str] = []
        wanted = [(read, _sift(read, moments)) for read in reads.reads]
        try:
            yield await _together({each[0].table: partial(self._one, remote, catalog, each, made) for each in wanted})
        finally:
            for physical in made:
                await asyncio.shield(self.tables.discard(catalog.project_id, physical))

    async def _one(self, remote: "Remote", catalog: Catalog, wanted: tuple[Read, Sift], made: list[str]) -> str:
        read, sift = wanted
        table = catalog.tables[read.table]
        assert isinstance(table.backing, LiveTable)
        columns = [Column(c.name, c.type) for c in table.columns if c.name in (read.columns or _cheapest(table))]
        ask = Ask(table.backing.name, tuple(column.name for column in columns), sift=sift)
        make = partial(self.engine.create_table, database(catalog.project_id), columns=columns)
        try:
            async with (
                self.tables.making(catalog.project_id, lambda name: make(table=name)) as physical,
                Reader(lambda: remote.start(ask), ask.watch) as reader,
            ):
                await self._insert(catalog, physical, columns, (reader.batches(), table))
        except SourceError as fault:
            kind = RemoteAway if isinstance(fault, Unreachable) else RemoteRefused
            raise kind(f"{remote.name}: {fault.text}", attr=_ATTR) from fault
        made.append(physical)
        return physical

    async def _insert(
        self,
        catalog: Catalog,
        physical: str,
        columns: Sequence[Column],
        coming: tuple[AsyncIterator[pa.RecordBatch], Table],
    ) -> None:
        batches, table = coming
        rows = size = 0
        async for batch in batches:
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows > self.most_rows or size > self.most_rows * _BYTES_A_ROW:
                text = f"The query needs more of {table.name} than {self.most_rows} rows, or 1 KB for each of so many."
                raise TooManyRows(f"{text} Narrow it by a condition the remote can be told, or sync the table.")
            _check_unchanged(batch, columns, table)
            await self.engine.insert_arrow(database(catalog.project_id), physical, [batch])


@dataclass(frozen=True, slots=True)
class Remote:
    """What is read, with what, and what its user calls it."""

    name: str
    connector: Connector
    config: Mapping[str, Any]

    def start(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        return self.connector.read(self.config, ask)


def _check_unchanged(batch: pa.RecordBatch, columns: Sequence[Column], table: Table) -> None:
    there = {field.name: engine_type(field.type) for field in batch.schema}
    for column in columns:
        if there.get(column.name) != column.type:
            text = f"Column {column.name} of {table.name} is not what it was when the source was looked at."
            raise RemoteRefused(f"{text} Call refresh_schemas.", attr=_ATTR, code="schema_changed")


def _cheapest(table: Table) -> tuple[str, ...]:
    """A column to count rows by: a number, if there is one."""
    names = [column.name for column in table.columns]
    numbers = [column.name for column in table.columns if "Int" in column.type and "Array" not in column.type]
    return tuple((numbers or names)[:1])


def _sift(read: Read, moments: Sequence[str | None]) -> Sift:
    told = [_condition(comparison, moments) for comparison in read.comparisons]
    conditions = tuple(each for each in told if each is not None)
    return Sift(conditions, read.order, read.limit if len(conditions) == len(told) else None)


def _condition(comparison: Comparison, moments: Sequence[str | None]) -> Condition | None:
    values: list[int | str | datetime] = []
    for value in comparison.values:
        known = _moment(value, moments) if isinstance(value, Moment) else value
        if known is None:
            return None
        values.append(known)
    op: Any = {"==": "="}.get(comparison.op, comparison.op)
    return Condition(comparison.column, op, tuple(values))


def _moment(moment: Moment, moments: Sequence[str | None]) -> datetime | None:
    text = moments[moment.number] if moment.number < len(moments) else None
    found = datetime.fromisoformat(text) if text is not None else None
    return found if found is not None and _FIRST < found < _LAST else None


async def _together(works: Mapping[str, Work]) -> dict[str, str]:
    """What all give, a few at a time; the first that fails ends the others."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(work: Work) -> str:
        async with room:
            return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(in_turn(work)) for name, work in works.items()}
    except ExceptionGroup as faults:
        raise _first(faults) from faults
    return {name: task.result() for name, task in tasks.items()}


def _first(faults: ExceptionGroup[Exception]) -> Exception:
    found = faults.exceptions[0]
    return _first(found) if isinstance(found, ExceptionGroup) else found
