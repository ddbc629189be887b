"""The routes of saved queries."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from hedgerow.activity import Chosen, history
from hedgerow.checks.shapes import brief
from hedgerow.store import Store
from hedgerow.views import shapes
from hedgerow.views.bodies import Level, NewView, ViewChange
from hedgerow.views.notes import SCOPE
from hedgerow.views.opening import Views
from hedgerow.views.records import Draft, View
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards
from hedgerow.web.changing import changing

_PAGE = 1_000
Wish = Annotated[Level | None, Body()]
_FORCE = Query(description="Delete it although other views read it: they fail from then on.")


def router(store: Store, views: Views, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _reading(routes, views, cards, gate)
    _writing(routes, views, cards, gate)
    _lineage(routes, views, cards, gate)
    _eligibility(routes, views, gate)
    _activity(routes, store, views, cards, gate)
    return routes


async def _found(views: Views, access: Access, view_id: UUID) -> View:
    return await asyncio.to_thread(views.reading.get, access.project_id, view_id)


async def _shown(views: Views, view: View, cards: UserCards) -> dict[str, Any]:
    """A view with what its data checks found last."""

    def read() -> dict[str, Any]:
        checks = views.checks.latest(view.project_id, view.id)
        return {**shapes.whole(view, cards), "data_checks": [brief(check, last) for check, last in checks]}

    return await asyncio.to_thread(read)


def _reading(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get("/warehouse_saved_queries", response_model=dict[str, Any])
    def list_views(request: Request, access: Annotated[Access, Depends(may_read)], search: str = "") -> Response:
        """Views without their queries, newest first; `?page=` counts from 1, a page has 1,000."""
        page = pages.by_page(request, _PAGE)
        count, found = views.reading.page(access.project_id, search, page.limit, page.offset)
        # A thousand views with their columns: written at once, not looked through again.
        body = orjson.dumps(page.envelope(count, shapes.listed(found, cards)))
        return Response(body, media_type="application/json")

    @routes.get("/warehouse_saved_queries/{view_id}")
    async def get_view(access: Annotated[Access, Depends(may_read)], view_id: UUID) -> dict[str, Any]:
        """One view with its query, and what its data checks found last."""
        return await _shown(views, await _found(views, access, view_id), cards)


def _writing(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_write = gate.project("warehouse_view:write")

    @routes.post("/warehouse_saved_queries", status_code=201, response_model=dict[str, Any])
    async def create_view(access: Annotated[Access, Depends(may_write)], body: NewView) -> Response:
        """Save a query under a name; 200 when a view of that name is there, which is changed."""
        view, made = await views.changes.save(access.project_id, access.principal.user_id, body.draft())
        return JSONResponse(await _shown(views, view, cards), status_code=201 if made else 200)

    @changing(routes, "/warehouse_saved_queries/{view_id}", NewView, "As PATCH, with name and query required.")
    async def change_view(
        access: Annotated[Access, Depends(may_write)], view_id: UUID, body: ViewChange
    ) -> dict[str, Any]:
        """Set what is said. Another query needs `edited_history_id`, or `soft_update`."""
        view, by = await _found(views, access, view_id), access.principal.user_id
        if body.deleted:
            await views.changes.delete(view, by)
            return {**await _shown(views, view, cards), "deleted": True}
        return await _shown(views, await views.changes.change(view, by, body.draft()), cards)

    @routes.delete("/warehouse_saved_queries/{view_id}", status_code=204)
    async def delete_view(
        access: Annotated[Access, Depends(may_write)], view_id: UUID, force: Annotated[bool, _FORCE] = False
    ) -> None:
        """Delete a view; its name is free at once."""
        await views.changes.delete(await _found(views, access, view_id), access.principal.user_id, force=force)


def _lineage(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.post("/warehouse_saved_queries/{view_id}/ancestors")
    async def get_ancestors(
        access: Annotated[Access, Depends(may_read)], view_id: UUID, body: Wish = None
    ) -> dict[str, Any]:
        """What a view reads, directly or not: ids, and names of built-in tables. `level` bounds the steps."""
        view = await _found(views, access, view_id)
        found = await views.reading.ancestors(view, body.level if body else None)
        return {**await _shown(views, view, cards), "ancestors": found}

    @routes.post("/warehouse_saved_queries/{view_id}/descendants")
    async def get_descendants(
        access: Annotated[Access, Depends(may_read)], view_id: UUID, body: Wish = None
    ) -> dict[str, Any]:
        """The ids of the views that read it, directly or not, and the endpoints that do."""
        view, level = await _found(views, access, view_id), body.level if body else None
        found = await views.reading.descendants(view, level)
        endpoints = await asyncio.to_thread(views.reading.endpoints, view, level)
        return {**await _shown(views, view, cards), "descendants": found, "endpoints": endpoints}

    @routes.get("/warehouse_saved_queries/{view_id}/dependencies")
    async def get_dependencies(access: Annotated[Access, Depends(may_read)], view_id: UUID) -> dict[str, Any]:
        """How many tables and views it reads itself, how many views read it, and how many endpoints do."""
        view = await _found(views, access, view_id)
        up, down = await asyncio.to_thread(views.reading.dependencies, view)
        endpoints = len(await asyncio.to_thread(views.reading.endpoints, view))
        counts = {"upstream_count": up, "downstream_count": down, "endpoint_count": endpoints}
        return {**await _shown(views, view, cards), **counts}

    @routes.get("/warehouse_saved_queries/{view_id}/lineage")
    async def get_lineage(access: Annotated[Access, Depends(may_read)], view_id: UUID) -> dict[str, Any]:
        """Each output column with the tables' columns it is made of."""
        view = await _found(views, access, view_id)
        return {"id": str(view.id), "name": view.name, "columns": await views.reading.columns(view)}

    @routes.post("/warehouse_saved_queries/{view_id}/plan")
    async def plan_change(
        access: Annotated[Access, Depends(may_read)], view_id: UUID, body: ViewChange
    ) -> dict[str, Any]:
        """What another query or name would do: to the columns, to the views below, to the rows. Nothing is changed."""
        return await views.planning.plan(await _found(views, access, view_id), body.draft())


def _eligibility(routes: APIRouter, views: Views, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.post("/warehouse_saved_queries/{view_id}/check_incremental")
    async def check_incremental(
        access: Annotated[Access, Depends(may_read)], view_id: UUID, body: ViewChange | None = None
    ) -> dict[str, Any]:
        """Whether its table, or that of another `query`, can be made bit by bit: by which columns, and if not, why."""
        view = await _found(views, access, view_id)
        draft = body.draft() if body and "query" in body.model_fields_set else Draft(frozenset(), query=view.query)
        text = str(views.planning.preparation.read(draft.query)["query"])
        return (await views.eligibility.report(access.project_id, text)).told()


def _activity(routes: APIRouter, store: Store, views: Views, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("activity_log:read")

    @routes.get("/warehouse_saved_queries/{view_id}/activity")
    def get_activity(request: Request, access: Annotated[Access, Depends(may_read)], view_id: UUID) -> dict[str, Any]:
        """What was done to a view, newest first; `?page=` counts from 1, `?limit=` is 10 unless told."""
        view = views.reading.get(access.project_id, view_id)
        with store.read() as session:
            told = history(session, cards, request, access.project_id, Chosen([SCOPE], str(view.id)))
        return {**shapes.whole(view, cards), **told}
