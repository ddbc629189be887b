"""What the frame costs: a constant JSON route among a hundred, through all middleware, against bare Starlette."""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, redirect_stderr
from typing import Any

from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.table import Measured, show
from hedgerow.kit.settings import Settings
from hedgerow.web.application import create, mount
from hedgerow.web.telemetry import logs
from hedgerow.web.telemetry.metrics import Metrics

_ROUNDS, _EACH = 30, 300
_BODY = b'{"results":[[1]]}'
_HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"2")]


async def _constant(_: Request) -> Response:
    return Response(_BODY, media_type="application/json")


@asynccontextmanager
async def _nothing(_: Any) -> Any:
    yield


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/projects/1/constant/",
        "raw_path": b"/api/projects/1/constant/",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": list(_HEADERS),
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }


def _room(path: str) -> APIRouter:
    room = APIRouter()
    room.add_route(path, _constant, methods=["POST"])
    room.add_api_route(f"{path}/{{name}}", lambda: None, methods=["GET"])
    return room


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def _send(_: Any) -> None:
    return None


async def _microseconds(app: Callable[..., Awaitable[None]]) -> float:
    began = time.perf_counter()
    for _ in range(_EACH):
        await app(_scope(), _receive, _send)
    return (time.perf_counter() - began) / _EACH * 1e6


async def _measure() -> tuple[float, float]:
    bare = Starlette(routes=[Route("/api/projects/{project_id}/constant/", _constant, methods=["POST"])])
    framed = create(Settings(), Metrics(), _nothing)
    for number in range(50):
        mount(framed, _room(f"/room{number}"), "room")
    mount(framed, _room("/constant"), "room")
    rounds = [(await _microseconds(bare), await _microseconds(framed)) for _ in range(_ROUNDS)]
    return statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)


def main() -> None:
    """Print the frame's time per request, its log line written to nowhere."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        logs.configure("info", "json")
        bare, logged = asyncio.run(_measure())
    show(
        "A constant JSON answer, without a socket",
        [
            Measured("through the frame with its log line; floor: bare Starlette", logged, bare, "µs", ""),
            Measured("the frame's own time", logged - bare, 60, "µs", "<= 60 µs", logged - bare <= 60),
        ],
    )


if __name__ == "__main__":
    main()
