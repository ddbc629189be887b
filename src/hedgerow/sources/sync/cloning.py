"""The clone that new rows are added to: begun when they come, or before, where they are likely to."""

import asyncio
from contextlib import suppress
from functools import partial
from types import TracebackType

from hedgerow.engine.base import Engine
from hedgerow.materialize import Tables
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.records import TableRecord


class Clone:
    """`async with Clone(…) as clone`: one that was begun and that nobody took is dropped. Its merges are held."""

    def __init__(self, engine: Engine, tables: Tables, present: TableRecord) -> None:
        self.present = present
        self._engine, self._tables = engine, tables
        self._making: asyncio.Task[str] | None = None

    def begin(self) -> None:
        """Begin to make it, unless that is done."""
        if self._making is None:
            self._making = asyncio.create_task(self._made())

    async def take(self) -> str:
        """Its physical name: it is the caller's from now on, who publishes or discards it."""
        self.begin()
        assert self._making is not None
        physical = await asyncio.shield(self._making)
        self._making = None
        return physical

    async def __aenter__(self) -> "Clone":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._making is not None:
            await asyncio.shield(self._unmade(self._making))

    # --- inside

    async def _made(self) -> str:
        source = self.present.physical or ""
        clone = partial(self._engine.clone_table, database(self.present.project_id), source=source, merging=False)
        async with self._tables.making(self.present.project_id, lambda name: clone(table=name)) as physical:
            return physical

    async def _unmade(self, making: "asyncio.Task[str]") -> None:
        # Not cancelled: the engine might still be making it when it is dropped.
        with suppress(asyncio.CancelledError, Exception):  # what fails to be made leaves nothing behind
            await self._tables.discard(self.present.project_id, await making)
