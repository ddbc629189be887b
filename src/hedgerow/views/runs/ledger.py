"""The ledger of runs: rows of what was made into a table, when, and how it ended; within the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound
from hedgerow.views.rows import RunRow, ViewRow

WAITING, RUNNING, COMPLETED = "Waiting", "Running", "Completed"
FAILED, CANCELLED, SKIPPED = "Failed", "Cancelled", "Skipped"
ACTIVE = (WAITING, RUNNING)
_KEPT = 500


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `seconds` is what the engine took; `rows` and `bytes_on_disk` are the table's."""

    id: UUID
    project_id: int
    view_id: UUID
    wave: UUID
    status: str
    rows: int | None
    bytes_on_disk: int | None
    seconds: float | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


def add(session: Session, project_id: int, view_id: UUID, wave: UUID, status: str) -> Run:
    """Note a run that begins or waits; of the view's earlier ones the last 499 are kept."""
    older = select(RunRow.id).where(RunRow.view_id == view_id, RunRow.project_id == project_id)
    last = session.scalar(older.order_by(RunRow.id.desc()).offset(_KEPT - 2).limit(1))
    if last is not None:
        mine = (RunRow.project_id == project_id, RunRow.view_id == view_id)
        session.execute(delete(RunRow).where(*mine, RunRow.id < last))
    row = RunRow(project_id=project_id, view_id=view_id, wave=wave, status=status)
    session.add(row)
    session.flush()
    return _record(row)


def get(session: Session, project_id: int, run_id: UUID) -> Run:
    """One; raises `NotFound`."""
    row = session.get(RunRow, run_id, populate_existing=True)
    if row is None or row.project_id != project_id:
        raise NotFound()
    return _record(row)


def start(session: Session, run_id: UUID) -> None:
    """What it waited for is there."""
    session.execute(update(RunRow).where(RunRow.id == run_id).values(status=RUNNING))


def end(session: Session, run: Run, status: str, error: str | None = None) -> None:
    """Note how a run ended, unless it has ended already; `run` carries what was made."""
    made = {"rows": run.rows, "bytes_on_disk": run.bytes_on_disk, "seconds": run.seconds}
    chosen = update(RunRow).where(RunRow.id == run.id, RunRow.status.in_(ACTIVE))
    session.execute(chosen.values(status=status, error=error, ended_at=now(), **made))


def of_view(session: Session, project_id: int, view_id: UUID, limit: int, *, active: bool = False) -> list[Run]:
    """A view's runs, newest first."""
    chosen = select(RunRow).where(RunRow.project_id == project_id, RunRow.view_id == view_id)
    if active:
        chosen = chosen.where(RunRow.status.in_(ACTIVE))
    return [_record(row) for row in session.scalars(chosen.order_by(RunRow.id.desc()).limit(limit))]


def of_wave(session: Session, wave: UUID) -> list[Run]:
    """The runs that began together."""
    return [_record(row) for row in session.scalars(select(RunRow).where(RunRow.wave == wave))]


def page(
    session: Session,
    project_id: int,
    limit: int,
    before: UUID | None,
    view_id: UUID | None,
    statuses: Sequence[str] = (),
) -> list[Run]:
    """Runs of a project, newest first, from after the run `before`."""
    chosen = select(RunRow).where(RunRow.project_id == project_id)
    if before is not None:
        chosen = chosen.where(RunRow.id < before)
    if view_id is not None:
        chosen = chosen.where(RunRow.view_id == view_id)
    if statuses:
        chosen = chosen.where(RunRow.status.in_(statuses))
    return [_record(row) for row in session.scalars(chosen.order_by(RunRow.id.desc()).limit(limit))]


def newest(session: Session, project_id: int) -> list[Run]:
    """The last run of each view."""
    live = select(ViewRow.id).where(ViewRow.project_id == project_id, ViewRow.deleted.is_(False))
    grouped = select(RunRow.view_id, func.max(RunRow.created_at).label("at")).where(RunRow.view_id.in_(live))
    last = grouped.group_by(RunRow.view_id).subquery()
    same = (RunRow.view_id == last.c.view_id) & (RunRow.created_at == last.c.at)
    return [_record(row) for row in session.scalars(select(RunRow).join(last, same).order_by(RunRow.id.desc()))]


def _record(row: RunRow) -> Run:
    return Run(
        row.id,
        row.project_id,
        row.view_id,
        row.wave,
        row.status,
        row.rows,
        row.bytes_on_disk,
        row.seconds,
        row.error,
        row.created_at,
        row.ended_at,
    )
