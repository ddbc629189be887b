"""Slots: no more at once than the limit, in one process and over several, and all of them come back."""

import asyncio
from uuid import uuid4

import pytest

from hedgerow.cache.memory import MemoryCache
from hedgerow.cache.redis import RedisCache
from hedgerow.kit.errors import Throttled
from hedgerow.web.limits.slots import Slots

pytestmark = pytest.mark.anyio


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0.01)


async def test_a_slot_comes_back_however_the_work_ends() -> None:
    slots = Slots(MemoryCache(), {"query": 1})

    async def work(ends: str) -> None:
        async with slots.held("query", 1):
            if ends == "error":
                raise ValueError
            await asyncio.sleep(60 if ends == "cancel" else 0)

    for ends in ("well", "error", "cancel"):
        task = asyncio.create_task(work(ends))
        await _settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _settle()
    await work("well")


async def test_buckets_and_projects_are_apart_and_no_limit_is_none() -> None:
    slots = Slots(MemoryCache(), {"query": 1, "free": 0})
    async with slots.held("query", 1), slots.held("query", 2), slots.held("free", 1), slots.held("free", 1):
        with pytest.raises(Throttled, match="Too many concurrent requests"):
            async with slots.held("query", 1):
                raise AssertionError("it was let in")


async def test_processes_share_their_slots(redis_url: str) -> None:
    prefix = f"hedgerow-test:{uuid4().hex}:"
    caches = [RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)]
    one, other = (Slots(cache, {"query": 2}) for cache in caches)
    at_once, most = 0, 0

    async def work(slots: Slots) -> bool:
        nonlocal at_once, most
        try:
            async with slots.held("query", 1):
                at_once += 1
                most = max(most, at_once)
                await asyncio.sleep(0.02)
                at_once -= 1
                return True
        except Throttled:
            return False

    done = await asyncio.gather(*(work(slots) for slots in (one, other) * 10))
    assert most == 2
    assert sum(done) >= 2
    await _settle()
    assert await work(one)
    for slots in (one, other):
        await slots.close()
    for cache in caches:
        await cache.close()


async def test_a_process_that_died_holds_its_slot_for_its_time_only(redis_url: str) -> None:
    prefix = f"hedgerow-test:{uuid4().hex}:"
    dead, alive = RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)
    assert await dead.acquire("slots:query:p1", "never released", 1, 0.2)
    slots = Slots(alive, {"query": 1})
    with pytest.raises(Throttled):
        async with slots.held("query", 1):
            raise AssertionError("it was let in")
    await asyncio.sleep(0.25)
    async with slots.held("query", 1):
        pass
    await slots.close()
    for cache in (dead, alive):
        await cache.close()


async def test_what_runs_longer_than_a_slot_is_kept_holds_on_to_it(redis_url: str) -> None:
    prefix = f"hedgerow-test:{uuid4().hex}:"
    caches = [RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)]
    one, other = (Slots(cache, {"query": 1}, 0.3) for cache in caches)
    async with one.held("query", 1):
        for _ in range(10):
            await asyncio.sleep(0.1)
            with pytest.raises(Throttled):
                async with other.held("query", 1):
                    raise AssertionError("it was let in")
    await one.close()
    async with other.held("query", 1):
        pass
    await other.close()
    for cache in caches:
        await cache.close()
