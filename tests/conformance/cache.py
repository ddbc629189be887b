"""What every cache must do; each implementation's tests inherit this."""

import asyncio

import pytest

from hedgerow.cache import Cache

pytestmark = pytest.mark.anyio


class CacheConformance:
    """Inherit, and give the fixture `cache`: an empty one."""

    async def test_unknown_key_has_no_value(self, cache: Cache) -> None:
        assert await cache.get("nothing") is None

    async def test_value_comes_back_byte_for_byte(self, cache: Cache) -> None:
        value = bytes(range(256)) * 5
        await cache.set("a", value, 60)
        await cache.set("b", b"", 60)
        assert await cache.get("a") == value
        assert await cache.get("b") == b""

    async def test_set_replaces(self, cache: Cache) -> None:
        await cache.set("a", b"old", 60)
        await cache.set("a", b"new", 60)
        assert await cache.get("a") == b"new"

    async def test_value_ends_with_its_time(self, cache: Cache) -> None:
        await cache.set("short", b"1", 0.05)
        await cache.set("long", b"2", 60)
        await asyncio.sleep(0.1)
        assert await cache.get("short") is None
        assert await cache.get("long") == b"2"

    async def test_no_time_is_no_value(self, cache: Cache) -> None:
        await cache.set("a", b"1", 60)
        await cache.set("a", b"2", 0)
        assert await cache.get("a") is None

    async def test_delete_forgets_one_key(self, cache: Cache) -> None:
        await cache.set("a", b"1", 60)
        await cache.set("b", b"2", 60)
        await cache.increment("a", 60)
        await cache.delete("a")
        await cache.delete("never there")
        assert await cache.get("a") is None
        assert await cache.get("b") == b"2"
        assert await cache.increment("a", 60) == 1

    async def test_counter_counts_from_one(self, cache: Cache) -> None:
        assert [await cache.increment("n", 60) for _ in range(3)] == [1, 2, 3]
        assert await cache.increment("m", 60) == 1

    async def test_counter_starts_anew_after_its_time_and_not_later(self, cache: Cache) -> None:
        await cache.increment("n", 0.6)
        await asyncio.sleep(0.3)
        assert await cache.increment("n", 0.6) == 2
        await asyncio.sleep(0.4)
        assert await cache.increment("n", 0.6) == 1

    async def test_tally_says_when_the_counter_ends(self, cache: Cache) -> None:
        first = await cache.tally("n", 60)
        await asyncio.sleep(0.05)
        second = await cache.tally("n", 60)
        assert (first.count, second.count) == (1, 2)
        assert 59 < second.seconds_left < first.seconds_left <= 60

    async def test_counter_counts_by_more_than_one(self, cache: Cache) -> None:
        assert (await cache.tally("n", 60, 5)).count == 5
        assert (await cache.tally("n", 60)).count == 6

    async def test_slots_are_held_by_no_more_than_the_limit(self, cache: Cache) -> None:
        assert [await cache.acquire("k", slot, 2, 60) for slot in "abc"] == [True, True, False]
        assert await cache.acquire("other", "a", 2, 60)
        await cache.release("k", "never held")
        assert not await cache.acquire("k", "c", 2, 60)
        await cache.release("k", "a")
        assert await cache.acquire("k", "c", 2, 60)
        assert not await cache.acquire("k", "d", 2, 60)

    async def test_a_slot_of_whoever_is_gone_comes_back(self, cache: Cache) -> None:
        assert await cache.acquire("k", "long", 2, 60)
        assert await cache.acquire("k", "short", 2, 0.3)
        assert not await cache.acquire("k", "next", 2, 60)
        await asyncio.sleep(0.4)
        assert await cache.acquire("k", "next", 2, 60)
        assert not await cache.acquire("k", "another", 2, 60)

    async def test_a_slot_that_is_acquired_again_is_held_longer(self, cache: Cache) -> None:
        assert await cache.acquire("k", "a", 1, 0.6)
        await asyncio.sleep(0.3)
        assert await cache.acquire("k", "a", 1, 60)
        await asyncio.sleep(0.4)
        assert not await cache.acquire("k", "b", 1, 60)
        await cache.release("k", "a")
        assert await cache.acquire("k", "b", 1, 60)

    async def test_of_many_at_once_as_many_as_the_limit_get_a_slot(self, cache: Cache) -> None:
        got = await asyncio.gather(*(cache.acquire("k", f"s{number}", 3, 60) for number in range(20)))
        assert sum(got) == 3

    async def test_no_count_is_lost_among_many_tasks(self, cache: Cache) -> None:
        counts = await asyncio.gather(*(cache.increment("n", 60) for _ in range(200)))
        assert sorted(counts) == list(range(1, 201))

    async def test_value_and_counter_of_one_key_are_apart(self, cache: Cache) -> None:
        await cache.set("a", b"text", 60)
        assert await cache.increment("a", 60) == 1
        assert await cache.get("a") == b"text"

    async def test_odd_keys_are_keys_like_others(self, cache: Cache) -> None:
        keys = ["", " ", "ключ", "a:b:c", "a\nb", "x" * 900, "*", "{a}"]
        for key in keys:
            await cache.set(key, key.encode(), 60)
        assert [await cache.get(key) for key in keys] == [key.encode() for key in keys]

    async def test_ready(self, cache: Cache) -> None:
        assert await cache.ready() is True
