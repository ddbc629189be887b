"""The runs that synced schemas: begun, ended, listed; within the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hedgerow.kit.clock import now
from hedgerow.sources.records import COMPLETED, FAILED, RUNNING, Run, Schema, Source
from hedgerow.sources.rows import RunRow, SchemaRow

_RUN = tuple(field.name for field in fields(Run))
_LOST = "The sync was broken off; the next one did its work."
CANCELLED = "The sync was cancelled."
_KEPT = 500


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs of a source are wanted; empty is all."""

    schemas: Sequence[str] = ()
    after: datetime | None = None
    before: datetime | None = None


def begin(session: Session, schema: Schema, run_id: UUID, by: int | None = None) -> Run:
    """The run of that id, made unless it is there."""
    row = session.get(RunRow, run_id, populate_existing=True)
    if row is None:
        place = {"project_id": schema.project_id, "source_id": schema.source_id, "schema_id": schema.id}
        row = RunRow(id=run_id, status=RUNNING, sync_type=schema.sync_type, created_by=by, **place)
        session.add(row)
        session.flush()
    return _run(row)


def end(session: Session, run_id: UUID, status: str, values: Mapping[str, Any]) -> None:
    """End a run; of each schema the last 500 are kept."""
    row = session.get_one(RunRow, run_id, populate_existing=True)
    for name, value in {**values, "status": status, "finished_at": now()}.items():
        setattr(row, name, value)
    session.flush()
    mine = (RunRow.schema_id == row.schema_id, RunRow.status != RUNNING)
    newest = select(RunRow.created_at).where(*mine).order_by(RunRow.created_at.desc())
    oldest = session.scalar(newest.offset(_KEPT - 1).limit(1))
    if oldest is not None:
        session.execute(delete(RunRow).where(*mine, RunRow.created_at < oldest))


def cancel(session: Session, schema_id: UUID) -> int:
    """End what runs of a schema; how many that were."""
    rules = (RunRow.schema_id == schema_id, RunRow.status == RUNNING)
    ended = {"status": FAILED, "finished_at": now(), "error": CANCELLED}
    done = session.execute(update(RunRow).where(*rules).values(**ended))
    return int(done.rowcount)  # type: ignore[attr-defined]


def close_lost(session: Session, schema: Schema, run_id: UUID) -> None:
    """End the runs of a schema that were begun before `run_id`: of its jobs one runs at a time, so theirs is over."""
    begun = select(RunRow.created_at).where(RunRow.id == run_id).scalar_subquery()
    rules = (RunRow.schema_id == schema.id, RunRow.status == RUNNING, RunRow.id != run_id, RunRow.created_at < begun)
    session.execute(update(RunRow).where(*rules).values(status=FAILED, finished_at=now(), error=_LOST))


def runs_still(session: Session, run_id: UUID) -> bool:
    """Whether a run was neither ended nor cancelled."""
    return session.scalar(select(RunRow.status).where(RunRow.id == run_id)) == RUNNING


def of_source(session: Session, source: Source, chosen: Chosen, limit: int) -> list[Run]:
    """A source's runs, newest first."""
    rules = [RunRow.source_id == source.id]
    if chosen.after is not None:
        rules.append(RunRow.created_at >= chosen.after)
    if chosen.before is not None:
        rules.append(RunRow.created_at <= chosen.before)
    query = select(RunRow)
    if chosen.schemas:
        query = query.join(SchemaRow, SchemaRow.id == RunRow.schema_id)
        rules.append(SchemaRow.name.in_(chosen.schemas))
    query = query.where(*rules).order_by(RunRow.created_at.desc(), RunRow.id.desc())
    return [_run(row) for row in session.scalars(query.limit(limit))]


def last_completed(session: Session, sources: Sequence[Source]) -> dict[UUID, datetime]:
    """When each source's newest good run was made."""
    rules = (RunRow.source_id.in_([source.id for source in sources]), RunRow.status == COMPLETED)
    found = select(RunRow.source_id, func.max(RunRow.created_at)).where(*rules).group_by(RunRow.source_id)
    return {row[0]: row[1] for row in session.execute(found)}


def _run(row: RunRow) -> Run:
    return Run(**{name: getattr(row, name) for name in _RUN})
