"""The OpenAPI description of everything, and the page that shows it without the internet."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from hedgerow.kit.errors import NotFound

_PAGE = Path(__file__).parent / "docs_page"
_TYPES = {
    "page.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'"
_DESCRIPTION = """The PostHog data API: warehouse tables, HogQL queries, variables, and versioned endpoints.

Every route below `/api/projects/{project_id}` also answers at `/api/environments/{project_id}`, with and without \
a slash at its end. `project_id` is a number, or `@current` for the key's own project. Send a personal key as \
`Authorization: Bearer phx_…`."""
_PROJECT_ID = {
    "name": "project_id",
    "in": "path",
    "required": True,
    "description": "The project's number, or `@current`.",
    "schema": {"type": "string", "pattern": "^([0-9]{1,18}|@current)$", "examples": ["@current"]},
}
_ERROR = {
    "type": "object",
    "description": "What went wrong. Some routes answer `{error: …}` or `{message: …}` in its place.",
    "properties": {
        "type": {
            "type": "string",
            "enum": ["validation_error", "authentication_error", "invalid_request", "throttled_error", "server_error"],
        },
        "code": {"type": "string", "examples": ["required"]},
        "detail": {"type": "string", "examples": ["This field is required."]},
        "attr": {"type": ["string", "null"], "description": "The field, its parts joined by `__`."},
        "error": {"type": "string"},
        "message": {"type": "string"},
    },
}
_ERROR_ANSWER = {
    "description": "An error",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def router(app: FastAPI) -> APIRouter:
    """`/api/schema` and `/api/docs`, open to all: they tell nothing that is not in this project's source."""
    routes = APIRouter(include_in_schema=False)
    rendered: list[bytes] = []

    @routes.get("/api/schema")
    def read_schema() -> Response:
        if not rendered:
            rendered.append(orjson.dumps(describe(app)))
        return Response(rendered[0], media_type="application/vnd.oai.openapi+json")

    @routes.get("/api/docs")
    async def read_docs() -> Response:
        return _file("page.html")

    @routes.get("/api/docs/{name}")
    async def read_part(request: Request) -> Response:
        return _file(request.path_params["name"])

    return routes


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes mounted so far."""
    document = get_openapi(
        title=app.title, version=app.version, description=_DESCRIPTION, routes=app.state.documented.routes
    )
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    # FastAPI's own errors, which never leave this server.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in schemas.values():
        _drop_impossible_defaults(model)
    schemas["Error"] = _ERROR
    components["securitySchemes"] = {
        "personalKey": {"type": "http", "scheme": "bearer", "bearerFormat": "phx_…", "description": "A personal key."}
    }
    document["security"] = [{"personalKey": []}]
    for (path, method), operation in app.state.operations.items():
        document.setdefault("paths", {}).setdefault(path, {})[method] = dict(operation)
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            _complete(path, operation)
            if scope := app.state.scopes.get((method, path)):
                operation["x-scope"] = scope
    return document


def _drop_impossible_defaults(model: dict[str, Any]) -> None:
    """An empty text that a caller may not send stands for "not given": no default to tell of."""
    for field in model.get("properties", {}).values():
        if field.get("default") == "" and field.get("minLength", 0) > 0:
            del field["default"]


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Add what the gate and the error tree do to every operation."""
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    responses.setdefault("default", _ERROR_ANSWER)
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    known = {parameter["name"] for parameter in parameters if parameter.get("in") == "path"}
    for name in re.findall(r"{([^}:]+)", path):
        if name not in known:
            other = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            parameters.insert(0, _PROJECT_ID if name == "project_id" else other)


@cache
def _content(name: str) -> bytes:
    return (_PAGE / name).read_bytes()


def _file(name: str) -> Response:
    if name not in _TYPES:
        raise NotFound("Endpoint not found.")
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"}
    return Response(_content(name), media_type=_TYPES[name], headers=headers)
