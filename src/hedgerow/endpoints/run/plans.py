"""Compiled queries kept by version, so that a run parses nothing: new values are bound into the text that is there."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.endpoints.records import Version
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.materializing.serving import Tables
from hedgerow.language.query.passes.placeholders import variable_name
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, Value, compile_query, parse, rebind
from hedgerow.language.syntax import nodes

_MOST_KEPT = 2_000
_LONG_TEXT = 5_000
_MOST_FORMS = 4
"""A query answered from tables has as many texts as there are ways in which its values cut buckets."""
_Key = tuple[UUID, int | None, int | None, tuple[type, ...], str]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows a caller asks for; `limit` `None` is all the query answers."""

    limit: int | None = None
    offset: int | None = None


class Plans:
    """The least recently used go first. A plan belongs to one catalog: a change of tables makes it anew."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._kept: OrderedDict[_Key, tuple[Catalog, list[CompiledQuery]]] = OrderedDict()

    async def plan(
        self,
        version: Version,
        catalog: Catalog,
        values: Mapping[str, Value],
        page: Page,
        *,
        alone: bool = False,
        tables: Tables | None = None,
    ) -> CompiledQuery:
        """The version's query for the engine, with these values bound. Raises what compiling raises.

        With `tables` it reads from those; raises `NotServable` when they cannot answer it.
        `alone`: compiled for this run only, in a thread; for values too large to keep, and for those who want to see
        `hogql`, which in a kept query shows the values of whoever came first.
        """
        if alone:
            arguments = (version.query["query"], version.query.get("filters"), catalog, values, page, tables)
            return await asyncio.to_thread(self._compiled, *arguments)
        stored = tables.served[0].physical if tables is not None else ""
        key = (version.id, page.limit, page.offset, tuple(map(type, values.values())), stored)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is catalog:
            self._kept.move_to_end(key)
            for form in kept[1]:
                if (bound := rebind(form, values)) is not None:
                    return bound
        compiled = await self._compile(version.query, catalog, values, page, tables)
        if not version.query.get("filters"):  # those hold dates that move with the clock
            others = kept[1][: _MOST_FORMS - 1] if kept is not None and kept[0] is catalog and compiled.fringes else []
            self._kept[key] = (catalog, [compiled, *others])
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return compiled

    async def _compile(
        self,
        query: Mapping[str, Any],
        catalog: Catalog,
        values: Mapping[str, Value],
        page: Page,
        tables: Tables | None,
    ) -> CompiledQuery:
        text: str = query["query"]
        arguments = (text, query.get("filters"), catalog, values, page, tables)
        if len(text) > _LONG_TEXT:
            return await asyncio.to_thread(self._compiled, *arguments)
        return self._compiled(*arguments)

    def _compiled(
        self,
        text: str,
        filters: Any,
        catalog: Catalog,
        values: Mapping[str, Value],
        page: Page,
        tables: Tables | None,
    ) -> CompiledQuery:
        tree = parse(text)
        own = _own_limit(tree, values)
        # Without a page, only what this server cuts is "more": the query's own LIMIT is its end.
        look_ahead = page.limit is not None or own is None or own > self._max_rows
        options = CompileOptions(
            values,
            filters,
            limit_max=self._max_rows,
            limit=page.limit,
            offset=page.offset,
            look_ahead=look_ahead,
            tables=tables,
        )
        return compile_query(tree, catalog, options)


def _own_limit(tree: nodes.AnySelect, values: Mapping[str, Value]) -> int | None:
    """The number in the query's own LIMIT, also one that a variable gives."""
    if tree.limit is None:
        return None
    name = variable_name(tree.limit)
    value = values.get(name) if name is not None else getattr(tree.limit, "value", None)
    return int(value) if isinstance(value, int | float) else None
