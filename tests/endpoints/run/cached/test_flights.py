"""Single-flight: one making for all who ask meanwhile, whatever becomes of those who ask."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hedgerow.endpoints.run.cached.flights import Flights

pytestmark = pytest.mark.anyio


class Maker:
    """Counts how often it makes; waits until it may land."""

    def __init__(self) -> None:
        self.made = 0
        self.land = asyncio.Event()

    async def __call__(self) -> int:
        self.made += 1
        made = self.made
        await self.land.wait()
        return made


async def _many(flights: Flights[int], make: Callable[[], Awaitable[int]], count: int) -> list[asyncio.Task[object]]:
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(flights.join("k", make)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_many_ask_and_one_makes() -> None:
    flights, make = Flights[int](), Maker()
    tasks = await _many(flights, make, 100)
    assert flights.aloft("k")
    make.land.set()
    answers = await asyncio.gather(*tasks)
    assert make.made == 1
    assert sorted(answers, key=str) == [(1, False)] * 99 + [(1, True)]
    assert not flights.aloft("k")
    assert await flights.join("k", make) == (2, True), "a later one is made anew"


async def test_other_keys_do_not_wait() -> None:
    flights, slow, quick = Flights[int](), Maker(), Maker()
    waiting = asyncio.create_task(flights.join("slow", slow))
    await asyncio.sleep(0)
    quick.land.set()
    assert await flights.join("quick", quick) == (1, True)
    slow.land.set()
    await waiting


async def test_the_next_in_line_makes_it_when_the_first_goes_away() -> None:
    flights, make = Flights[int](), Maker()
    tasks = await _many(flights, make, 3)
    tasks[0].cancel()
    async with asyncio.timeout(10):
        while make.made < 2:
            await asyncio.sleep(0)
    make.land.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert sorted(done[1:], key=str) == [(2, False), (2, True)]


async def test_one_who_waits_may_go_away() -> None:
    flights, make = Flights[int](), Maker()
    tasks = await _many(flights, make, 3)
    tasks[1].cancel()
    await asyncio.sleep(0)
    make.land.set()
    assert await tasks[0] == (1, True)
    assert await tasks[2] == (1, False)


async def test_a_failure_is_everybodys() -> None:
    flights = Flights[int]()
    land = asyncio.Event()

    async def fail() -> int:
        await land.wait()
        raise ValueError("no")

    tasks = await _many(flights, fail, 3)
    land.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in done] == ["no"] * 3
    with pytest.raises(ValueError, match="no"):
        await flights.join("k", fail)
