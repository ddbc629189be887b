"""Compiled queries kept by version, so that a run parses nothing: new values are bound into the text that is there."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.endpoints.records import Version
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.passes.placeholders import variable_name
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, Value, compile_query, parse, rebind
from hedgerow.language.syntax import nodes

_MOST_KEPT = 2_000
_LONG_TEXT = 5_000
_Key = tuple[UUID, int | None, int | None, tuple[type, ...]]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows a caller asks for; `limit` `None` is all the query answers."""

    limit: int | None = None
    offset: int | None = None


class Plans:
    """The least recently used go first. A plan belongs to one catalog: a change of tables makes it anew."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._kept: OrderedDict[_Key, tuple[Catalog, CompiledQuery]] = OrderedDict()

    async def plan(
        self, version: Version, catalog: Catalog, values: Mapping[str, Value], page: Page, *, alone: bool = False
    ) -> CompiledQuery:
        """The version's query for the engine, with these values bound. Raises what compiling raises.

        `alone`: compiled for this run only, in a thread; for values too large to keep, and for those who want to see
        `hogql`, which in a kept query shows the values of whoever came first.
        """
        if alone:
            arguments = (version.query["query"], version.query.get("filters"), catalog, values, page)
            return await asyncio.to_thread(self._compiled, *arguments)
        key = (version.id, page.limit, page.offset, tuple(map(type, values.values())))
        kept = self._kept.get(key)
        if kept is not None and kept[0] is catalog:
            self._kept.move_to_end(key)
            if (bound := rebind(kept[1], values)) is not None:
                return bound
        compiled = await self._compile(version.query, catalog, values, page)
        if not version.query.get("filters"):  # those hold dates that move with the clock
            self._kept[key] = (catalog, compiled)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return compiled

    async def _compile(
        self, query: Mapping[str, Any], catalog: Catalog, values: Mapping[str, Value], page: Page
    ) -> CompiledQuery:
        text: str = query["query"]
        arguments = (text, query.get("filters"), catalog, values, page)
        if len(text) > _LONG_TEXT:
            return await asyncio.to_thread(self._compiled, *arguments)
        return self._compiled(*arguments)

    def _compiled(
        self, text: str, filters: Any, catalog: Catalog, values: Mapping[str, Value], page: Page
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
        )
        return compile_query(tree, catalog, options)


def _own_limit(tree: nodes.AnySelect, values: Mapping[str, Value]) -> int | None:
    """The number in the query's own LIMIT, also one that a variable gives."""
    if tree.limit is None:
        return None
    name = variable_name(tree.limit)
    value = values.get(name) if name is not None else getattr(tree.limit, "value", None)
    return int(value) if isinstance(value, int | float) else None


def values_of(query: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """Values by code name: what the query holds, else the insight variable's default (by its id), else NULL."""
    found: dict[str, Value] = {}
    for key, use in (query.get("variables") or {}).items():
        value = None if use.get("isNull") else use.get("value")
        if value is None and not use.get("isNull"):
            value = (defaults or {}).get(key)
        found[use["code_name"]] = value
    return found
