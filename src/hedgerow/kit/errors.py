"""The tree of errors that callers see; each bears its HTTP status and its wire shape.

    HedgerowError
    ├── InvalidInput            400  validation_error / invalid_input
    ├── MalformedBody           400  validation_error / parse_error
    ├── NotAuthenticated        401  authentication_error / not_authenticated
    ├── AuthenticationFailed    401  authentication_error / authentication_failed
    ├── PermissionDenied        403  authentication_error / permission_denied
    ├── NotFound                404  invalid_request / not_found
    ├── MethodNotAllowed        405  invalid_request / method_not_allowed
    ├── NotAcceptable           406  invalid_request / not_acceptable
    ├── TooLarge                413  invalid_request / request_too_large
    ├── Throttled               429  throttled_error / throttled
    ├── ServerFault             500  server_error / error
    ├── Unavailable             503  server_error / service_unavailable
    └── BareError               any  a hand-made body such as {"error": ...} or {"message": ...}

`web.errors` renders them; nothing else does. Anything that is not in this tree is a bug and becomes an opaque 500.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class HedgerowError(Exception):
    """An error a caller may see: rendered as `{type, code, detail, attr}` with `status`."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    type: str = "server_error"
    code: str = "error"
    default_detail: str = "A server error occurred."

    def __init__(
        self,
        detail: str | None = None,
        *,
        attr: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = self.default_detail if detail is None else detail
        self.attr = attr
        self.code = type(self).code if code is None else code
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {"type": self.type, "code": self.code, "detail": self.detail, "attr": self.attr}


class InvalidInput(HedgerowError):
    """A value of the caller's is wrong; `attr` names its field, parts joined by `__`."""

    status = HTTPStatus.BAD_REQUEST
    type = "validation_error"
    code = "invalid_input"
    default_detail = "Invalid input."


class MalformedBody(InvalidInput):
    """The request body could not be read at all."""

    code = "parse_error"
    default_detail = "Malformed request."


class NotAuthenticated(HedgerowError):
    """No credentials came with the request."""

    status = HTTPStatus.UNAUTHORIZED
    type = "authentication_error"
    code = "not_authenticated"
    default_detail = "Authentication credentials were not provided."


class AuthenticationFailed(NotAuthenticated):
    """Credentials came, and are not good."""

    code = "authentication_failed"
    default_detail = "Incorrect authentication credentials."


class PermissionDenied(HedgerowError):
    """The caller is known and may not do this."""

    status = HTTPStatus.FORBIDDEN
    type = "authentication_error"
    code = "permission_denied"
    default_detail = "You do not have permission to perform this action."


class NotFound(HedgerowError):
    """The thing is not there, or is not the caller's to see."""

    status = HTTPStatus.NOT_FOUND
    type = "invalid_request"
    code = "not_found"
    default_detail = "Not found."


class MethodNotAllowed(HedgerowError):
    """The path exists; this verb on it does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    type = "invalid_request"
    code = "method_not_allowed"

    def __init__(self, method: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f'Method "{method}" not allowed.', headers=headers)


class NotAcceptable(HedgerowError):
    """None of the media types that the caller accepts can be answered."""

    status = HTTPStatus.NOT_ACCEPTABLE
    type = "invalid_request"
    code = "not_acceptable"
    default_detail = "Could not satisfy the request Accept header."


class TooLarge(HedgerowError):
    """The request body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    type = "invalid_request"
    code = "request_too_large"
    default_detail = "The request body is too large."


class Throttled(HedgerowError):
    """Too many requests; `wait_seconds` goes into the text and the `Retry-After` header."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    type = "throttled_error"
    code = "throttled"

    def __init__(self, wait_seconds: int, detail: str | None = None) -> None:
        unit = "second" if wait_seconds == 1 else "seconds"
        text = detail or f"Request was throttled. Expected available in {wait_seconds} {unit}."
        super().__init__(text, headers={"Retry-After": str(wait_seconds)})


class ServerFault(HedgerowError):
    """Something of ours failed; the cause is in the log, not in the answer."""


class Unavailable(HedgerowError):
    """The server cannot answer now and may later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service_unavailable"
    default_detail = "The service is temporarily unavailable."


class BareError(HedgerowError):
    """An error of the API's second shape: a body made by hand, such as `{"error": text}`."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(next(iter(body.values()), "")))
        self.status = status
        self._body = dict(body)

    def body(self) -> dict[str, Any]:
        return self._body
