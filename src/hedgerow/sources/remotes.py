"""The remotes, asked from threads of their own: one that hangs holds nobody up but who asked it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from hedgerow.connectors import Connector, Connectors, RemoteTable, SourceError, table_of
from hedgerow.sources.kinds import connector_of
from hedgerow.warehouse.errors import ActionRefused

T = TypeVar("T")
_THREADS = 8


class Remotes:
    """Methods raise `ActionRefused` with the connector's own sentence."""

    def __init__(self, connectors: Connectors) -> None:
        self.connectors = connectors
        self._threads = ThreadPoolExecutor(_THREADS, "hedgerow-remote")

    def connector(self, source_type: str) -> Connector:
        """The connector of a type; raises as `kinds.connector_of`."""
        return connector_of(self.connectors, source_type)

    async def check(self, source_type: str, config: Mapping[str, Any]) -> None:
        """Whether the remote lets us in."""
        connector = self.connector(source_type)
        await self.asked(lambda: connector.check(config))

    async def discover(self, source_type: str, config: Mapping[str, Any]) -> Sequence[RemoteTable]:
        """The remote's tables, by name."""
        connector = self.connector(source_type)
        return await self.asked(lambda: connector.discover(config))

    async def find(self, source_type: str, config: Mapping[str, Any], name: str) -> RemoteTable | None:
        """One of the remote's tables; raises `SourceError` as the connector does."""
        connector = self.connector(source_type)
        return await self.work(lambda: table_of(connector, config, name))

    async def work(self, work: Callable[[], T]) -> T:
        """Whatever blocks, in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Wait for nobody: a thread that hangs ends with its connection."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def asked(self, work: Callable[[], T]) -> T:
        """What blocks and asks a remote; raises `ActionRefused`."""
        try:
            return await self.work(work)
        except SourceError as error:
            raise ActionRefused(error.text, attr=error.field, code="source_error") from error
