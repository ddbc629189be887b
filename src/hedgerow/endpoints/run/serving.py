"""Where a run's rows come from: a kept result, somebody else's run of the same, the version's tables, or the query."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from hedgerow.endpoints.run.bodies import Mode
from hedgerow.endpoints.run.cached.flights import Flights
from hedgerow.endpoints.run.cached.keys import Keys
from hedgerow.endpoints.run.cached.results import Result, Results, shared
from hedgerow.endpoints.run.envelope import beginning, result_of, target
from hedgerow.endpoints.run.memory import Definition
from hedgerow.endpoints.run.paths import MATERIALIZED, Asked, Paths, Way, tables_name
from hedgerow.engine.base import Answer, Engine, Limits, Query
from hedgerow.engine.errors import EngineError
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.settings import Settings
from hedgerow.kit.stepping import at_once
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery
from hedgerow.queries.identity import engine_id
from hedgerow.web.limits.slots import Slots

QUERY = "query"
"""The bucket of runs that ask the query itself; that of runs from tables is called as their path."""
_log = structlog.get_logger("hedgerow.endpoints")


_SMALL = 4_096
"""Bytes of rows whose answer's beginning an order remembers."""


@dataclass(slots=True)
class OrderMemory:
    """What an order that is asked again need not work out again."""

    keys: dict[str, str] = field(default_factory=dict)
    """Those of its result, by the tables' name."""
    buckets: dict[str, str] = field(default_factory=dict)
    """By which rates it counts, by the tables' name."""
    _told: Result | None = None
    _beginning: bytes = b""

    def beginning(self, served: "Served") -> bytes:
        """What the answer says before its own id."""
        result = served.result
        if self._told is not result:
            if len(result.rows) > _SMALL:
                return beginning(result, served.until)
            self._told, self._beginning = result, beginning(result, served.until)
        return self._beginning


@dataclass(frozen=True, slots=True)
class Order:
    """A run that was checked. By a `client_query_id` of its own the caller may cancel it."""

    definition: Definition
    catalog: Catalog
    asked: Asked
    mode: Mode
    client_query_id: str | None
    debug: bool = False
    memory: OrderMemory = field(default_factory=OrderMemory)


class Served(NamedTuple):
    """An order's result, the key it is kept under, and when it is to be made anew, seconds since 1970."""

    result: Result
    key: str
    until: float


@dataclass(frozen=True, slots=True)
class Serving:
    """Serves orders. `close` after the last one."""

    paths: Paths
    keys: Keys
    results: Results
    engine: Engine
    slots: Slots
    settings: Settings
    flights: Flights[Result] = field(default_factory=Flights)
    refreshing: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, order: Order) -> Served:
        """The result: a kept one while it is fresh, unless the order is for a new one. Raises `HedgerowError`."""
        version = order.definition.endpoint.version
        tables = "" if order.mode == "direct" else tables_name(version)
        known = order.memory.keys
        key = known.get(tables)
        if key is None:
            key = known[tables] = await self.keys.key(version, order.catalog, order.asked, tables)
        kept = await self._kept(key, order) if order.mode == "cache" else None
        self.results.count(hit=kept is not None)
        if kept is None:
            kept = await self._new(key, order)
        return Served(kept, key, target(kept, version.data_freshness_seconds))

    def at_hand(self, order: Order) -> Served | None:
        """A kept result that may be told and is in this process's memory: nobody waits for it."""
        version = order.definition.endpoint.version
        key = order.memory.keys.get(tables_name(version))
        kept = None if key is None or self.results.remote else at_once(self._kept(key, order))
        if key is None or kept is None:
            return None
        self.results.count(hit=True)
        return Served(kept, key, target(kept, version.data_freshness_seconds))

    def bucket_at_hand(self, order: Order) -> str | None:
        """As `bucket`; `None` if that is not known yet."""
        tables = tables_name(order.definition.endpoint.version)
        return order.memory.buckets.get(tables) if tables else QUERY

    async def bucket(self, order: Order) -> str:
        """By which rates the order counts: those of tables if they can answer it, else those of queries."""
        version = order.definition.endpoint.version
        tables = "" if order.mode == "direct" else tables_name(version)
        if not tables:
            return QUERY
        known = order.memory.buckets.get(tables)
        if known is None:
            try:
                way = await self.paths.choose(version, order.catalog, order.asked)
            except HedgerowError:
                return QUERY  # what is wrong with it is told when it is served
            known = order.memory.buckets[tables] = MATERIALIZED if way.path == MATERIALIZED else QUERY
        return known

    async def close(self) -> None:
        """End what is made for nobody yet."""
        for task in self.refreshing:
            task.cancel()
        await asyncio.gather(*self.refreshing, return_exceptions=True)

    async def _kept(self, key: str, order: Order) -> Result | None:
        """A kept result that may still be told; when its time is over, a new one is made meanwhile."""
        found, version = await self.results.find(key), order.definition.endpoint.version
        if found is None:
            return None
        late = now().timestamp() - target(found, version.data_freshness_seconds)
        if late >= version.stale_while_revalidate_seconds:
            return None
        if late >= 0 and not self.flights.aloft(key):
            task = asyncio.create_task(self._refresh(key, order))
            self.refreshing.add(task)
            task.add_done_callback(self.refreshing.discard)
        return found

    async def _refresh(self, key: str, order: Order) -> None:
        try:
            await self.flights.join(key, lambda: self._make(key, order))
        except HedgerowError as error:
            _log.warning("a stale result was not made anew", endpoint=order.definition.endpoint.name, code=error.code)

    async def _new(self, key: str, order: Order) -> Result:
        """A new result; those who ask for the same meanwhile get it too."""
        if order.mode != "cache" or order.client_query_id is not None:
            # Whoever forces wants what begins after the request; a named query is its caller's to cancel.
            return await self._make(key, order)
        result, mine = await self.flights.join(key, lambda: self._make(key, order))
        return result if mine else shared(result)

    async def _make(self, key: str, order: Order) -> Result:
        version = order.definition.endpoint.version
        chosen = await self.paths.choose(version, order.catalog, order.asked, direct=order.mode == "direct")
        way, answer = await self._answer(chosen, order)
        result = result_of(way, answer, order.catalog, order.asked.page)
        if way is chosen:
            freshness = target(result, version.data_freshness_seconds) - result.made
            await self.results.keep(key, result, freshness + version.stale_while_revalidate_seconds)
        return result

    async def _answer(self, way: Way, order: Order) -> tuple[Way, Answer]:
        """The engine's answer; what fails on the tables is answered by the query itself."""
        endpoint = order.definition.endpoint
        query_id = engine_id(endpoint.project_id, order.client_query_id)
        if way.path == MATERIALIZED:
            try:
                async with self.slots.held(MATERIALIZED, endpoint.project_id):
                    return way, await self._ask(way.compiled, query_id)
            except EngineError as error:
                way = await self.paths.after(error, endpoint.version, order.catalog, order.asked)
        async with self.slots.held(QUERY, endpoint.project_id):
            return way, await self._ask(way.compiled, query_id)

    async def _ask(self, compiled: CompiledQuery, query_id: str) -> Answer:
        limits = Limits(self.settings.api_query_timeout, self.settings.query_memory, self.settings.query_max_rows + 1)
        query = Query(compiled.sql, compiled.parameters, limits, query_id)
        if compiled.row_limit == 0:
            # A page past the query's own end: its columns are told without running it.
            return Answer(await self.engine.describe(query), b"", 0)
        return await self.engine.run(query)
