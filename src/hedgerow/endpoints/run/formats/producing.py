"""Makes a file: opens the query, adds what it gives to the growing file, and keeps it while it is small."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import orjson

from hedgerow.endpoints.run.cached.results import MOST_BYTES, Facts, Result, noted
from hedgerow.endpoints.run.envelope import target
from hedgerow.endpoints.run.formats.choosing import Format
from hedgerow.endpoints.run.formats.growing import Growing, Head
from hedgerow.endpoints.run.formats.writing import Rows, written
from hedgerow.endpoints.run.paths import MATERIALIZED, Way
from hedgerow.endpoints.run.serving import Order, Serving
from hedgerow.engine.base import Limits, Query
from hedgerow.engine.errors import EngineError
from hedgerow.kit.clock import now
from hedgerow.queries.identity import engine_id


@dataclass(frozen=True, slots=True)
class Made:
    """What others who asked for the same may share: `None` when it is too large to keep."""

    result: Result | None


class Production:
    """One file of an order, into `growing`. Its slot and its query are held from the first step until `close`."""

    def __init__(self, serving: Serving, order: Order, chosen: Format, key: str, growing: Growing) -> None:
        self._serving, self._order, self._format, self._key = serving, order, chosen, key
        self._growing = growing
        self._held = AsyncExitStack()
        self._pieces: AsyncGenerator[bytes] | None = None
        self._way: Way | None = None
        self._rows: Rows | None = None
        self._keep = True

    async def small(self) -> Made:
        """Make it up to its end, and keep it; or up to where it is too large for that: then `rest` goes on."""
        pieces, parts, size = await self._opened(), [], 0
        async for piece in pieces:
            parts.append(piece)
            size += len(piece)
            await self._growing.add(piece)
            if size > MOST_BYTES:
                return Made(None)
        await self.close()
        result = self._result(b"".join(parts))
        self._growing.end(facts=result.noted)
        if self._keep:
            version = self._order.definition.endpoint.version
            freshness = target(result, version.data_freshness_seconds) - result.made
            await self._serving.results.keep(self._key, result, freshness + version.stale_while_revalidate_seconds)
        return Made(result)

    async def rest(self) -> None:
        """Make all that is not made yet."""
        async for piece in await self._opened():
            await self._growing.add(piece)
        await self.close()
        self._growing.end(facts=self._facts())

    async def close(self) -> None:
        """Let go of the query, which ends with it, and of its slot."""
        await self._held.aclose()

    async def _opened(self) -> AsyncGenerator[bytes]:
        """What comes; what is wrong with the query is raised here. The version's tables first, if they can answer."""
        if self._pieces is None:
            order, paths = self._order, self._serving.paths
            version = order.definition.endpoint.version
            way = await paths.choose(version, order.catalog, order.asked, direct=order.mode == "direct")
            try:
                self._pieces = await self._begun(way, "materialized" if way.path == MATERIALIZED else "query")
            except EngineError as error:
                if way.path != MATERIALIZED:
                    raise
                self._keep = False
                way = await paths.after(error, version, order.catalog, order.asked)
                self._pieces = await self._begun(way, "query")
        return self._pieces

    async def _begun(self, way: Way, bucket: str) -> AsyncGenerator[bytes]:
        order, serving, compiled = self._order, self._serving, way.compiled
        project_id, settings = order.definition.endpoint.project_id, serving.settings
        limits = Limits(settings.api_query_timeout, settings.query_memory, settings.query_max_rows + 1)
        query = Query(compiled.sql, compiled.parameters, limits, engine_id(project_id, order.client_query_id))
        async with AsyncExitStack() as held:
            await held.enter_async_context(serving.slots.held(bucket, project_id))
            rows = Rows(serving.engine, query, compiled.row_limit)
            pieces = written(self._format, rows)
            held.push_async_callback(pieces.aclose)
            at, tables_at = now().timestamp(), 0.0 if way.at is None else way.at.timestamp()
            found = _led(await anext(pieces, b""), pieces)
            held.push_async_callback(found.aclose)
            self._held, self._way, self._rows = held.pop_all(), way, rows
        self._growing.begin(Head(compiled.row_limit, compiled.looks_ahead, at, tables_at))
        return found

    def _result(self, content: bytes) -> Result:
        """As results are kept; its `members` are the head's."""
        head = self._growing.head
        assert head is not None
        members = orjson.dumps([head.row_limit, head.cut])
        return Result(content, members, b"", self._facts(), head.made, head.tables_at)

    def _facts(self) -> bytes:
        assert self._way is not None
        assert self._rows is not None
        return noted(Facts(self._way.path, self._way.reason, self._rows.count, 0, 0, 0.0))


def head_of(result: Result) -> Head:
    """The head of a file that is kept."""
    row_limit, cut = orjson.loads(result.members)
    return Head(row_limit, cut, result.made, result.tables_at)


async def _led(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece
