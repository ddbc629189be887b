"""Asking for jobs, calling them off, and looking at them: all in the caller's transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm import Session

from hedgerow.jobs.base import Job
from hedgerow.jobs.bell import Bell
from hedgerow.jobs.inserting import insert_job, new_job
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.moments import now_in_sql
from hedgerow.jobs.reading import job_of
from hedgerow.jobs.rows import ACTIVE, RUNNING, WAITING, JobRow
from hedgerow.store.base import Instant


class Jobs:
    """The room's face to those who want work done.

    A subject is what the work is on, such as `view:<id>`: never do two jobs of one subject run at once.
    """

    def __init__(self, kinds: Kinds, bell: Bell) -> None:
        self._kinds, self._bell = kinds, bell

    def enqueue(
        self,
        session: Session,
        kind: str,
        subject: str,
        payload: dict[str, Any] | None = None,
        *,
        project_id: int | None = None,
        run_at: datetime | None = None,
        unique: bool = True,
    ) -> UUID:
        """Ask for a job; it exists when the caller's transaction is committed, and only then.

        When a job of that kind on that subject waits already, the two become one: the id is the waiting one's, the
        payload is the new one, the earlier time holds, its tries begin anew. `unique=False` queues one more instead.
        A job that runs already does not count: the new one follows it.
        """
        rank = -self._kinds.policy(kind).priority - 1  # what somebody asks for goes before what a schedule does
        now = now_in_sql(session)
        when = now if run_at is None else literal(run_at, Instant)
        job = new_job(kind, subject, payload or {}, project_id) | {
            "run_at": when,
            "created_at": now,
            "planned_at": now,
            "rank": rank,
            "coalesces": unique,
        }
        self._bell.ring(session, "work")
        while True:
            if (made := insert_job(session, job)) is not None:
                return made
            if (joined := self._join_waiting(session, job)) is not None:
                return joined

    def cancel(self, session: Session, which: UUID | str) -> int:
        """Call off a job by its id, or every job of a subject; how many were waiting or running.

        A waiting job is over with the commit. A running one is told within a second, on whatever machine it runs.
        """
        chosen = JobRow.id == which if isinstance(which, UUID) else JobRow.subject == which
        waiting = update(JobRow).where(chosen, WAITING)
        ended = session.execute(waiting.values(state="cancelled", finished_at=now_in_sql(session)))
        told = session.execute(update(JobRow).where(chosen, RUNNING).values(cancel_wanted=True))
        self._bell.ring(session, "cancel")
        return int(ended.rowcount + told.rowcount)  # type: ignore[attr-defined]

    def get(self, session: Session, job_id: UUID) -> Job | None:
        """A job by its id, as long as the history has it."""
        row = session.get(JobRow, job_id, populate_existing=True)
        return job_of(row) if row else None

    def history(self, session: Session, kind: str, subject: str, limit: int = 20) -> list[Job]:
        """A subject's jobs of one kind, the newest first, those that wait and run included."""
        chosen = select(JobRow).where(JobRow.subject == subject, JobRow.kind == kind)
        found = session.scalars(chosen.order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit))
        return [job_of(row) for row in found.all()]

    def current(self, session: Session, subject: str) -> list[Job]:
        """A subject's jobs that run or wait, the running one first."""
        active = ACTIVE
        chosen = select(JobRow).where(JobRow.subject == subject, active)
        found = session.scalars(chosen.order_by(JobRow.state, JobRow.rank, JobRow.run_at))
        return [job_of(row) for row in found.all()]

    def _join_waiting(self, session: Session, job: dict[str, Any]) -> UUID | None:
        same = (JobRow.kind == job["kind"], JobRow.subject == job["subject"])
        waiting = update(JobRow).where(*same, WAITING, JobRow.coalesces)
        changed = waiting.values(
            payload=job["payload"],
            project_id=job["project_id"],
            rank=case((JobRow.rank > job["rank"], job["rank"]), else_=JobRow.rank),
            run_at=case((JobRow.run_at > job["run_at"], job["run_at"]), else_=JobRow.run_at),
            planned_at=job["planned_at"],
            failures=0,
        )
        return session.execute(changed.returning(JobRow.id).execution_options(synchronize_session=False)).scalar()
