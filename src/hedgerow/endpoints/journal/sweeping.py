"""Forgets lines that are too old, or too many of one endpoint, in the background, a little at a time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from hedgerow.endpoints.journal import shelf
from hedgerow.endpoints.journal.entries import Noted
from hedgerow.kit.clock import now
from hedgerow.store import Store

_EVERY_SECONDS = 60.0
_log = structlog.get_logger("hedgerow.endpoints")


class Sweeper:
    """Keeps `days` of the log, and `most` lines of one endpoint, and `sum_days` of the sums; 0 keeps everything.

    Each process looks after the endpoints that ran in it. Any number of processes may do this at once.
    """

    def __init__(self, store: Store, days: int, most: int, sum_days: int = 0) -> None:
        self._store, self._days, self._most, self._sum_days = store, days, most, sum_days
        self._task: asyncio.Task[None] | None = None
        self._touched: set[UUID] = set()

    def hear(self, entry: Noted, _: object) -> None:
        """Remember that an endpoint has a new line."""
        self._touched.add(entry.endpoint.id)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def sweep(self) -> int:
        """Forget all that is too old or too much; how many rows. Blocking, in transactions of bounded size."""
        oldest, touched = now() - timedelta(days=self._days), self._touched
        self._touched = set()
        total = self._all(lambda s: shelf.forget_before(s, oldest)) if self._days else 0
        if self._sum_days:
            past = now() - timedelta(days=self._sum_days)
            total += self._all(lambda s: shelf.forget_sums_before(s, past))
        for endpoint_id in touched if self._most else ():
            total += self._all(lambda s, each=endpoint_id: shelf.forget_beyond(s, each, self._most))  # type: ignore[misc]
        return total

    def _all(self, some: Callable[[Session], int]) -> int:
        total = 0
        while True:
            with self._store.write() as session:
                gone = some(session)
            total += gone
            if not gone:
                return total

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await asyncio.to_thread(self.sweep)
            except Exception:
                _log.exception("old lines of the log of runs were not forgotten")
