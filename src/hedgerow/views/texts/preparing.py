"""A query on its way into a view: parsed, resolved against the catalog, its columns told by the engine."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog, Table, ViewTable
from hedgerow.language.query.errors import CycleFault
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, find_variables, parse
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk
from hedgerow.views import errors
from hedgerow.views.memory import KIND
from hedgerow.views.records import Draft, Prepared
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.types import kept

_DESCRIBE_SECONDS = 10.0
_PLACEHOLDERS = "Filters and placeholder expressions are not allowed in views"
_VARIABLES = "Variables like {{variables.{name}}} are not allowed in views"
_UNTOLD = "Failed to retrieve types for view"
WHOLE = CompileOptions(limit_default=None, limit_max=None, look_ahead=False)
"""A view has the rows its text says: no LIMIT is added."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Checks the queries of views. Every fault is an `InvalidInput` with attr `query`."""

    engine: Engine
    catalogs: Catalogs
    settings: Settings

    async def prepare(self, project_id: int, draft: Draft, own: str | None = None) -> Prepared:
        """What to keep of the draft's query; `own` is the name of the view it will replace the text of."""
        query = self.read(draft.query)
        catalog = await self.catalogs.fetch(project_id)
        compiled = await asyncio.to_thread(self._compiled, query["query"], catalog, own)
        if draft.types is not None:
            columns = kept(tuple(Column(name, kind) for name, kind in draft.types))
            return Prepared(query, columns, compiled.direct, compiled.lineage)
        try:
            found = await self.described(compiled)
        except InvalidInput as fault:
            if not draft.soft:
                raise InvalidInput(f"{_UNTOLD}: {fault.detail}", attr="query") from fault
            found = ()
        return Prepared(query, kept(found), compiled.direct, compiled.lineage)

    async def described(self, compiled: CompiledQuery) -> tuple[Column, ...]:
        """The columns, by the engine's own word; nothing is read for it."""
        limits = Limits(_DESCRIBE_SECONDS, self.settings.query_memory)
        return await self.engine.describe(Query(compiled.sql, compiled.parameters, limits))

    def read(self, given: object) -> Mapping[str, Any]:
        """The object of a query, of the right kind and size."""
        if not isinstance(given, Mapping) or given.get("kind") != "HogQLQuery":
            raise InvalidInput('A view is made of {"kind": "HogQLQuery", "query": "SELECT …"}.', attr="query")
        text = given.get("query")
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput("The query has no text: it goes into query.query.", attr="query")
        if len(text.encode()) > self.settings.query_max_bytes:
            largest = self.settings.query_max_bytes
            raise InvalidInput(f"The query is longer than {largest} bytes.", attr="query", code="query_too_large")
        return given

    def _compiled(self, text: str, catalog: Catalog, own: str | None) -> CompiledQuery:
        tree = checked(text)
        return compiled_as(tree, overlaid(catalog, {own: tree}) if own else catalog)


def checked(text: str) -> nodes.AnySelect:
    """The tree of a text that may be a view."""
    try:
        tree = parse(text)
    except InvalidInput as fault:
        fault.attr = "query"
        raise
    for name in find_variables(tree):
        raise InvalidInput(_VARIABLES.format(name=name), attr="query")
    if any(isinstance(node, nodes.Placeholder) for node in walk(tree)):
        raise InvalidInput(_PLACEHOLDERS, attr="query")
    return tree


def compiled_as(tree: nodes.AnySelect, catalog: Catalog) -> CompiledQuery:
    """A view's tree against a catalog; says a cycle plainly, and any other fault as `Invalid query: …`."""
    try:
        return compile_query(tree, catalog, WHOLE)
    except CycleFault as fault:
        raise errors.cycle(fault.path) from fault
    except InvalidInput as fault:
        raise InvalidInput(f"Invalid query: {fault.detail}", attr="query") from fault
    except HedgerowError as fault:
        raise InvalidInput(f"Unexpected {type(fault).__name__}", attr="query") from fault


def compiled_text(text: str, catalog: Catalog) -> CompiledQuery:
    """A view's text against a catalog; raises as `checked` and `compiled_as`."""
    return compiled_as(checked(text), catalog)


def overlaid(catalog: Catalog, trees: Mapping[str, nodes.AnySelect]) -> Catalog:
    """The catalog as it would be with those views; their columns follow from their text."""
    views = {name: Table(name, ViewTable(tree), id=name, kind=KIND) for name, tree in trees.items()}
    old = {
        name: replace(catalog.tables[name], backing=view.backing)
        for name, view in views.items()
        if name in catalog.tables
    }
    return replace(catalog, tables={**catalog.tables, **views, **old})


__all__ = ["WHOLE", "Preparation", "checked", "compiled_as", "compiled_text", "overlaid"]
