"""Rows of jobs, of the schedules that enqueue them, and of the workers that run them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Float, Index, SmallInteger, String, Text, literal_column, or_, text
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.store.base import Base

_WAITING, _RUNNING = text("state = 'waiting'"), text("state = 'running'")
_COALESCING = text("state = 'waiting' AND coalesces")


class JobRow(Base):
    """One job, from its enqueuing to the end of its retention.

    `state`: `waiting`, `running`, `done`, `failed` or `cancelled`. `attempt`: runs begun. `failures`: runs that raised
    or lost their worker. `rank`: lower goes first. `planned_at`: when `run_at` was decided: tells a clock set back.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ux_jobs_running_subject", "subject", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        Index(
            "ux_jobs_waiting_subject",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_COALESCING,
            postgresql_where=_COALESCING,
        ),
        Index("ix_jobs_queue", "rank", "run_at", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_jobs_history", "subject", "kind", "created_at"),
        Index("ix_jobs_finished", "finished_at", "kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    coalesces: Mapped[bool]
    rank: Mapped[int] = mapped_column(SmallInteger)
    attempt: Mapped[int]
    failures: Mapped[int]
    created_at: Mapped[datetime]
    planned_at: Mapped[datetime]
    run_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(200))
    cancel_wanted: Mapped[bool]
    error: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]


# Literals, not bound values: SQLite uses a partial index only where it sees that the condition is the index's own.
WAITING = JobRow.state == literal_column("'waiting'")
RUNNING = JobRow.state == literal_column("'running'")
ACTIVE = or_(WAITING, RUNNING)


class ScheduleRow(Base):
    """What is enqueued again and again: every `every` seconds, up to `jitter` seconds later."""

    __tablename__ = "schedules"
    __table_args__ = (Index("ix_schedules_next", "next_at"),)

    subject: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(100), primary_key=True)
    project_id: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[dict[str, Any]]
    every: Mapped[float] = mapped_column(Float)
    jitter: Mapped[float] = mapped_column(Float)
    planned_at: Mapped[datetime]
    next_at: Mapped[datetime]


class WorkerRow(Base):
    """A worker that lives: `beat` grows while it does. A worker without a row runs nothing."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    beat: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
