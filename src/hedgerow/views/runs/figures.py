"""Numbers of the runs that made a project's views into tables, for whoever shows them beside those of other rooms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, literal, select
from sqlalchemy.orm import Session

from hedgerow.store.buckets import bucket_of
from hedgerow.views.rows import RunRow, ViewRow
from hedgerow.views.runs.ledger import RUNNING, WAITING

_TYPE = "Materialized view"


def activity(project_id: int, since: datetime | None, statuses: Sequence[str], limit: int) -> Select[Any]:
    """The newest runs begun since then, of those statuses or of any: id, type, name, status, rows, created_at,
    finished_at, latest_error, workflow_run_id, origin. One that waits for what it reads counts as running."""
    rules = [RunRow.project_id == project_id]
    if since is not None:
        rules.append(RunRow.created_at >= since)
    if statuses:
        # As they are kept, not as they are told: then an index serves.
        rules.append(RunRow.status.in_([*statuses, WAITING] if RUNNING in statuses else statuses))
    newest = select(RunRow).where(*rules).order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit).subquery()
    run = newest.c
    return select(
        run.id,
        literal(_TYPE).label("type"),
        ViewRow.name.label("name"),
        _status(run.status).label("status"),
        func.coalesce(run.rows, 0).label("rows"),
        run.created_at,
        run.ended_at.label("finished_at"),
        run.error.label("latest_error"),
        run.wave.label("workflow_run_id"),
        ViewRow.origin.label("origin"),
    ).outerjoin(ViewRow, ViewRow.id == run.view_id)


def counts(
    session: Session, project_id: int, since: datetime, beginnings: Sequence[datetime]
) -> list[tuple[int | None, str, int]]:
    """How many runs were begun since then: by when that was, and by status."""
    rules = (RunRow.project_id == project_id, RunRow.created_at >= since)
    columns = bucket_of(RunRow.created_at, beginnings).label("bucket"), _status(RunRow.status).label("status")
    each = select(*columns).where(*rules).subquery()
    chosen = select(each.c.bucket, each.c.status, func.count()).group_by(each.c.bucket, each.c.status)
    return [(bucket, status, count) for bucket, status, count in session.execute(chosen)]


def rows_made(session: Session, project_id: int) -> int:
    """How many rows the tables had that all runs that are kept have made."""
    chosen = select(func.sum(RunRow.rows)).where(RunRow.project_id == project_id)
    return int(session.scalar(chosen) or 0)


def _status(column: SQLColumnExpression[str]) -> ColumnElement[str]:
    return case((column == WAITING, RUNNING), else_=column)
