"""Finds a project's routes by the first word of their path, so that finding one costs the same however many there are.

FastAPI asks one route after the other: with two hundred of them that is a quarter of a millisecond a request.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hedgerow.web.express import Lanes

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_WORD_AT = 4
"""`/api/projects/1/things/…`: the place of `things` between the slashes."""


class Index(BaseRoute):
    """One route for all resources of projects at one mount, such as `/api/projects/{project_id}`.

    Plain Starlette routes (`router.add_route`) own their path, and are the ones in a hurry: they also get a lane, so
    that only what no lane takes, such as a method they have not, comes here.
    """

    def __init__(self, mount: str, lanes: Lanes) -> None:
        self._mount, self._lanes = mount, lanes
        self._start = mount.partition("{")[0]
        self._plain: dict[str, list[Route]] = {}
        self._routers: dict[str, APIRouter] = {}

    def add(self, router: APIRouter) -> None:
        """Serve the router's routes, whose paths begin with a fixed word each: `/things`, `/things/{id}`."""
        by_word: dict[str, APIRouter] = {}
        for route in router.routes:
            for word in _first_words(route):
                if isinstance(route, Route) and not isinstance(route, APIRoute):
                    whole = Route(self._mount + route.path, route.endpoint, methods=list(route.methods or ()))
                    self._plain.setdefault(word, []).append(whole)
                    self._lanes.add(whole.path, whole.methods or (), whole.endpoint)
                else:
                    by_word.setdefault(word, APIRouter()).routes.append(route)
        for word, part in by_word.items():
            known = self._routers.setdefault(word, APIRouter(redirect_slashes=False, strict_content_type=False))
            known.include_router(part, prefix=self._mount)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope["path"]
        if scope["type"] != "http" or not path.startswith(self._start):
            return Match.NONE, {}
        parts = path.split("/", _WORD_AT + 1)
        word = parts[_WORD_AT] if len(parts) > _WORD_AT else ""
        for route in self._plain.get(word, ()):
            match, child = route.matches(scope)
            if match is not Match.NONE:
                # Also with a method it has not: then it says so itself.
                return Match.FULL, {**child, "hedgerow.target": route.handle}
        router = self._routers.get(word)
        return (Match.FULL, {"hedgerow.target": router}) if router is not None else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        target: ASGIApp = scope["hedgerow.target"]
        await target(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NotImplementedError("addresses are written by `web.pages`")


def tell(**operation: Any) -> Callable[[Endpoint], Endpoint]:
    """Tell of a plain Starlette endpoint to the schema: OpenAPI's words (`summary`, `requestBody`, …) and `x_scope`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        words = {"x-scope" if name == "x_scope" else name: value for name, value in operation.items()}
        endpoint.operation = words  # type: ignore[attr-defined]
        return endpoint

    return mark


def told(route: BaseRoute) -> dict[str, Any] | None:
    """What `tell` said of a plain route."""
    found: dict[str, Any] | None = getattr(getattr(route, "endpoint", None), "operation", None)
    return found


def _first_words(route: BaseRoute) -> set[str]:
    inner = getattr(route, "original_router", None)
    if inner is None:
        return {_word(route.path)}  # type: ignore[attr-defined]
    prefix: str = route.include_context.prefix  # type: ignore[attr-defined]
    return {_word(prefix)} if prefix else {word for each in inner.routes for word in _first_words(each)}


def _word(path: str) -> str:
    word = path.split("/")[1]
    if not word or "{" in word:
        raise ValueError(f"a project's route must begin with a fixed word: {path}")
    return word
