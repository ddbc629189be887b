"""A cache in this process: bounded by bytes, the least recently used goes first."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from hedgerow.cache.base import Tally

_ENTRY_COST = 200
"""About what Python takes for an entry beyond its key and value, bytes."""


class MemoryCache:
    """Values and counters apart; `max_bytes` bounds the values with their keys, `max_counters` the counters."""

    remote = False

    def __init__(
        self,
        max_bytes: int = 64 << 20,
        max_counters: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes, self._max_counters, self._clock = max_bytes, max_counters, clock
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._slots: dict[str, dict[str, float]] = {}
        self._bytes = 0
        # Held for a few dictionary operations only, so that threads and event loops may share one cache.
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """What the values are counted as, bytes."""
        return self._bytes

    async def get(self, key: str) -> bytes | None:
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            if entry[1] <= self._clock():
                self._drop(key)
                return None
            self._values.move_to_end(key)
            return entry[0]

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        with self._lock:
            self._drop(key)
            cost = _cost(key, value)
            if ttl <= 0 or cost > self._max_bytes:
                return
            self._values[key] = (value, self._clock() + ttl)
            self._bytes += cost
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._values)))

    async def delete(self, key: str) -> None:
        with self._lock:
            self._drop(key)
            self._counters.pop(key, None)

    async def increment(self, key: str, ttl: float) -> int:
        return (await self.tally(key, ttl)).count

    async def tally(self, key: str, ttl: float, amount: int = 1) -> Tally:
        with self._lock:
            now = self._clock()
            count, end = self._counters.get(key, (0, 0.0))
            if end <= now:
                # A counter that starts anew goes to the end: the oldest start is always first.
                self._counters.pop(key, None)
                count, end = 0, now + ttl
            self._counters[key] = (count + amount, end)
            while len(self._counters) > self._max_counters:
                self._counters.popitem(last=False)
            return Tally(count + amount, end - now)

    async def acquire(self, key: str, slot: str, limit: int, ttl: float) -> bool:
        with self._lock:
            now = self._clock()
            held = {name: end for name, end in self._slots.get(key, {}).items() if end > now}
            if free := slot in held or len(held) < limit:
                held[slot] = now + ttl
            self._slots[key] = held
            return free

    async def release(self, key: str, slot: str) -> None:
        with self._lock:
            held = self._slots.get(key, {})
            held.pop(slot, None)
            if not held:
                self._slots.pop(key, None)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        with self._lock:
            self._values.clear()
            self._counters.clear()
            self._slots.clear()
            self._bytes = 0

    def _drop(self, key: str) -> None:
        entry = self._values.pop(key, None)
        if entry is not None:
            self._bytes -= _cost(key, entry[0])


def _cost(key: str, value: bytes) -> int:
    return len(key) + len(value) + _ENTRY_COST
