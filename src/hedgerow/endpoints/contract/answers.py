"""What a run answers, as schemas: rows in each format, and every error there is."""

from collections.abc import Mapping, Sequence

from hedgerow.endpoints.contract.dialects import Dialect, Schema
from hedgerow.endpoints.run.formats.choosing import ARROW, CSV, JSON, NDJSON, PARQUET

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_ERRORS: Mapping[str, str] = {
    "400": "The request or the query is at fault.",
    "401": "No credentials, or none that are good.",
    "403": "The key has not the scope, or the token does not allow it.",
    "404": "No such endpoint, or no such version.",
    "406": "No media type of the `Accept` header can be answered.",
    "413": "The body is too large.",
    "429": "Too many requests, or too many at once.",
    "500": "A fault of the server.",
    "503": "The server has no room now.",
}
_HEADERS: Mapping[str, tuple[Schema, str]] = {
    "X-Request-Id": (_TEXT, "The request's id, which the server's log has too."),
    "X-Execution-Id": (_TEXT, "Files: the run's id in the endpoint's logs."),
    "X-Endpoint-Version": ({"type": "integer"}, "Files: the version that answered."),
    "X-Is-Cached": ({"type": "boolean"}, "Files: whether it was kept from an earlier run."),
    "X-Last-Refresh": (_TIME, "Files: when it was made."),
    "X-Materialized-At": (_TIME, "Files: when the tables it was read from were made."),
    "X-Row-Limit": ({"type": "integer"}, "Files: with as many rows as this, there may be more."),
    "Content-Disposition": (_TEXT, "Files: their name."),
}
_OF_A_GET: Mapping[str, tuple[Schema, str]] = {
    "ETag": (_TEXT, "Of columns and rows: send it back as `If-None-Match`."),
    "Cache-Control": (_TEXT, "How long it may be kept unasked."),
}
_OF_A_RATE: Mapping[str, tuple[Schema, str]] = {
    "Retry-After": ({"type": "integer"}, "Seconds to wait."),
    "RateLimit-Limit": ({"type": "integer"}, "Requests a window."),
    "RateLimit-Remaining": ({"type": "integer"}, "Requests left in it."),
    "RateLimit-Reset": ({"type": "integer"}, "Seconds until it ends."),
}


def schemas(dialect: Dialect, columns: Sequence[Mapping[str, str]]) -> Schema:
    """The components of answers. Without columns, rows are lists of anything."""
    row = dialect.row(columns) if columns else {"type": "array", "items": {}}
    record = dialect.object(columns) if columns else {"type": "object"}
    return {
        "EndpointRunResponse": _response(dialect),
        "Row": row,
        "Record": {**record, "description": "A row of an NDJSON answer."},
        "Error": _error(dialect),
        "PlainError": _plain_error(),
    }


def responses(*, get: bool) -> Schema:
    """Every answer, by status."""
    headers = {**_HEADERS, **_OF_A_GET} if get else _HEADERS
    content = {
        _media(JSON.media_type): {"schema": _named("EndpointRunResponse")},
        _media(CSV.media_type): {"schema": _TEXT},
        _media(NDJSON.media_type): {"schema": _TEXT, "x-line-schema": _named("Record")},
        _media(ARROW.media_type): {"schema": {"type": "string", "format": "binary"}},
        _media(PARQUET.media_type): {"schema": {"type": "string", "format": "binary"}},
    }
    found: Schema = {"200": {"description": "The rows.", "headers": _told(headers), "content": content}}
    if get:
        found["304"] = {"description": "What the caller has is still right.", "headers": _told(_OF_A_GET)}
    return found | {status: _failure(status, text) for status, text in _ERRORS.items()}


def _failure(status: str, text: str) -> Schema:
    plain = status in ("400", "404")
    schema = {"anyOf": [_named("Error"), _named("PlainError")]} if plain else _named("Error")
    failure: Schema = {"description": text, "content": {"application/json": {"schema": schema}}}
    return {**failure, "headers": _told(_OF_A_RATE)} if status == "429" else failure


def _response(dialect: Dialect) -> Schema:
    maybe_text, maybe_time = dialect.nullable(dict(_TEXT)), dialect.nullable(dict(_TIME))
    types = {"type": "array", "items": {"type": "array", "items": dict(_TEXT)}}
    properties: Schema = {
        "results": {"type": "array", "items": _named("Row")},
        "columns": {"type": "array", "items": dict(_TEXT)},
        "types": {**types, "description": "Pairs of column and the engine's type."},
        "hasMore": {"type": "boolean", "description": "Whether there are rows after these."},
        "limit": {"type": "integer"},
        "offset": {"type": "integer"},
        "name": dict(_TEXT),
        "execution_id": {"type": "string", "format": "uuid"},
        "endpoint_version": {"type": "integer"},
        "endpoint_version_created_at": dict(_TIME),
        "endpoint_materialized": {"type": "boolean"},
        "endpoint_materialized_at": dict(_TIME),
        "is_cached": {"type": "boolean"},
        "last_refresh": maybe_time,
        "cache_target_age": maybe_time,
        "next_allowed_client_refresh": maybe_time,
        "timezone": dict(_TEXT),
        "error": maybe_text,
        "query_status": dialect.nullable({"type": "object"}),
    }
    required = ["results", "columns", "types", "hasMore", "name", "execution_id", "endpoint_version", "is_cached"]
    return {"type": "object", "properties": properties, "required": required}


def _error(dialect: Dialect) -> Schema:
    kinds = ["validation_error", "authentication_error", "invalid_request", "throttled_error", "server_error"]
    properties = {
        "type": {"type": "string", "enum": kinds},
        "code": {**_TEXT, "description": "What went wrong, for programs."},
        "detail": {**_TEXT, "description": "What went wrong, for people."},
        "attr": dialect.nullable({"type": "string", "description": "The field at fault."}),
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _plain_error() -> Schema:
    properties: Schema = {"error": dict(_TEXT), "current_version": {"type": "integer"}}
    text = "Said of pages, and of versions that there are not."
    return {"type": "object", "description": text, "properties": properties, "required": ["error"]}


def _told(headers: Mapping[str, tuple[Schema, str]]) -> Schema:
    return {name: {"description": text, "schema": dict(schema)} for name, (schema, text) in headers.items()}


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _media(media_type: str) -> str:
    return media_type.partition(";")[0]
