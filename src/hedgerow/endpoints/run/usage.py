"""When endpoints last ran: noted in memory during a run, written in the background, not lost at a clean stop."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from hedgerow.endpoints import shelf
from hedgerow.endpoints.records import Endpoint
from hedgerow.store import Store

Wake = Callable[[Session, UUID], None]
_APART = timedelta(minutes=30)
_DELAY_SECONDS = 1.0
_log = structlog.get_logger("hedgerow.endpoints")


class Usage:
    """Notes of runs. A version's time is written at most every 30 minutes; `wake` is told of those that sleep."""

    def __init__(self, store: Store, wake: Wake | None = None) -> None:
        self._store, self._wake = store, wake
        self._asleep: set[UUID] = set()
        self._noted: dict[UUID, datetime] = {}
        self._waiting: dict[UUID, tuple[UUID, UUID, datetime]] = {}
        self._writer: asyncio.Task[None] | None = None

    def note(self, endpoint: Endpoint, at: datetime) -> None:
        """Remember a run; costs a look-up."""
        version = endpoint.version
        if version.materialization is not None and version.materialization.hibernated_at is not None:
            self._asleep.add(version.id)
        else:
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
        asleep, self._asleep = self._asleep, set()
        if waiting:
            try:
                await asyncio.to_thread(self._write, list(waiting.values()), asleep)
            except BaseException:
                self._waiting = waiting | self._waiting
                self._asleep |= asleep
                raise

    async def close(self) -> None:
        """Write what waits, and stop."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            await self.flush()
        except Exception:
            _log.exception("usage not written")

    async def _write_soon(self) -> None:
        while True:
            await asyncio.sleep(_DELAY_SECONDS)
            try:
                await self.flush()
            except Exception:
                _log.exception("usage not written")
            if not self._waiting:
                return

    def _write(self, ran: list[tuple[UUID, UUID, datetime]], asleep: set[UUID]) -> None:
        with self._store.write() as session:
            shelf.note_executions(session, ran, _APART)
            if self._wake is not None:
                for version_id in asleep:
                    self._wake(session, version_id)
