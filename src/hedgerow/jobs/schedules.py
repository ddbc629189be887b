"""Schedules: rows that anybody may change at run time, and the tick that enqueues what is due."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from hedgerow.jobs.bell import Bell
from hedgerow.jobs.inserting import insert_jobs, new_job
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.moments import SLACK, moment
from hedgerow.jobs.rows import WAITING, JobRow, ScheduleRow

_AT_ONCE = 500
"""Schedules one transaction of the tick takes, so that it is short."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`kind` is enqueued for `subject` every `every`, up to `jitter` later; the next time at `next_at`."""

    kind: str
    subject: str
    project_id: int | None
    payload: dict[str, Any]
    every: timedelta
    jitter: timedelta
    next_at: datetime


class Schedules:
    """Sets, removes and reads schedules, in the caller's transaction."""

    def set(
        self,
        session: Session,
        subject: str,
        kind: str,
        payload: dict[str, Any],
        every: timedelta,
        *,
        project_id: int | None = None,
        jitter: timedelta = timedelta(0),
    ) -> Schedule:
        """Enqueue `kind` for `subject` every `every` from now on; the first time after `every`.

        A schedule that is there is changed. Its next time stays when its interval does.
        """
        if every <= timedelta(0) or jitter < timedelta(0):
            raise ValueError("A schedule's interval is more than nothing, and its jitter is not less.")
        row, now = session.get(ScheduleRow, (subject, kind), with_for_update=True), moment(session)
        if row is None:
            row = ScheduleRow(subject=subject, kind=kind, every=0.0)
            session.add(row)
        if row.every != every.total_seconds():
            row.every, row.planned_at, row.next_at = every.total_seconds(), now, now + every
        row.payload, row.project_id, row.jitter = payload, project_id, jitter.total_seconds()
        session.flush()
        return _schedule_of(row)

    def begin_at(self, session: Session, subject: str, kind: str, next_at: datetime) -> None:
        """Let a schedule that is there come at `next_at`, and every interval after it."""
        row = session.get_one(ScheduleRow, (subject, kind), with_for_update=True)
        row.planned_at, row.next_at = moment(session), next_at
        session.flush()

    def remove(self, session: Session, subject: str, kind: str | None = None) -> int:
        """End a subject's schedules, or its one of that kind; how many there were. Jobs enqueued already stay."""
        chosen = delete(ScheduleRow).where(ScheduleRow.subject == subject)
        done = session.execute(chosen if kind is None else chosen.where(ScheduleRow.kind == kind))
        return int(done.rowcount)  # type: ignore[attr-defined]

    def get(self, session: Session, subject: str, kind: str) -> Schedule | None:
        """The schedule of that kind for that subject."""
        row = session.get(ScheduleRow, (subject, kind), populate_existing=True)
        return _schedule_of(row) if row else None


def due(session: Session) -> bool:
    """Whether a tick would do something; needs no lock."""
    now = moment(session)
    return session.execute(select(ScheduleRow.kind).where(_wants_tick(now)).limit(1)).first() is not None


def tick(session: Session, kinds: Kinds, bell: Bell) -> int:
    """Enqueue what is due, once each however long it has been due; how many schedules were looked at.

    The next time is the first one on the schedule's own beat that lies ahead. Several processes may tick at once.
    """
    now = moment(session)
    chosen = select(ScheduleRow).where(_wants_tick(now)).order_by(ScheduleRow.next_at).limit(_AT_ONCE)
    rows = session.scalars(chosen.with_for_update(skip_locked=True)).all()
    ready = [row for row in rows if row.next_at <= now]
    if ready:
        insert_jobs(session, [_job(row, now, kinds) for row in ready])
        bell.ring(session, "work")
    changes = [{"subject": r.subject, "kind": r.kind, "planned_at": now, "next_at": next_time(r, now)} for r in rows]
    if changes:
        session.execute(update(ScheduleRow), changes)
    return len(rows)


def planned_ahead(session: Session) -> bool:
    """Whether a job waits that was planned before the clock was set back."""
    late = select(JobRow.id).where(WAITING, JobRow.planned_at > moment(session) + SLACK)
    return session.execute(late.limit(1)).first() is not None


def after_the_clock_was_set_back(session: Session) -> int:
    """Jobs that were to wait a while wait only that while, also when the clock has been set back since; how many."""
    now = moment(session)
    chosen = select(JobRow).where(WAITING, JobRow.planned_at > now + SLACK)
    rows: Sequence[JobRow] = session.scalars(chosen.with_for_update(skip_locked=True)).all()
    for row in rows:
        row.run_at, row.planned_at = now + (row.run_at - row.planned_at), now
    return len(rows)


def _wants_tick(now: datetime) -> Any:
    return or_(ScheduleRow.next_at <= now, ScheduleRow.planned_at > now + SLACK)


def _job(row: ScheduleRow, now: datetime, kinds: Kinds) -> dict[str, Any]:
    later = timedelta(seconds=random.uniform(0, row.jitter))
    return new_job(row.kind, row.subject, row.payload, row.project_id) | {
        "run_at": now + later,
        "created_at": now,
        "planned_at": now,
        "rank": -kinds.policy(row.kind).priority,
        "coalesces": True,
    }


def next_time(row: ScheduleRow, now: datetime) -> datetime:
    """On the beat it always had; when the clock was set back, as far ahead as it was."""
    if row.planned_at > now + SLACK:
        return now + (row.next_at - row.planned_at)
    missed = math.floor((now - row.next_at).total_seconds() / row.every) + 1
    return row.next_at + timedelta(seconds=row.every * missed)


def _schedule_of(row: ScheduleRow) -> Schedule:
    every, jitter = timedelta(seconds=row.every), timedelta(seconds=row.jitter)
    return Schedule(row.kind, row.subject, row.project_id, row.payload, every, jitter, row.next_at)
