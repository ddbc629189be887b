"""A run's answer over HTTP: its tag, how long a browser may keep it, and the short answer for what has not changed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from hedgerow.endpoints.records import Version
from hedgerow.endpoints.run.cached.results import Result
from hedgerow.kit.clock import now

_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON of an answer and what it was made of; `until`: when the result is to be made anew."""

    body: bytes
    version: Version
    result: Result
    until: datetime


def response(request: Request, reply: Reply, longest: float) -> Response:
    """The answer. What a GET has already is answered by 304; it may be kept for `longest` seconds unasked."""
    if request.method != "GET":
        return Response(reply.body, media_type="application/json")
    headers = {"ETag": _tag(reply), "Cache-Control": _control(reply, longest), "Vary": "Authorization, Accept"}
    if _has(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(reply.body, media_type="application/json", headers=headers)


def _tag(reply: Reply) -> str:
    """Of rows and columns alone: made anew, the same rows are the same. Weak, as each answer has an id."""
    digest = hashlib.sha256(reply.result.members)
    digest.update(reply.result.rows)
    return f'W/"{reply.version.number}-{digest.hexdigest()[:32]}"'


def _control(reply: Reply, longest: float) -> str:
    left = max(0.0, (reply.until - now()).total_seconds())
    control = f"private, max-age={int(min(left, longest))}"
    stale = reply.version.stale_while_revalidate_seconds
    return f"{control}, stale-while-revalidate={int(min(stale, longest))}" if stale else control


def _has(given: str | None, tag: str) -> bool:
    """Whether the browser's tags hold this one; compared weakly, as RFC 9110 says for this header."""
    if given is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in given.split(",")]
    return "*" in tags or tag.removeprefix("W/") in tags
