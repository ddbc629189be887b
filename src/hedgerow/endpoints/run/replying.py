"""A run's answer over HTTP: its tag, how long a browser may keep it, and the short answer for what has not changed."""

import hashlib
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hedgerow.endpoints.records import Version
from hedgerow.endpoints.run.cached.results import Result
from hedgerow.kit.clock import now

_NOT_MODIFIED = 304
_JSON = (b"content-type", b"application/json")


class Reply(NamedTuple):
    """The JSON of an answer and what it was made of; `until`: when the result is to be made anew, since 1970."""

    body: bytes
    version: Version
    result: Result
    until: float


class _Json(Response):
    """JSON that is sent with no more work than its bytes need: half of a cached run's answers cost is Starlette's."""

    def __init__(self, body: bytes) -> None:
        self.body, self.status_code, self.background = body, 200, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def response(request: Request, reply: Reply, longest: float) -> Response:
    """The answer. What a GET has already is answered by 304; it may be kept for `longest` seconds unasked."""
    if request.scope["method"] != "GET":
        return _Json(reply.body)
    kept = control(reply.version, reply.until, longest)
    headers = {"ETag": _tag(reply), "Cache-Control": kept, "Vary": "Authorization, Accept"}
    if holds(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(reply.body, media_type="application/json", headers=headers)


def _tag(reply: Reply) -> str:
    """Of rows and columns alone: made anew, the same rows are the same. Weak, as each answer has an id."""
    digest = hashlib.sha256(reply.result.members)
    digest.update(reply.result.rows)
    return f'W/"{reply.version.number}-{digest.hexdigest()[:32]}"'


def control(version: Version, until: float, longest: float) -> str:
    """How long a browser may keep an answer whose result is to be made anew at `until`."""
    left = max(0.0, until - now().timestamp())
    kept = f"private, max-age={int(min(left, longest))}"
    stale = version.stale_while_revalidate_seconds
    return f"{kept}, stale-while-revalidate={int(min(stale, longest))}" if stale else kept


def holds(given: str | None, tag: str) -> bool:
    """Whether the browser's tags hold this one; compared weakly, as RFC 9110 says for this header."""
    if given is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in given.split(",")]
    return "*" in tags or tag.removeprefix("W/") in tags
