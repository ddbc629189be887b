"""The route in a hurry: a plain Starlette endpoint, with a stub that describes it in the schema."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.run.bodies import FormatName, RunBody
from hedgerow.endpoints.run.formats.choosing import JSON, wanted
from hedgerow.endpoints.run.formats.exporting import Exports
from hedgerow.endpoints.run.formats.sending import sent
from hedgerow.endpoints.run.prompt import remember
from hedgerow.endpoints.run.querying import RunQuery
from hedgerow.endpoints.run.replying import response
from hedgerow.endpoints.run.running import Runs
from hedgerow.web.access import ANYONE, Access, Gate
from hedgerow.web.bodies import whole
from hedgerow.web.hangup import until_hangup
from hedgerow.web.prompt import REMEMBER

_NOTHING: Mapping[str, str] = {}
_PATH = "/endpoints/{name}/run"
_FORMAT = Query(alias="format", description="Else `Accept` chooses.")


def add_run(routes: APIRouter, runs: Runs, exports: Exports, gate: Gate) -> None:
    """POST and GET of a run. A client that hangs up cancels its query."""
    enter = gate.project("endpoint:read", bucket=None, kinds=ANYONE)

    async def run(request: Request) -> Response:
        access = await enter(request)
        scope = request.scope
        raw = await whole(request) if scope["method"] == "POST" else None
        # Most have no query string, and reading none costs 3 µs.
        asked = request.query_params if scope["query_string"] else _NOTHING
        chosen = wanted(asked, scope["headers"])
        if chosen is not JSON:
            file = exports.run(access, scope["path_params"]["name"], raw, asked, chosen)
            return sent(request, await until_hangup(request, file), runs.serving.settings.http_max_age)
        reply = await until_hangup(request, runs.run(access, scope["path_params"]["name"], raw, asked))
        if REMEMBER in scope and raw is not None and reply.result.kept:
            remember(request, runs, gate, access, raw)
        return response(request, reply, runs.serving.settings.http_max_age)

    routes.add_route(_PATH, run, methods=["GET", "POST"])
    _describe(routes, enter)


def _describe(routes: APIRouter, enter: Any) -> None:
    """Never called: the plain route owns the path. They tell the schema what it takes."""

    @routes.get(_PATH)
    async def run_endpoint_plainly(
        access: Annotated[Access, Depends(enter)],
        name: str,
        options: Annotated[RunQuery, Query()],
    ) -> dict[str, Any]:
        """Run an endpoint. Whatever else is in the query string gives the variable of its name: `?code=AA`."""
        raise NotImplementedError

    @routes.post(_PATH)
    async def run_endpoint(
        access: Annotated[Access, Depends(enter)],
        name: str,
        body: RunBody | None = None,
        version: VersionReference | None = None,
        chosen: Annotated[FormatName | None, _FORMAT] = None,
    ) -> dict[str, Any]:
        """Run an endpoint: `results` holds a list per row, in the order of `columns`."""
        raise NotImplementedError
