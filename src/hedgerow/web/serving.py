"""Serves an application on a socket until it is told to stop, then stops in order."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from hedgerow.web.prompt.connection import connection

_THREADS = 32
_FINISH_SECONDS = 3
"""How long requests in flight may go on after a stop signal, before they are cancelled."""
_KEEP_ALIVE_SECONDS = 75
"""Longer than usual balancers keep a connection, so that they are the ones to close it."""


class CannotListen(Exception):
    """The address is taken or not ours; the text is one clear line."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises `CannotListen`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"Cannot listen on {host}: {error.strerror or error}.") from None
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        reason = "it is in use" if error.errno in {48, 98, 10048} else str(error.strerror or error).lower()
        raise CannotListen(f"Cannot listen on port {port} of {host}: {reason}. Choose one by HEDGEROW_PORT.") from None
    return bound


def address(bound: socket.socket) -> str:
    """`http://127.0.0.1:8000`: how to reach the socket from this machine."""
    host, port = bound.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


async def serve(app: FastAPI, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Open `app`, call `ready` when it answers, serve until SIGINT or SIGTERM, close it.

    What goes wrong while opening is raised as it is. Requests in flight get 3 s to finish; then they are cancelled, and
    with them their queries. A second SIGINT does not wait.
    """
    # Python's own would have six threads on two cores: a few slow uploads would hold up every look-up of a key.
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="work")
    asyncio.get_running_loop().set_default_executor(threads)
    async with app.router.lifespan_context(app):
        config = uvicorn.Config(
            app,
            http=connection(app.state.prompts),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_FINISH_SECONDS,
        )
        await _Server(config, ready).serve([bound])


class _Server(uvicorn.Server):
    """Stops by a signal without raising it again: an ordered stop is a success."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
