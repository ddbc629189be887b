"""Runs queries of each kind: a handler by kind, and the one for SQL."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from hedgerow.engine.base import Engine
from hedgerow.engine.errors import QueryTooLarge
from hedgerow.engine.result import Limits, Query
from hedgerow.kit.clock import iso, now
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query
from hedgerow.queries.answers import spliced, trimmed
from hedgerow.queries.kinds import HogQLQuery
from hedgerow.queries.values import Overrides, variable_values
from hedgerow.store import Store
from hedgerow.warehouse import Catalogs

_LONG_TEXT = 8_000
_IMPLICIT_LIMIT = "The query has no LIMIT: at most {rows} rows are answered. Add a LIMIT to choose another number."


@dataclass(frozen=True, slots=True)
class Asked:
    """A query on its way: whose, what, and for how long it may run. `id` is the engine's."""

    project_id: int
    query: BaseModel
    id: str
    seconds: float
    overrides: Overrides = field(default_factory=lambda: Overrides({}))


Handler = Callable[[Asked], Awaitable[bytes]]
"""Answers a query with the JSON of its answer."""


class Runners:
    """The handlers by kind; `app.py` registers them."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)

    async def run(self, asked: Asked) -> bytes:
        """The answer's JSON object."""
        return await self._handlers[asked.query.kind](asked)  # type: ignore[attr-defined]


class SqlRunner:
    """Answers `HogQLQuery`."""

    def __init__(self, store: Store, catalogs: Catalogs, engine: Engine, settings: Settings) -> None:
        self._store, self._catalogs, self._engine, self._settings = store, catalogs, engine, settings

    async def answer(self, asked: Asked) -> bytes:
        """The rows, spliced into everything else the API says of them."""
        query = asked.query
        if not isinstance(query, HogQLQuery):
            raise InvalidInput("A HogQLQuery is needed here.", attr="query__kind")
        compiled = await self.compiled(asked.project_id, query, asked.overrides)
        limits = Limits(asked.seconds, self._settings.query_memory)
        answer = await self._engine.run(Query(compiled.sql, compiled.parameters, limits, asked.id))
        rows, _, has_more = trimmed(answer, compiled.row_limit)
        pairs = zip(compiled.columns, answer.columns, strict=True)
        return spliced(rows, envelope(query, compiled, has_more, [[name, column.type] for name, column in pairs]))

    async def compiled(self, project_id: int, query: HogQLQuery, overrides: Overrides) -> CompiledQuery:
        """The query for the engine; raises `InvalidInput` for whatever is wrong with it."""
        check_text(query.query, self._settings)
        if query.connectionId is not None:
            raise InvalidInput("Queries over a direct connection are not supported.", attr="query__connectionId")
        values: dict[str, Any] = {}
        if query.variables or overrides.variables:
            values = await asyncio.to_thread(variable_values, self._store, project_id, query, overrides)
        catalog = await self._catalogs.fetch(project_id)
        options = CompileOptions(
            variables=values,
            filters=overrides.filters if overrides.filters is not None else query.filters,
            limit_max=self._settings.query_max_rows,
        )
        return await compiled_beside(query.query, catalog, options)


async def compiled_beside(text: str, catalog: Catalog, options: CompileOptions) -> CompiledQuery:
    """Compile; a long text on a thread, so that other requests go on."""
    if len(text) < _LONG_TEXT:
        return compile_query(text, catalog, options)
    return await asyncio.to_thread(compile_query, text, catalog, options)


def check_text(text: str, settings: Settings) -> None:
    """Refuse a text that is too long to be a query."""
    if len(text) > settings.query_max_bytes or len(text.encode("utf-8", "replace")) > settings.query_max_bytes:
        raise QueryTooLarge(f"The query is longer than {settings.query_max_bytes} bytes.", attr="query")


def envelope(query: HogQLQuery, compiled: CompiledQuery, has_more: bool, types: list[list[str]]) -> dict[str, Any]:
    """Everything in an answer but its rows."""
    warnings = [_IMPLICIT_LIMIT.format(rows=compiled.row_limit)] if compiled.implicit_limit and has_more else []
    return {
        "columns": list(compiled.columns),
        "types": types,
        "hasMore": has_more,
        "limit": compiled.row_limit,
        "offset": compiled.row_offset or 0,
        "query": query.query,
        "hogql": compiled.hogql,
        "clickhouse": None,
        "error": None,
        "explain": None,
        "metadata": None,
        "modifiers": query.modifiers,
        "timings": None,
        "warnings": warnings,
        "resolved_date_range": None,
        **freshly_made(),
    }


def freshly_made() -> dict[str, Any]:
    """What every answer says of its making, here: now, not from a cache."""
    return {
        "is_cached": False,
        "cache_key": None,
        "cache_target_age": None,
        "calculation_trigger": None,
        "last_refresh": iso(now()),
        "next_allowed_client_refresh": None,
        "timezone": "UTC",
        "query_status": None,
    }
