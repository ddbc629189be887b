"""Puts a new table together from the rows made anew and those that stay: copied, or where those are many, linked."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import orjson

from hedgerow.engine.base import Engine, Query
from hedgerow.materialize import Built, Tables
from hedgerow.materialize.tables import Report
from hedgerow.views.runs.increments import Parts
from hedgerow.warehouse.catalog import database

_MANY, _SHARE = 500_000, 0.1


@dataclass(frozen=True, slots=True)
class Composing:
    """The old table is only read; what fails leaves nothing behind.

    In the embedded engine, from `many` rows on, the new table is a clone of the old one's files, from which rows are
    deleted, when those that the key's range takes away are at most that `share` of all.
    """

    engine: Engine
    tables: Tables
    many: int = _MANY
    share: float = _SHARE

    async def composed(self, project_id: int, parts: Parts, query: Query, hear: Report | None = None) -> Built:
        """The new table; its `rows` may count some that are deleted already. Raises what the engine raises."""
        began = time.perf_counter()
        if await self._linkable(parts, query):
            physical = await self._linked(project_id, parts, query, hear)
        else:
            physical = await self._copied(project_id, parts, query, hear)
        return await self.tables.built(project_id, physical, time.perf_counter() - began)

    async def _linkable(self, parts: Parts, query: Query) -> bool:
        """Whether few of many rows go; a row without a key cannot be deleted by it.

        Not on a cluster: a shard was seen to end at a deletion by a distributed table's keys.
        """
        if self.engine.name != "chdb":
            return False
        answer = await self.engine.run(parts.counted(query))
        rows, gone, keyless = orjson.loads(answer.rows)
        return rows >= self.many and gone <= rows * self.share and not keyless

    async def _copied(self, project_id: int, parts: Parts, query: Query, hear: Report | None) -> str:
        """The rows made anew first: those decide which of the old ones stay."""
        async with self.tables.building(project_id, query, parts.order) as physical:
            await self.tables.fill(project_id, physical, parts.fresh(query), hear)
            await self.tables.fill(project_id, physical, parts.kept(query, physical), hear)
        return physical

    async def _linked(self, project_id: int, parts: Parts, query: Query, hear: Report | None) -> str:
        clone = partial(self.engine.clone_table, database(project_id), source=parts.old, merging=False)
        async with self._aside(project_id, query) as fresh:
            await self.tables.fill(project_id, fresh, parts.fresh(query), hear)
            async with self.tables.making(project_id, lambda name: clone(table=name)) as physical:
                await self._without(project_id, physical, parts.leaving(query), parts.order)
                unique = parts.settings.unique_key
                if unique:
                    await self._without(project_id, physical, parts.coming(query, fresh), unique)
                await self.tables.fill(project_id, physical, parts.rows_of(query, fresh))
                await self.engine.let_merge(database(project_id), physical)
        return physical

    async def _without(self, project_id: int, physical: str, keys: Query, columns: Sequence[str]) -> None:
        """Delete the rows whose values of `columns` the query `keys` answers."""
        home = database(project_id)
        async with self._aside(project_id, keys) as listed:
            await self.tables.fill(project_id, listed, keys)
            if (await self.engine.size(home, listed)).rows:
                await self.engine.delete_matching(home, physical, listed, columns)

    @asynccontextmanager
    async def _aside(self, project_id: int, query: Query) -> AsyncIterator[str]:
        """A table with the query's columns that is needed for a moment only."""
        async with self.tables.building(project_id, query) as physical:
            yield physical
        await self.tables.discard(project_id, physical)
