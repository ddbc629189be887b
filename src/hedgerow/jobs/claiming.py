"""Who has which job: claimed, reported on, ended, given back, taken from the dead; each a step in a transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from hedgerow.jobs.base import Job, Policy, State
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.moments import moment, now_in_sql
from hedgerow.jobs.reading import job_of
from hedgerow.jobs.rows import RUNNING, WAITING, JobRow, WorkerRow
from hedgerow.kit import clock
from hedgerow.store.base import Instant

_LOST_TRIES = 3
"""A job whose worker dies again and again is tried at least this often: it need not be the job's fault."""
_OUTAGE_WAIT = timedelta(minutes=1)


def claim(session: Session, worker: str, kinds: Sequence[str]) -> Job | None:
    """Take the next job that is due, whose subject is free and whose kind is known here; none for a worker that was
    taken for dead, which may not have heard of it yet.

    Two workers at once never take one job. When they take two jobs of one subject, one of them gets an
    `IntegrityError` from the index that forbids it, and tries again.
    """
    local = session.get_bind().dialect.name == "sqlite"
    values = {"claimer": worker} | ({"moment": clock.now()} if local else {})
    row = session.connection().execute(_claim(tuple(kinds), local), values).mappings().one_or_none()
    return Job(**row) if row else None


@lru_cache(maxsize=32)
def _claim(kinds: tuple[str, ...], local: bool) -> ReturningUpdate[Any]:
    """The statement, made once: making it takes longer than running it."""
    now = bindparam("moment", type_=Instant) if local else func.now(type_=Instant)
    jobs, other, workers = JobRow.__table__, JobRow.__table__.alias("other"), WorkerRow.__table__
    alive = exists().where(workers.c.id == bindparam("claimer"))
    free = ~exists().where(other.c.subject == jobs.c.subject, other.c.state == literal_column("'running'"))
    due = and_(jobs.c.state == literal_column("'waiting'"), jobs.c.run_at <= now, jobs.c.kind.in_(kinds), free, alive)
    ordered = select(jobs.c.id).where(due).order_by(jobs.c.rank, jobs.c.run_at, jobs.c.id)
    first = ordered.limit(1).with_for_update(skip_locked=True, of=jobs).scalar_subquery()
    taken = update(JobRow).where(JobRow.id == first)
    begun = taken.values(state="running", worker=bindparam("claimer"), attempt=JobRow.attempt + 1, started_at=now)
    return begun.returning(*(jobs.c[field.name] for field in fields(Job)))


def holds(session: Session, job: Job) -> bool:
    """Whether the job is still that run's; on PostgreSQL nobody can take it before this transaction ends."""
    mine = select(JobRow.id).where(*_run(job)).with_for_update()
    return session.execute(mine).first() is not None


def report(session: Session, reports: Sequence[tuple[Job, dict[str, Any]]]) -> None:
    """Write how far jobs have come."""
    for job, progress in reports:
        session.execute(update(JobRow).where(*_run(job)).values(progress=progress))


def held(session: Session, worker: str) -> Mapping[tuple[UUID, int], bool]:
    """What the store says this worker runs: by id and attempt, whether somebody wants it cancelled."""
    chosen = select(JobRow.id, JobRow.attempt, JobRow.cancel_wanted)
    found = session.execute(chosen.where(RUNNING, JobRow.worker == worker))
    return {(job_id, attempt): wanted for job_id, attempt, wanted in found}


def end(session: Session, job: Job, state: State, **values: Any) -> bool:
    """End a run for good; `False` when it was taken away meanwhile."""
    return _change(session, job, state=state, finished_at=now_in_sql(session), **values)


def give_back(session: Session, job: Job) -> bool:
    """Let a run that was interrupted begin anew, as soon as somebody has time."""
    return _put_back(session, job, moment(session), failures=job.failures, error=job.error)


def give_back_by_key(session: Session, worker: str, keys: Collection[tuple[UUID, int]]) -> None:
    """The same for runs of which only the id and the attempt are known."""
    for job_id, attempt in keys:
        row = session.get(JobRow, job_id, populate_existing=True)
        if row is not None and (row.state, row.worker, row.attempt) == ("running", worker, attempt):
            give_back(session, job_of(row))


def fail(session: Session, job: Job, error: str, policy: Policy, *, final: bool = False) -> bool:
    """End a run that failed: it waits for its next try, or has failed for good."""
    failures = job.failures + 1
    if final or failures >= policy.tries:
        return _end_failed(session, job, error, policy)
    return _put_back(
        session, job, moment(session), policy.wait(failures).total_seconds(), failures=failures, error=error
    )


def wait_out(session: Session, job: Job, error: str, policy: Policy) -> bool:
    """End a run that found something away which will be back: it waits for another, and has not failed."""
    wait = min(policy.wait(job.attempt), _OUTAGE_WAIT).total_seconds()
    return _put_back(session, job, moment(session), wait, failures=job.failures, error=error)


def _end_failed(session: Session, job: Job, error: str, policy: Policy) -> bool:
    ended = end(session, job, "failed", failures=job.failures + 1, error=error)
    if ended:
        policy.on_failure(session, job, error)
    return ended


def rescue(session: Session, kinds: Kinds) -> list[Job]:
    """Put back every running job whose worker is no more; those jobs."""
    dead = ~exists().where(WorkerRow.id == JobRow.worker)
    chosen = select(JobRow).where(RUNNING, dead).with_for_update(skip_locked=True, of=JobRow)
    jobs = [job_of(row) for row in session.scalars(chosen.execution_options(populate_existing=True)).all()]
    for job in jobs:
        _rescue(session, job, kinds.policy(job.kind))
    return jobs


def orphaned(session: Session) -> bool:
    """Whether a job runs by the store whose worker is no more."""
    dead = ~exists().where(WorkerRow.id == JobRow.worker)
    return session.execute(select(JobRow.id).where(RUNNING, dead).limit(1)).first() is not None


def _rescue(session: Session, job: Job, policy: Policy) -> None:
    failures, error = job.failures + 1, f"The worker {job.worker} stopped during attempt {job.attempt}."
    if job.cancel_wanted:
        end(session, job, "cancelled")
    elif failures >= max(policy.tries, _LOST_TRIES):
        _end_failed(session, job, error, policy)
    else:
        _put_back(session, job, moment(session), failures=failures, error=error)


def _put_back(session: Session, job: Job, now: datetime, seconds: float = 0, **values: Any) -> bool:
    """Let it wait for another run, unless a twin waits already: then that one does its work."""
    twin = select(JobRow.id).where(JobRow.kind == job.kind, JobRow.subject == job.subject)
    waiting = session.scalar(twin.where(WAITING, JobRow.coalesces))
    coalesces = session.scalar(select(JobRow.coalesces).where(JobRow.id == job.id))
    if waiting is not None and coalesces:
        error = values["error"] or "The run was interrupted."
        return end(session, job, "failed", **values | {"error": f"{error} The job {waiting} follows."})
    again = {"state": "waiting", "worker": None, "planned_at": now, "run_at": now + timedelta(seconds=seconds)}
    return _change(session, job, **again, **values)


def _run(job: Job) -> tuple[ColumnElement[bool], ...]:
    """That very run and no later one of the same job."""
    running = RUNNING
    return (JobRow.id == job.id, JobRow.attempt == job.attempt, running, JobRow.worker == job.worker)


def _change(session: Session, job: Job, **values: Any) -> bool:
    done: CursorResult[Any] = session.execute(update(JobRow).where(*_run(job)).values(**values))  # type: ignore[assignment]
    return bool(done.rowcount)
