"""Rows of data checks and of what they found."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base


class CheckRow(Base):
    """Something that must hold of the rows of a view or table. `config` is of its kind's own shape."""

    __tablename__ = "data_checks"
    __table_args__ = (Index("ix_data_checks_target", "project_id", "target_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    target_id: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(8))
    config: Mapped[dict[str, Any]] = mapped_column()
    enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ResultRow(Base):
    """What a check found once. `status`: passed, failed, or error when it could not be run.

    `failing_rows` is null for checks that are not about single rows; `observed` is the number they go by.
    """

    __tablename__ = "data_check_results"
    __table_args__ = (
        Index("ix_data_check_results_check", "project_id", "check_id", "created_at"),
        Index("ix_data_check_results_target", "project_id", "target_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    check_id: Mapped[UUID] = mapped_column(Uuid)
    target_id: Mapped[UUID] = mapped_column(Uuid)
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    status: Mapped[str] = mapped_column(String(8))
    severity: Mapped[str] = mapped_column(String(8))
    failing_rows: Mapped[int | None] = mapped_column(BigInteger)
    observed: Mapped[float | None] = mapped_column()
    detail: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
