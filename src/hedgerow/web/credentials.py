"""Where a request may carry a personal key: header, JSON body, query string, in that order."""

from collections.abc import Iterable
from typing import NamedTuple

import orjson
from starlette.requests import Request

from hedgerow.web.bodies import whole

_HEADER = "Authorization header"
_BODY_KEY = "personal_api_key"


class Credentials(NamedTuple):
    """A key as it came, and the place's name in error texts. Only the first place that has a value counts."""

    key: str
    place: str

    @property
    def in_header(self) -> bool:
        """Whether it came where it is neither logged nor kept: the only place for secret keys and tokens."""
        return self.place == _HEADER

    @property
    def refusal(self) -> str:
        """What is said when the key is not good."""
        return f"Personal API key found in request {self.place} is invalid."


def in_header(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key of the first `Authorization` header; empty if there is none."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "bearer" else ""
    return ""


async def find(request: Request) -> Credentials | None:
    """The request's credentials. A JSON body that is read here stays readable."""
    if key := in_header(request.scope["headers"]):
        return Credentials(key, _HEADER)
    if key := await _in_body(request):
        return Credentials(key, "body")
    if key := request.query_params.get(_BODY_KEY, ""):
        return Credentials(key, "query string")
    return None


async def _in_body(request: Request) -> str:
    if request.method in {"GET", "HEAD", "OPTIONS"} or "json" not in request.headers.get("content-type", "json"):
        return ""
    raw = await whole(request)
    if _BODY_KEY.encode() not in raw:
        return ""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    value = body.get(_BODY_KEY) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""
