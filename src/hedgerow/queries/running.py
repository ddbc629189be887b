"""Runs queries of each kind: a handler by kind, and the one for SQL."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from hedgerow.engine.base import Engine
from hedgerow.engine.errors import QueryTimeout, QueryTooLarge
from hedgerow.engine.result import Answer, Limits, Query
from hedgerow.kit.clock import iso, now
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.live import with_tables
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, plan_reads
from hedgerow.queries.answers import spliced, trimmed
from hedgerow.queries.kinds import HogQLQuery
from hedgerow.queries.live import Connections
from hedgerow.queries.values import Overrides, variable_values
from hedgerow.store import Store
from hedgerow.warehouse import Catalogs

_LONG_TEXT = 8_000
_RAW = "Queries are written in HogQL, for connections as well: sendRawQuery is not supported."
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

    def __init__(
        self, store: Store, catalogs: Catalogs, engine: Engine, connections: Connections, settings: Settings
    ) -> None:
        self._store, self._catalogs, self._engine, self._settings = store, catalogs, engine, settings
        self._connections = connections

    async def answer(self, asked: Asked) -> bytes:
        """The rows, spliced into everything else the API says of them."""
        query = asked.query
        if not isinstance(query, HogQLQuery):
            raise InvalidInput("A HogQLQuery is needed here.", attr="query__kind")
        check_text(query.query, self._settings)
        options = await self._options(asked.project_id, query, asked.overrides)
        if query.connectionId is None:
            compiled = await compiled_beside(query.query, await self._catalogs.fetch(asked.project_id), options)
            answer = await self._run(asked, compiled)
        else:
            compiled, answer = await self._live(asked, query, query.connectionId, options)
        rows, _, has_more = trimmed(answer, compiled.row_limit)
        pairs = zip(compiled.columns, answer.columns, strict=True)
        return spliced(rows, envelope(query, compiled, has_more, [[name, column.type] for name, column in pairs]))

    async def _run(self, asked: Asked, compiled: CompiledQuery) -> Answer:
        limits = Limits(asked.seconds, self._settings.query_memory)
        return await self._engine.run(Query(compiled.sql, compiled.parameters, limits, asked.id))

    async def _live(
        self, asked: Asked, query: HogQLQuery, connection_id: str, options: CompileOptions
    ) -> tuple[CompiledQuery, Answer]:
        """Of tables that are read at a remote meanwhile; the time for both is the query's."""
        if query.sendRawQuery:
            raise InvalidInput(_RAW, attr="query__sendRawQuery")
        try:
            async with asyncio.timeout(asked.seconds):
                connection = await self._connections.open(asked.project_id, connection_id)
                reads = await asyncio.to_thread(plan_reads, query.query, connection.catalog, options)
                # What is wrong with the query is said before anything is fetched for it.
                seen = with_tables(connection.catalog, {read.table: "live" for read in reads.reads})
                await compiled_beside(query.query, seen, options)
                async with self._connections.fetched(connection, reads, asked.id) as catalog:
                    compiled = await compiled_beside(query.query, catalog, options)
                    return compiled, await self._run(asked, compiled)
        except TimeoutError:
            raise QueryTimeout() from None

    async def _options(self, project_id: int, query: HogQLQuery, overrides: Overrides) -> CompileOptions:
        values: dict[str, Any] = {}
        if query.variables or overrides.variables:
            values = await asyncio.to_thread(variable_values, self._store, project_id, query, overrides)
        return CompileOptions(
            variables=values,
            filters=overrides.filters if overrides.filters is not None else query.filters,
            limit_max=self._settings.query_max_rows,
        )


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
