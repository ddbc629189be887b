"""A cache in Redis, shared by processes. Redis going away costs cached values, never an answer."""

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from hedgerow.cache.base import Tally

T = TypeVar("T")

_CONNECTIONS = 16
_SECONDS = 1.0
_REST_SECONDS = 1.0
_TALLY = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""
# By the clock of Redis, which all processes share.
_ACQUIRE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.max(ARGV[2], redis.call('PTTL', KEYS[1])))
return 1
"""
_log = structlog.get_logger("hedgerow.cache")


class RedisCache:
    """Keys begin with `prefix`. Every failure is a miss (a count of 1 for counters) and a warning.

    After a failure Redis is left alone for a second, so that a dead one does not slow each request down.
    """

    remote = True

    def __init__(self, url: str, prefix: str = "hedgerow:") -> None:
        self._url, self._prefix = url, prefix
        # A connection belongs to the event loop that made it.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = weakref.WeakKeyDictionary()
        self._rest_until = 0.0

    async def get(self, key: str) -> bytes | None:
        found = await self._ask(lambda redis: redis.get(self._value(key)), None)
        return found if isinstance(found, bytes) else None

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        if ttl <= 0:
            await self.delete(key)
            return
        await self._ask(lambda redis: redis.set(self._value(key), value, px=max(1, int(ttl * 1000))), None)

    async def delete(self, key: str) -> None:
        await self._ask(lambda redis: redis.delete(self._value(key), self._counter(key)), None)

    async def increment(self, key: str, ttl: float) -> int:
        return (await self.tally(key, ttl)).count

    async def tally(self, key: str, ttl: float, amount: int = 1) -> Tally:
        wanted = (str(max(1, int(ttl * 1000))), str(amount))
        found = await self._ask(lambda redis: redis.eval(_TALLY, 1, self._counter(key), *wanted), None)
        return Tally(amount, ttl) if found is None else Tally(int(found[0]), found[1] / 1000)

    async def acquire(self, key: str, slot: str, limit: int, ttl: float) -> bool:
        wanted = (str(limit), str(max(1, int(ttl * 1000))), slot)
        return bool(await self._ask(lambda redis: redis.eval(_ACQUIRE, 1, self._slots(key), *wanted), 1))

    async def release(self, key: str, slot: str) -> None:
        await self._ask(lambda redis: redis.zrem(self._slots(key), slot), None)

    async def ready(self) -> bool:
        self._rest_until = 0.0
        return bool(await self._ask(lambda redis: redis.ping(), False))

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _ask(self, question: Callable[[Redis], Awaitable[T]], otherwise: T) -> T:
        if time.monotonic() < self._rest_until:
            return otherwise
        try:
            return await question(self._client())
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_until = time.monotonic() + _REST_SECONDS
            _log.warning("redis does not answer", error=type(error).__name__)
            return otherwise

    # Counters live beside the values, so that a key may have both.
    def _value(self, key: str) -> str:
        return f"{self._prefix}v:{key}"

    def _counter(self, key: str) -> str:
        return f"{self._prefix}n:{key}"

    def _slots(self, key: str) -> str:
        return f"{self._prefix}s:{key}"

    def _client(self) -> Redis:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                timeout=_SECONDS,
                socket_timeout=_SECONDS,
                socket_connect_timeout=_SECONDS,
            )
            client = self._clients[loop] = Redis.from_pool(pool)
        return client
