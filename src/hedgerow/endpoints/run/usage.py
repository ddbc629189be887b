"""When endpoints last ran: noted in memory during a run, written in the background, not lost at a clean stop."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from hedgerow.endpoints import shelf
from hedgerow.endpoints.records import Endpoint
from hedgerow.store import Store

_APART = timedelta(minutes=30)
_DELAY_SECONDS = 1.0
_log = structlog.get_logger("hedgerow.endpoints")


class Usage:
    """Notes of runs. A version's time is written at most every 30 minutes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[UUID, datetime] = {}
        self._waiting: dict[UUID, tuple[UUID, UUID, datetime]] = {}
        self._writer: asyncio.Task[None] | None = None

    def note(self, endpoint: Endpoint, at: datetime) -> None:
        """Remember a run; costs a look-up."""
        version = endpoint.version
        last = self._noted.get(version.id) or version.last_executed_at
        if last is not None and at - last < _APART:
            return
        self._noted[version.id] = at
        self._waiting[version.id] = (endpoint.id, version.id, at)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, {}
        if waiting:
            try:
                await asyncio.to_thread(self._write, list(waiting.values()))
            except BaseException:
                self._waiting = waiting | self._waiting
                raise

    async def close(self) -> None:
        """Write what waits, and stop."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self.flush()

    async def _write_soon(self) -> None:
        while True:
            await asyncio.sleep(_DELAY_SECONDS)
            try:
                await self.flush()
            except Exception:
                _log.exception("usage not written")
            if not self._waiting:
                return

    def _write(self, ran: list[tuple[UUID, UUID, datetime]]) -> None:
        with self._store.write() as session:
            shelf.note_executions(session, ran, _APART)
