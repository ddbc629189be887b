"""Requests before any route sees them: no body over its limit, no JSON that is none, no NUL that no store can keep."""

import re

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow.kit.errors import HedgerowError, InvalidInput, MalformedBody, TooLarge
from hedgerow.web.errors import render

# A written NUL, unless its backslash is itself escaped: no metadata store can keep one.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_BODY = "hedgerow.body"
PUBLIC = "/public/"
"""Paths that anybody may post to: bodies are small, and left as they came."""


async def whole(request: Request) -> bytes:
    """The request's body; JSON was read already."""
    body: bytes | None = request.scope.get(_BODY)
    return await request.body() if body is None else body


class Bodies:
    """ASGI middleware. JSON bodies are read whole and checked once; others (uploads) are counted as they stream by."""

    def __init__(
        self, app: ASGIApp, json_max_bytes: int, upload_max_bytes: int, public_max_bytes: int = 1 << 20
    ) -> None:
        self._app, self._json_max, self._upload_max = app, json_max_bytes, upload_max_bytes
        self._public_max = public_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%00" in scope["query_string"] or "\0" in scope["path"]:
            await render(_no_nul())(scope, receive, send)
            return
        length, content_type, chunked = _announced(scope)
        if not length and not chunked:
            await self._app(scope, receive, send)
            return
        public = scope["path"].startswith(PUBLIC)
        if public:
            if length > self._public_max:
                await render(_too_large(self._public_max))(scope, receive, send)
                return
            await self._app(scope, _counted(receive, self._public_max), send)
            return
        is_json = content_type == b"" or b"json" in content_type
        limit = self._json_max if is_json else self._upload_max
        # A form's announced length is passed over: its route counts the file, and refuses it in its own words.
        if length > limit and not content_type.startswith(b"multipart/"):
            await render(_too_large(limit))(scope, receive, send)
        elif is_json:
            await self._with_json(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, limit), send)

    async def _with_json(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive, self._json_max)
            if body is None:
                return
            _check(body)
        except HedgerowError as error:
            await render(error)(scope, receive, send)
            return
        scope[_BODY] = body
        await self._app(scope, _replayed(body, receive), send)


def _announced(scope: Scope) -> tuple[int, bytes, bool]:
    length, content_type, chunked = 0, b"", False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-type":
            content_type = value.lower()
        elif name == b"transfer-encoding":
            chunked = True
    return length, content_type, chunked


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit} bytes.")


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; `None` when the client went away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check(body: bytes) -> None:
    if not body:
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"JSON parse error - {error}") from None
    if b"\\u0000" in body and _NUL.search(body):
        raise _no_nul()


def _no_nul() -> InvalidInput:
    return InvalidInput("Null characters are not allowed.", code="null_characters_not_allowed")


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _counted(receive: Receive, limit: int) -> Receive:
    size = 0

    async def count() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            # Of Starlette's own kind: FastAPI hides others behind "error parsing the body".
            raise HTTPException(413, _too_large(limit).detail)
        return message

    return count
