"""A file over HTTP: what its headers tell, and its bytes while they are made."""

import hashlib
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hedgerow.endpoints.run.formats.exporting import File
from hedgerow.endpoints.run.replying import control, holds
from hedgerow.kit.clock import iso, of_unix
from hedgerow.kit.errors import HedgerowError
from hedgerow.web.hangup import until_hangup

_log = structlog.get_logger("hedgerow.endpoints")


def sent(request: Request, file: File, longest: float) -> Response:
    """The answer. A GET may be kept for `longest` seconds unasked; what is whole has a tag, and may be a 304."""
    headers = _told(file)
    if request.method == "GET":
        headers["Cache-Control"] = control(file.endpoint.version, file.until, longest)
    if file.whole is None:
        return _Stream(file, headers)
    if request.method == "GET":
        headers["ETag"] = _tag(file, file.whole)
        if holds(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
    return Response(file.whole, headers=headers, media_type=file.chosen.media_type)


def _told(file: File) -> dict[str, str]:
    """What JSON tells beside its rows."""
    endpoint, head = file.endpoint, file.head
    headers = {
        "Content-Disposition": f'attachment; filename="{endpoint.name}.{file.chosen.name}"',
        "Vary": "Authorization, Accept",
        "X-Execution-Id": file.execution_id,
        "X-Endpoint-Version": str(endpoint.version.number),
        "X-Is-Cached": str(file.kept).lower(),
        "X-Last-Refresh": iso(of_unix(head.made)),
    }
    if head.tables_at:
        headers["X-Materialized-At"] = iso(of_unix(head.tables_at))
    if head.cut and head.row_limit is not None:
        headers["X-Row-Limit"] = str(head.row_limit)
    return headers


def _tag(file: File, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()[:32]
    return f'W/"{file.endpoint.version.number}-{file.chosen.name}-{digest}"'


class _Stream(Response):
    """A file that is sent while it is made. It stays unfinished when that fails: nobody takes it for whole."""

    def __init__(self, file: File, headers: Mapping[str, str]) -> None:
        self._file = file
        self.status_code, self.background = 200, None
        self.init_headers({**headers, "Content-Type": file.chosen.media_type})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await until_hangup(Request(scope, receive), _send(self._file, send))
        except HedgerowError as error:
            _log.warning("a run ended in the middle", endpoint=self._file.endpoint.name, code=error.code)
        finally:
            self._file.close()


async def _send(file: File, send: Send) -> None:
    with file.noting:
        while (piece := await file.growing.take()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
