"""Queries that name a connection: what they want of its tables is fetched, and then they run over that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeVar

import orjson

from hedgerow.cache import Cache
from hedgerow.engine.base import Engine, Limits, Query
from hedgerow.engine.errors import EngineError, QueryCancelled, QueryTimeout
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.live import Reads, live_tables, with_tables

UNKNOWN = "Invalid connectionId: this project has no source of this id that is queried directly."
_LOOK_SECONDS, _KEPT_SECONDS = 0.3, 30.0
T = TypeVar("T")
_MOMENTS = Limits(seconds=10.0)


class Connection(Protocol):
    """A remote whose tables are read while a query runs."""

    @property
    def catalog(self) -> Catalog:
        """Its tables, and beneath them the project's own."""
        ...

    def filled(self, reads: Reads, moments: list[str | None]) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """What was asked for, in tables of the project's database: their names, by the catalog's. They go afterwards.

        `moments` are the values of the query of that name, as text in UTC; `None` for those there are not.
        """
        ...


Open = Callable[[int, str], Awaitable[Connection]]
"""The connection of a project and an id; raises `InvalidInput`."""


class Connections:
    """The way to connections; who has them is told by `introduce`. Queries are cancelled from any process."""

    def __init__(self, engine: Engine, cache: Cache) -> None:
        self._engine, self._cache = engine, cache
        self._open: Open | None = None

    def introduce(self, found: Open) -> None:
        """Say who opens connections."""
        self._open = found

    async def open(self, project_id: int, connection_id: str) -> Connection:
        """The connection; raises `InvalidInput`."""
        if self._open is None:
            raise InvalidInput(UNKNOWN, attr="query__connectionId")
        return await self._open(project_id, connection_id)

    async def described(self, project_id: int, connection_id: str) -> Catalog:
        """The catalog of a connection as if its rows were there: to look at queries, and not to run them."""
        catalog = (await self.open(project_id, connection_id)).catalog
        return with_tables(catalog, dict.fromkeys(live_tables(catalog), "live"))

    @asynccontextmanager
    async def fetched(self, connection: Connection, reads: Reads, tag: str) -> AsyncIterator[Catalog]:
        """The catalog with the rows that are wanted; they are there within the block."""
        async with AsyncExitStack() as stack:
            filled = connection.filled(reads, await self._moments(reads))
            physical = await self._unless_unwanted(tag, stack.enter_async_context(filled))
            yield with_tables(connection.catalog, physical)

    async def cancel(self, tag: str) -> bool:
        """Stop a query that is being fetched for, in whichever process; whether there was one."""
        if await self._cache.get(_running(tag)) is None:
            return False
        await self._cache.set(_unwanted(tag), b"1", _KEPT_SECONDS)
        return True

    async def _unless_unwanted(self, tag: str, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives; it is ended when somebody cancels the query. The engine sees to that once it has it."""
        await self._cache.delete(_unwanted(tag))
        working, watching = asyncio.create_task(work), asyncio.create_task(self._until_unwanted(tag))
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if await self._cache.get(_unwanted(tag)) is not None:
                raise QueryCancelled()
            return await working
        finally:
            watching.cancel()
            working.cancel()
            await asyncio.wait({working, watching})
            await self._cache.delete(_running(tag))

    async def _until_unwanted(self, tag: str) -> None:
        while await self._cache.get(_unwanted(tag)) is None:
            await self._cache.set(_running(tag), b"1", _KEPT_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _moments(self, reads: Reads) -> list[str | None]:
        """The times that the query compares with. What is wrong with one, the query itself will say."""
        if not reads.moments:
            return []
        try:
            answer = await self._engine.run(Query(reads.moments, reads.parameters, _MOMENTS))
        except (QueryCancelled, QueryTimeout):
            raise
        except EngineError:
            return []
        return list(orjson.loads(answer.rows))


def _running(tag: str) -> str:
    return f"live:{tag}"


def _unwanted(tag: str) -> str:
    return f"live:{tag}:unwanted"
