"""Syncs and runs of views in one list, newest first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, union_all
from sqlalchemy.orm import Session

from hedgerow.jobs import Jobs
from hedgerow.kit.clock import iso, now
from hedgerow.overview.parameters import Part
from hedgerow.sources.sync import figures as syncs
from hedgerow.views.runs import figures as runs

RUNNING, COMPLETED = "Running", "Completed"


def page(session: Session, jobs: Jobs, project_id: int, statuses: Sequence[str], part: Part) -> dict[str, Any]:
    """`{"results", "next", "previous"}`, of runs that have one of the statuses, or of all."""
    since = None if part.cutoff_days is None else now() - timedelta(days=part.cutoff_days)
    # Neither room need tell more than the part could be made of, if all of it were its own.
    most = part.offset + part.limit + 1
    both = union_all(*(room.activity(project_id, since, statuses, most) for room in (syncs, runs))).subquery()
    order = (both.c.created_at.desc(), both.c.id.desc())
    found = session.execute(select(both).order_by(*order).limit(part.limit + 1).offset(part.offset)).all()
    shown = found[: part.limit]
    rows = syncs.so_far(session, jobs, [row.id for row in shown if row.status == RUNNING and row.origin is None])
    return {
        "results": [_told(row, rows) for row in shown],
        "next": part.link(1) if len(found) > part.limit else None,
        "previous": part.link(-1) if part.offset else None,
    }


def _told(row: Row[Any], so_far: dict[UUID, int]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "type": row.type,
        "name": row.name,
        "status": row.status,
        "rows": so_far.get(row.id, row.rows),
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at) if row.finished_at else None,
        "latest_error": row.latest_error,
        "workflow_run_id": str(row.workflow_run_id),
        "origin": row.origin,
    }
