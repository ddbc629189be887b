"""Work that stops when the client who asked for it goes away."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


async def until_hangup(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. It is cancelled as soon as the client hangs up; then `ClientDisconnect` is raised.

    Read the request's body before: what is left of it is thrown away.
    """
    asker = asyncio.current_task()
    assert asker is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        asker.cancel()

    # The work runs in the asker's own task: a second one would cost 10 µs a request.
    watcher = asyncio.ensure_future(watch())
    try:
        return await work
    except asyncio.CancelledError:
        if not gone:
            raise
        asker.uncancel()
        raise ClientDisconnect from None
    finally:
        watcher.cancel()
