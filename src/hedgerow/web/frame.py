"""The frame around every request: slash, request id, headers, log line, metrics, and the last word on bugs."""

import asyncio
import re
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow.kit.errors import ServerFault, Unavailable
from hedgerow.kit.ids import label
from hedgerow.web.errors import HUNG_UP, render
from hedgerow.web.express import ROUTE
from hedgerow.web.telemetry.logs import request_id
from hedgerow.web.telemetry.metrics import Metrics

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
]
_log = structlog.get_logger("hedgerow.http")


class Frame:
    """ASGI middleware. A path's trailing slash is taken off, so that every route answers with and without."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        path: str = scope["path"]
        if path.endswith("/") and path != "/":
            scope["path"] = path[:-1]
        identifier = _request_id(scope)
        token = request_id.set(identifier.decode())
        answer = _Answer(scope, send, identifier)
        self._metrics.began()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = answer.status or HUNG_UP
        except asyncio.CancelledError:
            # The server stops and did not wait any longer; nobody else cancels a request.
            if not answer.status:
                await render(Unavailable("The server is stopping."))(scope, receive, answer.send)
        except Exception:
            _log.exception("bug", method=scope["method"], path=path)
            if not answer.status:
                await render(ServerFault())(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - start
            ended(self._metrics, scope["method"], path, template(scope), answer.status, seconds)
            request_id.reset(token)


class _Answer:
    """Adds the frame's headers to an answer on its way, and remembers its status (0: none yet)."""

    __slots__ = ("_identifier", "_scope", "_send", "status")

    def __init__(self, scope: Scope, send: Send, identifier: bytes) -> None:
        self._scope, self._send, self._identifier = scope, send, identifier
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self._identifier), *SECURITY]
            message["headers"] = headers
            extra: dict[str, str] | None = self._scope.get("hedgerow.headers")
            if extra and self.status != 429:
                headers.extend((name.lower().encode(), value.encode()) for name, value in extra.items())
        await self._send(message)


def ended(metrics: Metrics, method: str, path: str, route: str, status: int, seconds: float) -> None:
    """Count and log a request that was answered."""
    metrics.ended(method if method in _METHODS else "OTHER", route, status, seconds)
    say = _log.debug if path in _PROBES and status < 400 else _log.info
    say("request", method=method, path=path, status=status, ms=round(seconds * 1000, 2))


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return bytes(value)
    return label().encode()


def template(scope: Scope) -> str:
    """The matched route's path with its parameters' names: a small set, unlike paths."""
    express: str | None = scope.get(ROUTE)
    if express is not None:
        return express
    if "endpoint" not in scope:
        return "unmatched"
    parts = scope["path"].split("/")
    position = 2
    for name, value in scope["path_params"].items():
        try:
            position = parts.index(str(value), position)
        except ValueError:
            return "unmatched"
        parts[position] = f"{{{name}}}"
    return "/".join(parts)
