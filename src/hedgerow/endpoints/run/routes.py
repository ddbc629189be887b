"""The route in a hurry: a plain Starlette endpoint, with a stub that describes it in the schema."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hedgerow.endpoints.run.bodies import RunBody
from hedgerow.endpoints.run.replying import response
from hedgerow.endpoints.run.running import Runs
from hedgerow.web.access import ANYONE, Access, Gate
from hedgerow.web.hangup import until_hangup

_PATH = "/endpoints/{name}/run"


def add_run(routes: APIRouter, runs: Runs, gate: Gate) -> None:
    """POST and GET of a run. A client that hangs up cancels its query."""
    enter = gate.project("endpoint:read", bucket=None, kinds=ANYONE)

    async def run(request: Request) -> Response:
        access = await enter(request)
        raw = await request.body() if request.method == "POST" else b""
        work = runs.run(access, request.path_params["name"], raw, request.query_params)
        return response(request, await until_hangup(request, work), runs.serving.settings.http_max_age)

    routes.add_route(_PATH, run, methods=["GET", "POST"])
    _describe(routes, enter)


def _describe(routes: APIRouter, enter: Any) -> None:
    """Never called: the plain route owns the path. They tell the schema what it takes."""

    @routes.get(_PATH)
    async def run_endpoint_plainly(
        access: Annotated[Access, Depends(enter)],
        name: str,
        version: int | None = None,
        limit: Annotated[int | None, Query(ge=1)] = None,
        offset: Annotated[int | None, Query(ge=0)] = None,
    ) -> dict[str, Any]:
        """Run an endpoint with its own values of variables."""
        raise NotImplementedError

    @routes.post(_PATH)
    async def run_endpoint(
        access: Annotated[Access, Depends(enter)],
        name: str,
        body: RunBody | None = None,
        version: int | None = None,
    ) -> dict[str, Any]:
        """Run an endpoint: `results` holds a list per row, in the order of `columns`."""
        raise NotImplementedError
