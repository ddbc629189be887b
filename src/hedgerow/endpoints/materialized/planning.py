"""Plans the tables of a version: whether it can be answered from any exactly, and from which."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from hedgerow.endpoints.values import values_of
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.errors import QueryCancelled, QueryTimeout
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog, PhysicalTable
from hedgerow.language.query.materializing.pieces import Piece
from hedgerow.language.query.materializing.planning import sortable
from hedgerow.language.query.pipeline import (
    CompileOptions,
    NotExact,
    TableQuery,
    Value,
    compile_query,
    find_variables,
    parse,
    plan_tables,
)
from hedgerow.store import Store
from hedgerow.variables import Variables
from hedgerow.warehouse.catalog import Catalogs

_DESCRIBE_SECONDS = 20.0
_EXAMPLES: Mapping[str, Value] = {"Number": 1, "Boolean": True, "Date": "2026-01-01", "List": ["a"]}


@dataclass(eq=False)
class Obstacle(Exception):
    """Why there can be no tables: a stable code, a sentence, and the place in the query's text."""

    code: str
    reason: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A table to fill: `piece` knows its columns' types, `order_by` those of its keys that can be sorted by."""

    piece: Piece
    fill: Query
    order_by: Sequence[str]
    table: TableQuery


@dataclass(frozen=True, slots=True)
class TablePlan:
    """All tables of a version. `outputs`: the names of its answer's columns; `sources`: physical tables by name."""

    tables: Sequence[Planned]
    outputs: Sequence[str]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans tables with the catalog and the engine as they are now."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    variables: Variables
    settings: Settings

    async def plan(
        self,
        project_id: int,
        name: str,
        query: Mapping[str, Any],
        buckets: Mapping[str, str],
        grows_by: str | None = None,
    ) -> TablePlan:
        """The tables of a query; `name` is what they are called in it. Raises `Obstacle`, or what the engine raises
        while it is away.
        """
        if query.get("kind") != "HogQLQuery":
            kind = query.get("kind")
            raise Obstacle("query_type_not_materializable", f"{kind} cannot be materialized. Supported: HogQLQuery.")
        catalog = await self.catalogs.fetch(project_id)
        if name in catalog.tables:
            raise Obstacle("name_taken", f"There is a table or view called {name} already: rename it first.")
        examples = await asyncio.to_thread(self.examples, project_id, query)
        text: str = query["query"]
        try:
            tables = await asyncio.to_thread(plan_tables, text, catalog, examples, name, buckets, grows_by)
            planned = [await self._described(table) for table in tables]
            options = CompileOptions(examples, limit_default=None, limit_max=None)
            inline = await asyncio.to_thread(compile_query, text, catalog, options)
            outputs = [c.name for c in await self.engine.describe(self._query(inline.sql, inline.parameters))]
        except NotExact as fault:
            raise Obstacle(fault.reason_code, str(fault), fault.start, fault.end) from fault
        except (QueryTimeout, QueryCancelled):
            raise  # of telling the columns: the engine is too busy
        except InvalidInput as fault:
            raise Obstacle("query_invalid", fault.detail) from fault
        names = {used for table in tables for used in table.compiled.tables}
        return TablePlan(planned, outputs, sources_of(catalog, names))

    def _query(self, sql: str, parameters: Mapping[str, Any]) -> Query:
        return Query(sql, parameters, Limits(_DESCRIBE_SECONDS, self.settings.query_memory))

    async def _described(self, table: TableQuery) -> Planned:
        query = self._query(table.compiled.sql, table.compiled.parameters)
        columns: Sequence[Column] = await self.engine.describe(query)
        types = {column.name: column.type for column in columns}
        order = [name for name in table.piece.order_by if sortable(types[name])]
        fill = replace(query, limits=Limits(None, self.settings.query_memory))
        return Planned(replace(table.piece, types=types), fill, order, table)

    def examples(self, project_id: int, query: Mapping[str, Any]) -> dict[str, Value]:
        """A value for each variable, of its type: its own where it has one."""
        uses = query.get("variables") or {}
        ids = [UUID(key) for key in uses]
        with self.store.read() as session:
            known = self.variables.by_ids(session, project_id, ids) if ids else {}
        values = values_of(query, {str(key): each.default_value for key, each in known.items()})
        for key, use in uses.items():
            found = known.get(UUID(key))
            if values.get(use["code_name"]) is None:
                values[use["code_name"]] = _EXAMPLES.get(found.type if found else "", "a")
        limited = parse(query["query"])
        for clause in (limited.limit, limited.offset):
            for name in find_variables(clause) if clause is not None else ():
                values[name] = values[name] if isinstance(values[name], int) else 1
        return values


def sources_of(catalog: Catalog, names: Sequence[str] | set[str] | frozenset[str]) -> dict[str, str]:
    """The physical tables behind names; "" for what is read in place or is a view."""
    found = {}
    for name in sorted(names):
        table = catalog.tables.get(name)
        backing = table.backing if table is not None else None
        found[name] = backing.table if isinstance(backing, PhysicalTable) else ""
    return found
