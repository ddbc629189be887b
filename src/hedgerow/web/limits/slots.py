"""How many queries of one project may run at once, over all processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

from hedgerow.cache.base import Cache
from hedgerow.kit.errors import Throttled

_WAIT_SECONDS = 1


class Slots:
    """`limits` by bucket; one of 0 lets everybody run. `seconds`: when a slot of a process that died comes back."""

    def __init__(self, cache: Cache, limits: Mapping[str, int], seconds: float) -> None:
        self._cache, self._seconds = cache, seconds
        self._limits = {bucket: limit for bucket, limit in limits.items() if limit}
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
            if not await self._cache.acquire(key, slot, limit, self._seconds):
                text = f"Too many concurrent requests: {limit} queries of a project may run at once. Try again."
                raise Throttled(_WAIT_SECONDS, text)
            yield
        finally:
            # In a task of its own: whoever hung up, or was answered, waits no longer for it.
            task = asyncio.create_task(self._cache.release(key, slot))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

    async def close(self) -> None:
        """Return when all slots are given back."""
        await asyncio.gather(*self._returning, return_exceptions=True)
