"""Work stops when its client hangs up, and not before."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from hedgerow.web.hangup import until_hangup

pytestmark = pytest.mark.anyio


def request(messages: asyncio.Queue[dict[str, Any]]) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [], "path": "/"}, messages.get)


async def test_answer_of_work_that_ends() -> None:
    async def work() -> int:
        await asyncio.sleep(0.01)
        return 5

    assert await until_hangup(request(asyncio.Queue()), work()) == 5


async def test_error_of_work_that_fails() -> None:
    async def work() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await until_hangup(request(asyncio.Queue()), work())


async def test_hangup_cancels_the_work_and_waits_for_its_end() -> None:
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    steps: list[str] = []

    async def work() -> None:
        steps.append("began")
        await messages.put({"type": "http.request", "body": b"", "more_body": False})
        await messages.put({"type": "http.disconnect"})
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            steps.append("cleaned up")

    with pytest.raises(ClientDisconnect):
        await asyncio.wait_for(until_hangup(request(messages), work()), 5)
    assert steps == ["began", "cleaned up"]


async def test_cancelling_the_request_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.ensure_future(until_hangup(request(asyncio.Queue()), work()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
