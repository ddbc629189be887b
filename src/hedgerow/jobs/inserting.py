"""New jobs, many in one statement; one that would double a waiting job is left out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hedgerow.jobs.rows import JobRow
from hedgerow.kit.ids import uuid7


def new_job(kind: str, subject: str, payload: dict[str, Any], project_id: int | None) -> dict[str, Any]:
    """The columns of a job that waits; its times, rank and whether it coalesces are the caller's to add."""
    return {
        "id": uuid7(),
        "kind": kind,
        "subject": subject,
        "payload": payload,
        "project_id": project_id,
        "state": "waiting",
        "attempt": 0,
        "failures": 0,
        "cancel_wanted": False,
    }


def insert_job(session: Session, job: dict[str, Any]) -> UUID | None:
    """Insert a job, whose values may be expressions; its id, or `None` when its twin waits already."""
    made = _insert(session).values(job).returning(JobRow.id)
    return session.execute(made).scalar()


def insert_jobs(session: Session, jobs: Sequence[dict[str, Any]]) -> None:
    """Insert jobs of plain values, but those whose twin waits already."""
    session.execute(_insert(session), list(jobs))


def _insert(session: Session) -> Any:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(JobRow).on_conflict_do_nothing()
