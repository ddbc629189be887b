"""Numbers of the runs that synced a project's tables, for whoever shows them beside those of other rooms."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, and_, cast, func, null, or_, select
from sqlalchemy.orm import Session

from hedgerow.jobs import Jobs
from hedgerow.sources.records import RUNNING
from hedgerow.sources.rows import RunRow, SchemaRow, SourceRow
from hedgerow.store.buckets import bucket_of


def activity(project_id: int, since: datetime | None, statuses: Sequence[str], limit: int) -> Select[Any]:
    """The newest runs begun since then, of those statuses or of any: id, type, name, status, rows, created_at,
    finished_at, latest_error, workflow_run_id, origin. Runs of sources that are gone are among them."""
    rules = [RunRow.project_id == project_id]
    if since is not None:
        rules.append(RunRow.created_at >= since)
    if statuses:
        rules.append(RunRow.status.in_(statuses))
    newest = select(RunRow).where(*rules).order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit).subquery()
    run = newest.c
    chosen = select(
        run.id,
        SourceRow.source_type.label("type"),
        SchemaRow.name.label("name"),
        run.status,
        run.rows_synced.label("rows"),
        run.created_at,
        run.finished_at,
        run.error.label("latest_error"),
        run.id.label("workflow_run_id"),
        cast(null(), String(32)).label("origin"),
    )
    named = chosen.outerjoin(SchemaRow, SchemaRow.id == run.schema_id)
    return named.outerjoin(SourceRow, SourceRow.id == run.source_id)


def so_far(session: Session, jobs: Jobs, run_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many rows runs that are under way have read by now; those of which that is not known are left out."""
    found = {}
    for run_id in run_ids:
        job = jobs.get(session, run_id)
        if job is not None and job.progress and "rows" in job.progress:
            found[run_id] = int(job.progress["rows"])
    return found


def counts(
    session: Session, project_id: int, since: datetime, beginnings: Sequence[datetime]
) -> list[tuple[int | None, str, int]]:
    """How many runs have ended since then, or were begun since then and run: by when they were begun, and by status."""
    under_way = and_(RunRow.status == RUNNING, RunRow.created_at >= since)
    rules = (RunRow.project_id == project_id, or_(RunRow.finished_at >= since, under_way))
    each = select(bucket_of(RunRow.created_at, beginnings).label("bucket"), RunRow.status).where(*rules).subquery()
    chosen = select(each.c.bucket, each.c.status, func.count()).group_by(each.c.bucket, each.c.status)
    return [(bucket, status, count) for bucket, status, count in session.execute(chosen)]


def rows_synced(session: Session, project_id: int) -> tuple[int, dict[UUID, int]]:
    """How many rows all runs that are kept have synced, and those of each source that is there."""
    summed = select(RunRow.source_id, func.sum(RunRow.rows_synced)).where(RunRow.project_id == project_id)
    sums = {source_id: int(rows or 0) for source_id, rows in session.execute(summed.group_by(RunRow.source_id))}
    live = select(SourceRow.id).where(SourceRow.project_id == project_id, SourceRow.deleted.is_(False))
    return sum(sums.values()), {source_id: sums.get(source_id, 0) for source_id in session.scalars(live)}
