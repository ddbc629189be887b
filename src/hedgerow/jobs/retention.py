"""Keeps the history as long as each kind's policy says, by count and by age."""

from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.moments import moment
from hedgerow.jobs.rows import ACTIVE, JobRow


def trim(session: Session, kinds: Kinds, touched: Iterable[tuple[str, str]]) -> None:
    """Of subjects whose jobs have ended lately, as (kind, subject), keep the newest finished ones only."""
    for kind, subject in touched:
        finished = select(JobRow.id).where(
            JobRow.subject == subject, JobRow.kind == kind, JobRow.state.in_(("done", "failed", "cancelled"))
        )
        newest_first = finished.order_by(JobRow.created_at.desc(), JobRow.id.desc())
        # SQLite takes no offset without a limit.
        too_many = newest_first.offset(kinds.policy(kind).keep).limit(10_000)
        session.execute(delete(JobRow).where(JobRow.id.in_(too_many.scalar_subquery())))


def expire(session: Session, kinds: Kinds) -> None:
    """Drop what is older than its kind is kept."""
    for kind in kinds.names():
        limit = moment(session) - kinds.policy(kind).keep_for
        session.execute(delete(JobRow).where(JobRow.kind == kind, JobRow.finished_at < limit))


def count(session: Session) -> dict[str, int]:
    """How many jobs wait and how many run, on all machines."""
    active = select(JobRow.state, func.count()).where(ACTIVE)
    return {state: number for state, number in session.execute(active.group_by(JobRow.state))}  # noqa: C416  (rows)
