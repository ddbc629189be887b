"""Rows of the activity log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base


class ActivityRow(Base):
    """One deed; never changed afterwards. `user_id` is null for what Hedgerow did by itself."""

    __tablename__ = "activity_log"
    __table_args__ = (
        Index("ix_activity_log_item", "project_id", "scope", "item_id", "created_at"),
        Index("ix_activity_log_project", "project_id", "created_at"),
        Index("ix_activity_log_age", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    scope: Mapped[str] = mapped_column(String(80))
    item_id: Mapped[str] = mapped_column(String(128))
    activity: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
