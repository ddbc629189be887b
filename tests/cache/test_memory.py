"""The cache in this process: the conformance suite, and its bounds."""

import threading

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.cache.memory import MemoryCache
from tests.conformance.cache import CacheConformance

pytestmark = pytest.mark.anyio


class TestMemoryCache(CacheConformance):
    @pytest.fixture
    def cache(self) -> MemoryCache:
        return MemoryCache()


async def test_least_recently_used_goes_first() -> None:
    cache = MemoryCache(max_bytes=3 * 1300)
    for name in "abc":
        await cache.set(name, b"x" * 1000, 60)
    await cache.get("a")
    await cache.set("d", b"x" * 1000, 60)
    assert [await cache.get(name) is not None for name in "abcd"] == [True, False, True, True]


async def test_value_larger_than_the_cache_is_not_kept_and_evicts_nothing() -> None:
    cache = MemoryCache(max_bytes=2000)
    await cache.set("small", b"x", 60)
    await cache.set("huge", b"x" * 3000, 60)
    assert await cache.get("huge") is None
    assert await cache.get("small") == b"x"


async def test_oldest_counter_goes_when_there_are_too_many() -> None:
    cache = MemoryCache(max_counters=2)
    for name in "abc":
        await cache.increment(name, 60)
    assert await cache.increment("c", 60) == 2
    assert await cache.increment("a", 60) == 1


async def test_close_lets_go_of_everything() -> None:
    cache = MemoryCache()
    await cache.set("a", b"1", 60)
    await cache.close()
    assert cache.size == 0
    assert await cache.get("a") is None


def test_threads_with_loops_of_their_own_lose_no_count() -> None:
    cache = MemoryCache()

    async def count() -> None:
        for _ in range(500):
            await cache.increment("n", 60)
            await cache.set("v", b"x" * 100, 60)

    threads = [threading.Thread(target=lambda: anyio.run(count)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert anyio.run(cache.increment, "n", 60) == 2001


_steps = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 900), st.booleans()), max_size=60)


@given(steps=_steps)
def test_size_is_never_over_its_bound_and_always_what_is_kept(steps: list[tuple[str, int, bool]]) -> None:
    async def play() -> None:
        cache = MemoryCache(max_bytes=2500)
        for key, length, remove in steps:
            await (cache.delete(key) if remove else cache.set(key, b"x" * length, 60))
            kept = [(name, await cache.get(name)) for name in "abcdef"]
            assert cache.size == sum(len(name) + len(value) + 200 for name, value in kept if value is not None)
            assert cache.size <= 2500

    anyio.run(play)
