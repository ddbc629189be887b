"""The routes of endpoints; running one is in `run_route`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from hedgerow.endpoints import shapes
from hedgerow.endpoints.bodies import (
    EndpointChange,
    NamesBody,
    NewEndpoint,
    PreviewBody,
    VersionReference,
    check_overrides,
)
from hedgerow.endpoints.changes import Changed
from hedgerow.endpoints.contract.routes import add_contract
from hedgerow.endpoints.journal.routes import add_logs
from hedgerow.endpoints.journal.usage import Reports, add_usage
from hedgerow.endpoints.materialized.previewing import preview
from hedgerow.endpoints.opening import Endpoints
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run.routes import add_run
from hedgerow.endpoints.shapes import Shapes
from hedgerow.endpoints.tokens import add_tokens
from hedgerow.endpoints.versions.routes import add_aliases, add_diffs
from hedgerow.kit.clock import iso
from hedgerow.kit.errors import MethodNotAllowed
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards
from hedgerow.web.changing import changing

_USER = Query(ge=0, lt=2**63, description="Only what this user made.")
_ACTIVE = Query(description="Only what is switched on, or off.")
_VERSION = Query(description="A version in place of the current one: its number, or an alias.")


def router(endpoints: Endpoints, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    add_run(routes, endpoints.runs, endpoints.exports, gate)
    add_tokens(routes, endpoints.tokens, gate)
    add_aliases(routes, endpoints.aliases, gate)
    add_diffs(routes, endpoints.diffs, gate)
    add_contract(routes, endpoints.reading, endpoints.runs.definitions, gate)
    add_logs(routes, endpoints.logs, gate)
    add_usage(routes, Reports(endpoints.logs.store, endpoints.logs.recorder), gate)
    for register in (_together, _listing, _single, _changing, _versions, _materialization):
        register(routes, endpoints, cards, gate)
    return routes


def _guards(gate: Gate) -> tuple[Any, Any]:
    return gate.project("endpoint:read"), gate.project("endpoint:write")


async def _shown(
    cards: UserCards, request: Request, found: Sequence[Endpoint], *, as_versions: bool = False
) -> list[dict[str, Any]]:
    writer = Shapes(cards, pages.site(request))
    return await asyncio.to_thread(writer.versions if as_versions else writer.endpoints, found)


def _filters(created_by: int | None, is_active: bool | None) -> dict[str, Any]:
    given = {"created_by": created_by, "is_active": is_active}
    return {name: value for name, value in given.items() if value is not None}


def _together(routes: APIRouter, endpoints: Endpoints, _: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.post("/endpoints/last_execution_times")
    async def get_last_execution_times(access: Annotated[Access, Depends(may_read)], body: NamesBody) -> dict[str, Any]:
        """When endpoints last ran: pairs of name and time; those that never did are left out."""
        names = body.checked()
        ran = await endpoints.reading.last_executions(access.project_id, names)
        results = [[name, iso(at)] for name, at in sorted(ran.items())] if names else None
        return {"query_status": shapes.query_status(access.project_id, results)}

    @routes.post("/endpoints/bulk_update_tags", include_in_schema=False)
    async def bulk_update_tags(_: Annotated[Access, Depends(may_write)]) -> None:
        raise MethodNotAllowed("POST")


def _listing(routes: APIRouter, endpoints: Endpoints, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get("/endpoints")
    async def list_endpoints(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        is_active: Annotated[bool | None, _ACTIVE] = None,
        created_by: Annotated[int | None, _USER] = None,
    ) -> dict[str, Any]:
        """Endpoints, newest first, those that are switched off included."""
        page = pages.by_offset(request)
        count, found = await endpoints.reading.page(access.project_id, _filters(created_by, is_active), page)
        return page.envelope(count, await _shown(cards, request, found))

    @routes.post("/endpoints", status_code=201)
    async def create_endpoint(
        request: Request, access: Annotated[Access, Depends(may_write)], body: NewEndpoint
    ) -> dict[str, Any]:
        """Publish a query under a name, as its version 1."""
        made = await endpoints.changes.create(access, body)
        return (await _shown(cards, request, [made]))[0]


def _single(routes: APIRouter, endpoints: Endpoints, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get("/endpoints/{name}")
    async def get_endpoint(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        name: str,
        version: Annotated[VersionReference | None, _VERSION] = None,
    ) -> dict[str, Any]:
        """One endpoint, or one version of it."""
        found = await endpoints.reading.find(access.project_id, name, version)
        if version is None:
            return await asyncio.to_thread(Shapes(cards, pages.site(request)).retrieved, found)
        return (await _shown(cards, request, [found], as_versions=True))[0]

    @routes.delete("/endpoints/{name}", status_code=204)
    async def delete_endpoint(access: Annotated[Access, Depends(may_write)], name: str) -> None:
        """Delete an endpoint with all its versions; its name is free again."""
        await endpoints.changes.delete(access, name)


def _changing(routes: APIRouter, endpoints: Endpoints, cards: UserCards, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @changing(routes, "/endpoints/{name}")
    async def change_endpoint(
        request: Request,
        access: Annotated[Access, Depends(may_write)],
        name: str,
        body: EndpointChange | None = None,
        version: Annotated[VersionReference | None, _VERSION] = None,
    ) -> dict[str, Any]:
        """Set what is said. A query that differs makes a new version; the others stay as they are."""
        body = body or EndpointChange.model_validate({})
        if body.deleted:
            await endpoints.changes.delete(access, name)
            return {"success": True}
        done: Changed = await endpoints.changes.change(access, name, body, version)
        shape = (await _shown(cards, request, [done.endpoint], as_versions=done.targeted))[0]
        return shape if done.fault is None else {**shape, "materialization_error": done.fault}


def _versions(routes: APIRouter, endpoints: Endpoints, cards: UserCards, gate: Gate) -> None:
    may_read, _ = _guards(gate)

    @routes.get("/endpoints/{name}/versions")
    async def list_versions(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        name: str,
        is_active: Annotated[bool | None, _ACTIVE] = None,
        created_by: Annotated[int | None, _USER] = None,
    ) -> dict[str, Any]:
        """Versions, newest first."""
        page = pages.by_offset(request)
        filters = _filters(created_by, is_active)
        count, found = await endpoints.reading.versions(access.project_id, name, filters, page)
        return page.envelope(count, await _shown(cards, request, found, as_versions=True))

    @routes.get("/endpoints/{name}/versions/{number}")
    async def get_version(
        request: Request, access: Annotated[Access, Depends(may_read)], name: str, number: int
    ) -> dict[str, Any]:
        """One version: the same as `?version=`."""
        found = await endpoints.reading.find(access.project_id, name, number)
        return (await _shown(cards, request, [found], as_versions=True))[0]


def _materialization(routes: APIRouter, endpoints: Endpoints, _: UserCards, gate: Gate) -> None:
    may_read, _may_write = _guards(gate)

    @routes.get("/endpoints/{name}/materialization_status")
    async def get_materialization_status(
        access: Annotated[Access, Depends(may_read)],
        name: str,
        version: Annotated[VersionReference | None, _VERSION] = None,
    ) -> dict[str, Any]:
        """How a version stands with being a table."""
        found = await endpoints.reading.find(access.project_id, name, version)
        return shapes.materialization(found, await endpoints.obstacle(found))

    @routes.post("/endpoints/{name}/materialization_preview")
    async def preview_materialization(
        access: Annotated[Access, Depends(may_read)], name: str, body: PreviewBody | None = None
    ) -> dict[str, Any]:
        """What materializing would do; nothing is changed."""
        body = body or PreviewBody()
        check_overrides(body.bucket_overrides)
        found = await endpoints.reading.find(access.project_id, name, body.version)
        return await preview(endpoints.planner, found, body.bucket_overrides or {})
