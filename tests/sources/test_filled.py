"""A filled table's tidying: waited for in any case, its fault told unless another one is on its way."""

import asyncio

import pytest

from hedgerow.kit.errors import HedgerowError
from hedgerow.sources.sync.filling import Filled


def test_tidying_is_waited_for_and_tells_its_fault() -> None:
    assert asyncio.run(_tidied()) == [False, True, True]


async def _tidied() -> list[bool]:
    ended: list[bool] = []

    async def tidy(fails: bool) -> None:
        await asyncio.sleep(0.01)
        ended.append(fails)
        if fails:
            raise HedgerowError("The engine is away.")

    await Filled(None, (), 0, 0).tidied()
    await Filled("t", (), 0, 0, tidying=asyncio.ensure_future(tidy(False))).tidied()
    with pytest.raises(HedgerowError, match="away"):
        await Filled("t", (), 0, 0, tidying=asyncio.ensure_future(tidy(True))).tidied()
    await Filled("t", (), 0, 0, tidying=asyncio.ensure_future(tidy(True))).tidied(whatever=True)
    return ended
