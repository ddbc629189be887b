"""The routes of the overview."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from hedgerow.kit.clock import now
from hedgerow.overview import activity, statistics, values
from hedgerow.overview.opening import Overview
from hedgerow.overview.parameters import Part, part, recent_part, span
from hedgerow.web.access import Access, Gate
from hedgerow.web.hangup import until_hangup

_BASE = "/data_warehouse"
Limit = Annotated[str | None, Query(description="How many, 20 unless told, 50 at most.")]
Offset = Annotated[str | None, Query(description="How many to skip.")]
Cutoff = Annotated[str | None, Query(description="Only what was begun in the last so many days; 30 unless told.")]
Days = Annotated[str | None, Query(description="1, 7 or 30; 7 unless told.")]


def router(overview: Overview, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _lists(routes, overview, gate)
    _numbers(routes, overview, gate)
    _values(routes, overview, gate)
    return routes


def _lists(routes: APIRouter, overview: Overview, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    def shown(project_id: int, statuses: Sequence[str], wanted: Part) -> dict[str, Any]:
        with overview.store.read() as session:
            return activity.page(session, overview.jobs, project_id, statuses, wanted)

    @routes.get(f"{_BASE}/running_activity")
    def running_activity(
        access: Annotated[Access, Depends(may_read)],
        limit: Limit = None,
        offset: Offset = None,
        cutoff_days: Cutoff = None,
    ) -> dict[str, Any]:
        """Syncs and runs of views that are under way, newest first."""
        return shown(access.project_id, [activity.RUNNING], recent_part(limit, offset, cutoff_days))

    @routes.get(f"{_BASE}/completed_activity")
    def completed_activity(
        access: Annotated[Access, Depends(may_read)],
        limit: Limit = None,
        offset: Offset = None,
        cutoff_days: Cutoff = None,
    ) -> dict[str, Any]:
        """Syncs and runs of views that went well, newest first."""
        return shown(access.project_id, [activity.COMPLETED], recent_part(limit, offset, cutoff_days))

    @routes.get(f"{_BASE}/recent_activity")
    def recent_activity(
        access: Annotated[Access, Depends(may_read)], limit: Limit = None, offset: Offset = None
    ) -> dict[str, Any]:
        """Syncs and runs of views, however they stand or ended, newest first."""
        return shown(access.project_id, [], part(limit, offset))


def _numbers(routes: APIRouter, overview: Overview, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get(f"{_BASE}/job_stats")
    def job_stats(access: Annotated[Access, Depends(may_read)], days: Days = None) -> dict[str, Any]:
        """How many syncs and runs of views ended well or not, by hour or by day of the project's time zone."""
        wanted, zone = span(days), overview.accounts.timezone_of(access.project_id)
        with overview.store.read() as session:
            return statistics.jobs(session, access.project_id, wanted, now(), zone)

    @routes.get(f"{_BASE}/total_rows_stats")
    def total_rows_stats(access: Annotated[Access, Depends(may_read)]) -> dict[str, Any]:
        """How many rows were synced, by source too, and made of views."""
        with overview.store.read() as session:
            return statistics.rows(session, access.project_id)


def _values(routes: APIRouter, overview: Overview, gate: Gate) -> None:
    may_query = gate.project("query:read", bucket="query")

    @routes.get(f"{_BASE}/property_values")
    async def property_values(
        request: Request,
        response: Response,
        access: Annotated[Access, Depends(may_query)],
        key: str = "",
        table_name: str = "",
        value: str = "",
    ) -> dict[str, Any]:
        """Up to ten values of the column `key` of a table or view, those with `value` in them if that is given."""
        asked = await values.question(overview, access.project_id, table_name, key, value)
        answer = await until_hangup(request, overview.queries.run(asked))
        response.headers["Cache-Control"] = "max-age=10"
        return values.told(answer)
