"""How many queries of one project may run at once, over all processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

from hedgerow.cache.base import Cache
from hedgerow.kit.errors import Throttled

_WAIT_SECONDS = 1
_KEPT_SECONDS = 15.0
"""How long a slot of a process that died is missed."""


class Slots:
    """`limits` by bucket; one of 0 lets everybody run. A slot is kept for `kept_seconds`, and renewed until then."""

    def __init__(self, cache: Cache, limits: Mapping[str, int], kept_seconds: float = _KEPT_SECONDS) -> None:
        self._cache, self._kept_seconds = cache, kept_seconds
        self._limits = {bucket: limit for bucket, limit in limits.items() if limit}
        self._held: dict[str, tuple[str, int]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._returning: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def held(self, bucket: str, project_id: int) -> AsyncIterator[None]:
        """A slot for what is inside; raises `Throttled` when all are taken. Given back however it ends."""
        limit = self._limits.get(bucket)
        if limit is None:
            yield
            return
        key, slot = f"slots:{bucket}:p{project_id}", uuid4().hex
        try:
            if not await self._cache.acquire(key, slot, limit, self._kept_seconds):
                text = f"Too many concurrent requests: {limit} queries of a project may run at once. Try again."
                raise Throttled(_WAIT_SECONDS, text)
            self._held[slot] = key, limit
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._renew())
            yield
        finally:
            self._held.pop(slot, None)
            # In a task of its own: whoever hung up, or was answered, waits no longer for it.
            task = asyncio.create_task(self._cache.release(key, slot))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

    async def close(self) -> None:
        """Return when all slots are given back."""
        if self._renewing is not None:
            self._renewing.cancel()
        await asyncio.gather(*self._returning, return_exceptions=True)

    async def _renew(self) -> None:
        """Hold on to the slots of all that still runs; ends when nothing does."""
        while self._held:
            await asyncio.sleep(self._kept_seconds / 3)
            for slot, (key, limit) in list(self._held.items()):
                await self._cache.acquire(key, slot, limit, self._kept_seconds)
                if slot not in self._held:
                    # It was given back meanwhile, and would be held by nobody now.
                    await self._cache.release(key, slot)
