"""Turns every error into the API's wire shape; the only place where errors become answers."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hedgerow.kit.errors import (
    BareError,
    HedgerowError,
    InvalidInput,
    MalformedBody,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    ServerFault,
    TooLarge,
    Unavailable,
)
from hedgerow.web.fields import as_error, missing_body

HUNG_UP = 499
"""The status of a request whose client did not wait for the answer; nobody but the log and the metrics sees it."""
_log = structlog.get_logger("hedgerow.http")
_BY_STATUS: Mapping[int, type[HedgerowError]] = {
    400: InvalidInput,
    401: NotAuthenticated,
    403: PermissionDenied,
    413: TooLarge,
    500: ServerFault,
    503: Unavailable,
}


def render(error: HedgerowError) -> Response:
    """The answer that tells a caller of `error`."""
    headers = dict(error.headers)
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    content = orjson.dumps(error.body(), default=str)
    return Response(content, int(error.status), headers, media_type="application/json")


def foreseen(error: HedgerowError) -> Response:
    """The same; one that is the server's fault is logged."""
    if error.status >= 500:
        # The caller is told little: whoever keeps the server needs the cause.
        _log.error("fault", code=error.code, detail=error.detail, cause=repr(error.__cause__ or error.__context__))
    return render(error)


def of_framework(error: HTTPException, method: str) -> Response:
    """The answer to an error that Starlette or FastAPI raised by itself."""
    return render(_of_http(error, method))


def install(app: FastAPI) -> None:
    """Make `app` answer all errors in the API's shape; the unforeseen are logged by `web.frame`."""
    app.add_exception_handler(HedgerowError, _foreseen)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def _foreseen(_: Request, error: Exception) -> Response:
    assert isinstance(error, HedgerowError)
    return foreseen(error)


async def _hung_up(_: Request, __: Exception) -> Response:
    return Response(status_code=HUNG_UP)


async def _unforeseen(_: Request, __: Exception) -> Response:
    """FastAPI raises it again, to the frame."""
    return render(ServerFault())


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: Mapping[str, Any] = error.errors()[0]
    if first["type"] == "missing" and tuple(first["loc"]) == ("body",):
        return render(missing_body(request.scope.get("route")))
    return render(as_error(first, error.body))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return of_framework(error, request.method)


def _of_http(error: HTTPException, method: str) -> HedgerowError:
    if error.status_code == 404:
        return NotFound("Endpoint not found." if error.detail == "Not Found" else error.detail)
    if error.status_code == 405:
        return MethodNotAllowed(method, error.headers)
    if error.status_code == 400 and error.detail == "There was an error parsing the body":
        return MalformedBody("JSON parse error - the body is not readable JSON.")
    kind = _BY_STATUS.get(error.status_code)
    if kind is not None:
        return kind(None if error.status_code >= 500 else error.detail, headers=error.headers)
    wire = {"type": "invalid_request", "code": "error", "detail": error.detail, "attr": None}
    return BareError(error.status_code, wire)
