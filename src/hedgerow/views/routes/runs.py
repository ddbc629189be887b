"""The routes by which views are made into tables, and those of the runs."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from hedgerow.kit.errors import BareError
from hedgerow.store import Store
from hedgerow.views import shapes
from hedgerow.views.bodies import Pace
from hedgerow.views.opening import Views
from hedgerow.views.records import View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.increments import AS_PLANNED, Wish
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards

_HISTORY = Query(ge=1, le=100)
_PAGE = 100
_MOST_AT_ONCE = 10_000


class Pacing(BaseModel):
    """How often; once a day unless told."""

    model_config = ConfigDict(extra="ignore")
    sync_frequency: Pace | None = None


class Running(BaseModel):
    """All rows, or of an incremental model the rows whose keys are in a range."""

    model_config = ConfigDict(extra="ignore")
    full_refresh: bool = False
    start: str | StrictInt | None = Field(None, alias="from", description="The first key that is made anew.")
    end: str | StrictInt | None = Field(None, alias="to", description="The first key after them.")


class Resuming(BaseModel):
    """Which views."""

    model_config = ConfigDict(extra="ignore")
    view_ids: list[str] | None = None


class RunningTogether(BaseModel):
    """Which views."""

    model_config = ConfigDict(extra="ignore")
    view_ids: list[UUID] = Field(min_length=1, max_length=_MOST_AT_ONCE)


def router(store: Store, views: Views, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _together(routes, views, gate)
    _acting(routes, views, cards, gate)
    _history(routes, views, cards, gate)
    _ledger(routes, store, gate)
    return routes


def _together(routes: APIRouter, views: Views, gate: Gate) -> None:
    may_write = gate.project("warehouse_view:write")

    @routes.post("/warehouse_saved_queries/resume_schedules", status_code=202)
    async def resume_schedules(access: Annotated[Access, Depends(may_write)], body: Resuming) -> None:
        """Make sure that views are scheduled; ids that are none are passed over."""
        if not body.view_ids:
            raise BareError(400, {"error": "view_ids is required"})
        ids = [found for text in body.view_ids if (found := _uuid(text)) is not None]
        await asyncio.to_thread(views.materializing.resume, access.project_id, ids)

    @routes.post("/warehouse_saved_queries/run")
    async def run_views(access: Annotated[Access, Depends(may_write)], body: RunningTogether) -> dict[str, Any]:
        """Make several views into tables in one wave, those that others of them read first; those that run go on."""
        by = access.principal.user_id
        runs = await asyncio.to_thread(views.materializing.run_together, access.project_id, body.view_ids, by)
        return {"results": [shapes.run(run) for run in runs]}


def _acting(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_write = gate.project("warehouse_view:write")

    async def done(access: Access, view_id: UUID, act: Callable[[View, int], View]) -> dict[str, Any]:
        view = await asyncio.to_thread(views.reading.get, access.project_id, view_id)
        changed = await asyncio.to_thread(act, view, access.principal.user_id)
        return await asyncio.to_thread(shapes.whole, changed, cards)

    @routes.post("/warehouse_saved_queries/{view_id}/materialize")
    async def materialize_view(
        access: Annotated[Access, Depends(may_write)], view_id: UUID, body: Pacing | None = None
    ) -> dict[str, Any]:
        """Make a view into a table, now and then again; queries read the table from then on."""
        frequency = body.sync_frequency if body else None
        return await done(access, view_id, lambda view, by: views.materializing.materialize(view, by, frequency))

    @routes.post("/warehouse_saved_queries/{view_id}/revert_materialization")
    async def revert_materialization(access: Annotated[Access, Depends(may_write)], view_id: UUID) -> dict[str, Any]:
        """Be a plain view again."""
        return await done(access, view_id, views.materializing.revert)

    @routes.post("/warehouse_saved_queries/{view_id}/run")
    async def run_view(
        access: Annotated[Access, Depends(may_write)], view_id: UUID, body: Running | None = None
    ) -> dict[str, Any]:
        """Make the table anew; the old one serves until the new one is whole."""
        wish = Wish(body.full_refresh, body.start, body.end) if body else AS_PLANNED
        return await done(access, view_id, lambda view, by: views.materializing.run(view, by, wish))

    @routes.post("/warehouse_saved_queries/{view_id}/cancel")
    async def cancel_run(access: Annotated[Access, Depends(may_write)], view_id: UUID) -> dict[str, Any]:
        """End the run that is under way."""
        return await done(access, view_id, views.materializing.cancel)


def _history(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get("/warehouse_saved_queries/{view_id}/run_history")
    def get_run_history(
        access: Annotated[Access, Depends(may_read)], view_id: UUID, limit: Annotated[int, _HISTORY] = 5
    ) -> dict[str, Any]:
        """Runs, newest first."""
        view = views.reading.get(access.project_id, view_id)
        runs = views.materializing.history(view, limit)
        return {**shapes.whole(view, cards), "run_history": [shapes.past_run(run, progress) for run, progress in runs]}


def _ledger(routes: APIRouter, store: Store, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get("/data_modeling_jobs")
    def list_runs(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        saved_query_id: UUID | None = None,
        cursor: UUID | None = None,
    ) -> dict[str, Any]:
        """Runs of all views, newest first; `next` leads on."""
        with store.read() as session:
            found = ledger.page(session, access.project_id, _PAGE + 1, cursor, saved_query_id)
        further = pages.changed(request, {"cursor": str(found[_PAGE - 1].id)}) if len(found) > _PAGE else None
        return {"next": further, "previous": None, "results": [shapes.run(run) for run in found[:_PAGE]]}

    @routes.get("/data_modeling_jobs/running")
    def list_running(access: Annotated[Access, Depends(may_read)]) -> list[dict[str, Any]]:
        """Runs that are under way."""
        with store.read() as session:
            return [
                shapes.run(run) for run in ledger.page(session, access.project_id, 1_000, None, None, (ledger.RUNNING,))
            ]

    @routes.get("/data_modeling_jobs/recent")
    def list_recent(access: Annotated[Access, Depends(may_read)]) -> list[dict[str, Any]]:
        """The last run of each view."""
        with store.read() as session:
            return [shapes.run(run) for run in ledger.newest(session, access.project_id)]

    @routes.get("/data_modeling_jobs/{run_id}")
    def get_run(access: Annotated[Access, Depends(may_read)], run_id: UUID) -> dict[str, Any]:
        """One run."""
        with store.read() as session:
            return shapes.run(ledger.get(session, access.project_id, run_id))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
