"""The ledger of runs: rows of what was made into a table, when, and how it ended; within the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound
from hedgerow.kit.ids import uuid7_after
from hedgerow.views.rows import RunRow, ViewRow

WAITING, RUNNING, COMPLETED = "Waiting", "Running", "Completed"
FAILED, CANCELLED, SKIPPED = "Failed", "Cancelled", "Skipped"
ACTIVE = (WAITING, RUNNING)
NO_CHANGE = "Nothing changed: its query and all it reads are as they were at the last run."
_KEPT = 500


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `seconds` is what the engine took; `rows` and `bytes_on_disk` are the table's; `checks` found that.

    `awaits` are runs; `reason` says why there was nothing to do, or why all had to be; `mode` what was made.
    """

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
    checks: Sequence[Mapping[str, Any]] = ()
    awaits: frozenset[UUID] = frozenset()
    reason: str | None = None
    mode: str | None = None


def add(session: Session, project_id: int, view_id: UUID, wave: UUID, awaits: Sequence[UUID] = ()) -> Run:
    """Note a run that begins, or waits for others; of the view's earlier ones the last 499 are kept."""
    mine = (RunRow.project_id == project_id, RunRow.view_id == view_id)
    earlier = select(RunRow.id).where(*mine).order_by(RunRow.id.desc())
    oldest = session.scalar(earlier.offset(_KEPT - 2).limit(1))
    if oldest is not None:
        session.execute(delete(RunRow).where(*mine, RunRow.id < oldest))
    run_id = uuid7_after(session.scalar(earlier.limit(1)))
    status, listed = WAITING if awaits else RUNNING, [str(each) for each in awaits]
    row = RunRow(id=run_id, project_id=project_id, view_id=view_id, wave=wave, status=status, awaits=listed)
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
    made: dict[str, Any] = {"rows": run.rows, "bytes_on_disk": run.bytes_on_disk, "seconds": run.seconds}
    made |= {"checks": list(run.checks), "mode": run.mode, "reason": run.reason}
    chosen = update(RunRow).where(RunRow.id == run.id, RunRow.status.in_(ACTIVE))
    session.execute(chosen.values(status=status, error=error, ended_at=now(), **made))


def of_view(session: Session, project_id: int, view_id: UUID, limit: int, *, active: bool = False) -> list[Run]:
    """A view's runs, newest first."""
    chosen = select(RunRow).where(RunRow.project_id == project_id, RunRow.view_id == view_id)
    if active:
        chosen = chosen.where(RunRow.status.in_(ACTIVE))
    return [_record(row) for row in session.scalars(chosen.order_by(RunRow.id.desc()).limit(limit))]


def active(session: Session, project_id: int, *statuses: str) -> list[Run]:
    """The runs of a project that run or wait, or those of some statuses, oldest first."""
    chosen = select(RunRow).where(RunRow.project_id == project_id, RunRow.status.in_(statuses or ACTIVE))
    return [_record(row) for row in session.scalars(chosen.order_by(RunRow.id))]


def awaiting(session: Session, project_id: int, run_id: UUID) -> list[Run]:
    """The runs that wait for that one, among others perhaps, oldest first; the others are not even read."""
    chosen = select(RunRow).where(RunRow.project_id == project_id, RunRow.status == WAITING)
    named = cast(RunRow.awaits, String).contains(str(run_id))
    return [_record(row) for row in session.scalars(chosen.where(named).order_by(RunRow.id))]


def states(session: Session, ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """The view and the status of each run."""
    chosen = select(RunRow.id, RunRow.view_id, RunRow.status).where(RunRow.id.in_(list(ids)))
    return {run_id: (view_id, status) for run_id, view_id, status in session.execute(chosen)}


def unchanged(session: Session, project_id: int, view_ids: Sequence[UUID], wave: UUID) -> None:
    """Note that there was nothing to do. One run stands for all such waves in a row: it ends with the last of them."""
    run = aliased(RunRow)
    mine = (run.project_id == project_id, run.view_id == ViewRow.id)
    newest = select(run.id).where(*mine).order_by(run.id.desc()).limit(1).correlate(ViewRow).scalar_subquery()
    chosen = select(RunRow.id, RunRow.view_id).join(ViewRow, RunRow.id == newest)
    known: dict[UUID, UUID] = {}
    for run_id, view_id in session.execute(chosen.where(ViewRow.id.in_(view_ids), RunRow.reason == NO_CHANGE)):
        known[run_id] = view_id
    moment = now()
    session.execute(update(RunRow).where(RunRow.id.in_(known)).values(ended_at=moment, wave=wave))
    told = {"project_id": project_id, "wave": wave, "status": SKIPPED, "reason": NO_CHANGE, "ended_at": moment}
    missing = set(view_ids) - set(known.values())
    session.add_all(RunRow(view_id=view_id, **told) for view_id in view_ids if view_id in missing)
    session.flush()


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
    later = aliased(RunRow)
    follows = (later.project_id == project_id, later.view_id == RunRow.view_id, later.id > RunRow.id)
    rules = (RunRow.project_id == project_id, RunRow.view_id.in_(live), ~exists().where(*follows))
    return [_record(row) for row in session.scalars(select(RunRow).where(*rules).order_by(RunRow.id.desc()))]


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
        row.checks,
        frozenset(map(UUID, row.awaits)),
        row.reason,
        row.mode,
    )
