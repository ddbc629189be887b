"""The shelf of data checks: reads and writes within the caller's transaction, records out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hedgerow.checks.records import Check, Finding, Result
from hedgerow.checks.rows import CheckRow, ResultRow
from hedgerow.kit.errors import InvalidInput, NotFound

_MOST = 50
_KEPT = 100


def of_target(session: Session, project_id: int, target_id: UUID, *, enabled: bool = False) -> list[Check]:
    """A target's checks, oldest first."""
    chosen = select(CheckRow).where(CheckRow.project_id == project_id, CheckRow.target_id == target_id)
    if enabled:
        chosen = chosen.where(CheckRow.enabled.is_(True))
    return [_record(row) for row in session.scalars(chosen.order_by(CheckRow.id))]


def any_of(session: Session, project_id: int, target_ids: Iterable[UUID]) -> bool:
    """Whether one of the targets has a check that is enabled."""
    rules = (CheckRow.project_id == project_id, CheckRow.target_id.in_(list(target_ids)), CheckRow.enabled.is_(True))
    return session.scalar(select(CheckRow.id).where(*rules).limit(1)) is not None


def of_project(session: Session, project_id: int) -> dict[UUID, list[Check]]:
    """All enabled checks by target."""
    chosen = select(CheckRow).where(CheckRow.project_id == project_id, CheckRow.enabled.is_(True))
    found: dict[UUID, list[Check]] = {}
    for row in session.scalars(chosen.order_by(CheckRow.id)):
        found.setdefault(row.target_id, []).append(_record(row))
    return found


def get(session: Session, project_id: int, target_id: UUID, check_id: UUID) -> Check:
    """One; raises `NotFound`."""
    return _record(_row(session, project_id, target_id, check_id))


def add(session: Session, project_id: int, target_id: UUID, values: Mapping[str, Any]) -> Check:
    """A new one; raises `InvalidInput` when there are too many."""
    rules = (CheckRow.project_id == project_id, CheckRow.target_id == target_id)
    if (session.scalar(select(func.count()).select_from(CheckRow).where(*rules)) or 0) >= _MOST:
        raise InvalidInput(f"A table can have at most {_MOST} checks.")
    row = CheckRow(project_id=project_id, target_id=target_id, **values)
    session.add(row)
    session.flush()
    return _record(row)


def change(session: Session, check: Check, values: Mapping[str, Any]) -> Check:
    """Set some values; raises `NotFound`."""
    row = _row(session, check.project_id, check.target_id, check.id)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return _record(row)


def remove(session: Session, project_id: int, target_id: UUID, check_id: UUID) -> None:
    """Forget one and what it found; raises `NotFound`."""
    session.delete(_row(session, project_id, target_id, check_id))
    session.execute(delete(ResultRow).where(ResultRow.project_id == project_id, ResultRow.check_id == check_id))


def drop_of(session: Session, project_id: int, target_id: UUID) -> None:
    """Forget all of a target that is gone."""
    for row in (CheckRow, ResultRow):
        session.execute(delete(row).where(row.project_id == project_id, row.target_id == target_id))


def note(session: Session, findings: Iterable[Finding], run_id: UUID | None = None) -> None:
    """Keep what was found; of each check the last 100 are kept."""
    for finding in findings:
        check = finding.check
        if session.get(CheckRow, check.id) is None:
            continue  # deleted meanwhile
        mine = (ResultRow.project_id == check.project_id, ResultRow.check_id == check.id)
        chosen = select(ResultRow.created_at).where(*mine).order_by(ResultRow.created_at.desc())
        last = session.scalar(chosen.offset(_KEPT - 2).limit(1))
        if last is not None:
            session.execute(delete(ResultRow).where(*mine, ResultRow.created_at < last))
        told = {name: getattr(finding, name) for name in ("status", "detail", "failing_rows", "observed", "seconds")}
        place = {"project_id": check.project_id, "check_id": check.id, "target_id": check.target_id}
        session.add(ResultRow(**place, run_id=run_id, severity=check.severity, **told))
        session.flush()


def results(
    session: Session, project_id: int, target_id: UUID, limit: int, check_id: UUID | None = None
) -> list[Result]:
    """What was found of a target, newest first."""
    chosen = select(ResultRow).where(ResultRow.project_id == project_id, ResultRow.target_id == target_id)
    if check_id is not None:
        chosen = chosen.where(ResultRow.check_id == check_id)
    return [_result(row) for row in session.scalars(chosen.order_by(ResultRow.created_at.desc()).limit(limit))]


def latest(session: Session, project_id: int, checks: Sequence[Check]) -> dict[UUID, Result]:
    """What each check found last."""
    if not checks:
        return {}
    mine = (ResultRow.project_id == project_id, ResultRow.target_id == checks[0].target_id)
    grouped = select(ResultRow.check_id, func.max(ResultRow.created_at).label("at")).where(*mine)
    last = grouped.group_by(ResultRow.check_id).subquery()
    same = (ResultRow.check_id == last.c.check_id) & (ResultRow.created_at == last.c.at)
    return {row.check_id: _result(row) for row in session.scalars(select(ResultRow).join(last, same).where(*mine))}


def _row(session: Session, project_id: int, target_id: UUID, check_id: UUID) -> CheckRow:
    row = session.get(CheckRow, check_id)
    if row is None or (row.project_id, row.target_id) != (project_id, target_id):
        raise NotFound()
    return row


def _record(row: CheckRow) -> Check:
    return Check(
        row.id,
        row.project_id,
        row.target_id,
        row.name,
        row.kind,
        row.severity,
        row.config,
        row.enabled,
        row.created_by,
        row.created_at,
    )


def _result(row: ResultRow) -> Result:
    return Result(
        row.id,
        row.check_id,
        row.run_id,
        row.status,
        row.severity,
        row.failing_rows,
        row.observed,
        row.detail,
        row.seconds,
        row.created_at,
    )
