"""Forgets what is older than the setting says, in the background, a little at a time."""

import asyncio
from datetime import timedelta

import structlog

from hedgerow.activity.log import Activity
from hedgerow.kit.clock import now
from hedgerow.store import Store

_FIRST_SECONDS = 60.0
_EVERY_SECONDS = 6 * 3600.0
_log = structlog.get_logger("hedgerow.activity")


class Retention:
    """`days` of the log are kept; 0 keeps everything. Any number of processes may do this at once."""

    def __init__(self, store: Store, days: int) -> None:
        self._store, self._days = store, days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._days:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def sweep(self) -> int:
        """Forget all that is too old; how many entries that were. Blocking, in transactions of bounded size."""
        oldest, total = now() - timedelta(days=self._days), 0
        while True:
            with self._store.write() as session:
                gone = Activity().forget_before(session, oldest)
            total += gone
            if not gone:
                return total

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            try:
                await asyncio.to_thread(self.sweep)
            except Exception:
                _log.exception("old activity was not forgotten")
            await asyncio.sleep(_EVERY_SECONDS)
