"""Work that stops when the client who asked for it goes away."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


async def until_hangup(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. It is cancelled as soon as the client hangs up; then `ClientDisconnect` is raised.

    Read the request's body before: what is left of it is thrown away.
    """
    asker: asyncio.Task[Any] | None = None
    gone = False
    watcher: asyncio.Future[None] | None = None

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        assert asker is not None
        asker.cancel()

    def begin() -> None:
        nonlocal asker, watcher
        # Asked here, and not by all: it costs 5% of an answer from memory.
        asker = asyncio.current_task()
        watcher = asyncio.ensure_future(watch())

    try:
        return await _stepped(work, begin)
    except asyncio.CancelledError:
        if not gone or asker is None:
            raise
        asker.uncancel()
        raise ClientDisconnect from None
    finally:
        if watcher is not None:
            watcher.cancel()


@coroutine
def _stepped(work: Coroutine[Any, Any, T], first_wait: Callable[[], None]) -> Generator[Any, Any, T]:
    """What `work` returns, in the caller's own task; `first_wait` is called if it has to wait for anything.

    What is answered from memory waits for nothing: a task to watch the client would cost it 25 µs.
    """
    try:
        waiting = work.send(None)
        first_wait()
        while True:
            try:
                sent = yield waiting
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:
                waiting = work.throw(error)
            else:
                waiting = work.send(sent)
    except StopIteration as done:
        value: T = done.value
        return value
