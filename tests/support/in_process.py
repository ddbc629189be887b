"""Runs an ASGI application in a thread of its own and talks to it without a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI


class InProcess:
    """Sends requests to a running application; answers are `httpx.Response`s, read whole."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.app, self._portal = app, portal

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                return await client.request(method, url, **options)

        return self._portal.call(send)

    def call(self, function: Any, *arguments: Any) -> Any:
        """Run an async function on the application's own event loop."""
        return self._portal.call(function, *arguments)


@contextmanager
def running(app: FastAPI) -> Iterator[InProcess]:
    """The application between its lifespan's start and its end."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        yield InProcess(app, portal)
