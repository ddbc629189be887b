"""The cache in Redis: the conformance suite, two clients sharing, and Redis going away."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import anyio
import pytest

from hedgerow.cache import Tally
from hedgerow.cache.redis import RedisCache
from tests.conformance.cache import CacheConformance
from tests.support.caches import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def prefix() -> str:
    return f"hedgerow-test:{uuid4().hex}:"


class TestRedisCache(CacheConformance):
    @pytest.fixture
    async def cache(self, redis_url: str, prefix: str) -> AsyncIterator[RedisCache]:
        cache = RedisCache(redis_url, prefix)
        yield cache
        await cache.close()


async def test_two_clients_share_values_and_counts(redis_url: str, prefix: str) -> None:
    one, other = RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)
    await one.set("a", b"1", 60)
    await one.increment("n", 60)
    assert await other.get("a") == b"1"
    assert await other.increment("n", 60) == 2
    await one.close()
    await other.close()


async def test_prefixes_part_the_keys(redis_url: str, prefix: str) -> None:
    one, other = RedisCache(redis_url, prefix), RedisCache(redis_url, prefix + "other:")
    await one.set("a", b"1", 60)
    assert await other.get("a") is None
    await one.close()
    await other.close()


def test_one_cache_serves_several_event_loops(redis_url: str, prefix: str) -> None:
    cache = RedisCache(redis_url, prefix)

    async def count() -> None:
        for _ in range(50):
            await cache.increment("n", 60)
        await cache.close()

    threads = [threading.Thread(target=lambda: anyio.run(count)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def last() -> int:
        number = await cache.increment("n", 60)
        await cache.close()
        return number

    assert anyio.run(last) == 151


async def test_without_redis_all_is_a_miss_and_nothing_is_slow() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0")
    began = time.monotonic()
    for _ in range(100):
        assert await cache.get("a") is None
        await cache.set("a", b"1", 60)
        await cache.delete("a")
        assert await cache.tally("n", 60) == Tally(1, 60)
        assert await cache.acquire("k", "a", 1, 60)
        assert await cache.acquire("k", "b", 1, 60)
        await cache.release("k", "a")
    assert await cache.ready() is False
    assert time.monotonic() - began < 5  # 700 questions: most are not even put
    await cache.close()


async def test_redis_comes_back(own_redis: RedisServer) -> None:
    cache = RedisCache(own_redis.url)
    await cache.set("a", b"1", 60)
    own_redis.stop()
    assert await cache.get("a") is None
    own_redis.start()
    assert await cache.ready() is True
    await cache.set("a", b"2", 60)
    assert await cache.get("a") == b"2"
    await cache.close()


async def test_frozen_redis_does_not_hold_up_an_answer(own_redis: RedisServer) -> None:
    cache = RedisCache(own_redis.url)
    await cache.set("a", b"1", 60)
    with own_redis.frozen():
        began = time.monotonic()
        assert await asyncio.gather(*(cache.get("a") for _ in range(20))) == [None] * 20
        assert await cache.get("a") is None
        assert time.monotonic() - began < 3
    await cache.close()
