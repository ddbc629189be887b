"""Makes the bare FastAPI application that every room's routes go into: middleware, errors, docs, both mounts."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hedgerow import __version__
from hedgerow.kit.settings import Settings
from hedgerow.web import errors
from hedgerow.web.bodies import Bodies
from hedgerow.web.edge.browsers import Browsers
from hedgerow.web.edge.proxies import Proxies, networks
from hedgerow.web.express import Express, Lanes
from hedgerow.web.frame import Frame
from hedgerow.web.prompt import Prompts
from hedgerow.web.routing import Index, told
from hedgerow.web.telemetry.metrics import Metrics

PROJECTS = "/api/projects/{project_id}"
ENVIRONMENTS = "/api/environments/{project_id}"
_UPLOAD_OVERHEAD = 1 << 20
"""What a form adds around an uploaded file, at most, bytes."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class _Application(FastAPI):
    """FastAPI behind middleware which may answer without it: its own stack costs more than a cached run."""

    _front: ASGIApp | None = None

    def stand_before(self, *middleware: Middleware) -> None:
        """Put middleware in front of all that FastAPI does, the outermost first."""
        front: ASGIApp = super().__call__
        for each in reversed(middleware):
            front = each.cls(front, *each.args, **each.kwargs)
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._front is not None
        scope["app"] = self
        await self._front(scope, receive, send)


def create(settings: Settings, metrics: Metrics, lifespan: Lifespan) -> FastAPI:
    """An application without rooms yet. `lifespan` opens them and mounts their routes."""
    upload_max = settings.upload_max_bytes + _UPLOAD_OVERHEAD
    app = _Application(
        title="Hedgerow",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        generate_unique_id_function=_operation_id,
    )
    lanes = Lanes()
    app.stand_before(
        *([Middleware(Proxies, trusted=trusted)] if (trusted := networks(settings.trusted_proxies)) else ()),
        Middleware(Frame, metrics=metrics),
        *([Middleware(Browsers, origins=origins)] if (origins := settings.allowed_origins) else ()),
        Middleware(
            Bodies,
            json_max_bytes=settings.body_max_bytes,
            upload_max_bytes=upload_max,
            public_max_bytes=settings.webhook_max_bytes,
        ),
        Middleware(Express, lanes=lanes),
    )
    app.state.site_url = settings.site_url
    # What the middleware for browsers says to requests that are no browser's.
    app.state.prompts = Prompts(metrics, [(b"vary", b"Origin")] if settings.allowed_origins else ())
    app.state.metrics, app.state.scopes, app.state.operations = metrics, {}, {}
    app.state.documented = APIRouter(generate_unique_id_function=_operation_id)
    app.state.indexes = [Index(PROJECTS, lanes), Index(ENVIRONMENTS, lanes)]
    app.router.routes.extend(app.state.indexes)
    errors.install(app)

    @app.get("/", include_in_schema=False)
    async def front_door() -> Response:
        return RedirectResponse("/api/docs/")

    return app


def mount(app: FastAPI, router: APIRouter, tag: str) -> None:
    """Put a room's routes at both mounts; the schema describes them once."""
    for index in app.state.indexes:
        index.add(router)
    app.state.documented.include_router(router, prefix=PROJECTS, tags=[tag])
    _note_scopes(app, router, PROJECTS)
    for route in router.routes:
        operation = told(route)
        if operation is not None:
            for method in sorted(set(route.methods or ()) - {"HEAD"}):  # type: ignore[attr-defined]
                name = f"{tag}_{route.name}_{method.lower()}"  # type: ignore[attr-defined]
                whole = {"tags": [tag], "operationId": name, **operation}
                app.state.operations[PROJECTS + route.path, method.lower()] = whole  # type: ignore[attr-defined]


def include(app: FastAPI, router: APIRouter, tag: str = "", prefix: str = "") -> None:
    """Put routes at one place, and note for the schema what scope each wants."""
    app.include_router(router, prefix=prefix, tags=[tag] if tag else None)
    app.state.documented.include_router(router, prefix=prefix, tags=[tag] if tag else None)
    _note_scopes(app, router, prefix)


def _note_scopes(app: FastAPI, router: APIRouter, prefix: str) -> None:
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            _note_scopes(app, inner, prefix + route.include_context.prefix)  # type: ignore[attr-defined]
        elif isinstance(route, APIRoute):
            scopes = [getattr(each.call, "scope", None) for each in route.dependant.dependencies]
            for method in route.methods or ():
                app.state.scopes[method.lower(), prefix + route.path] = next(filter(None, scopes), None)


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name
