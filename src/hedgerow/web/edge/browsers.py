"""Lets pages of other origins run endpoints: CORS on the run route, for the origins of the setting."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_REQUEST_HEADERS = ("Authorization", "Content-Type", "Accept", "If-None-Match", "X-Request-Id")
_ANSWER_HEADERS = (
    "Content-Disposition",
    "ETag",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Endpoint-Version",
    "X-Execution-Id",
    "X-Is-Cached",
    "X-Last-Refresh",
    "X-Materialized-At",
    "X-Request-Id",
    "X-Row-Limit",
)
_REMEMBERED_SECONDS = 600


class Browsers:
    """ASGI middleware. Cookies are never allowed: credentials come in a header, from the page itself."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            max_age=_REMEMBERED_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runs = scope["type"] == "http" and scope["path"].endswith("/run") and "/endpoints/" in scope["path"]
        await (self._open if runs else self._app)(scope, receive, send)
