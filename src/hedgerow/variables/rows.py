"""Rows of insight variables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base, Json


class VariableRow(Base):
    """A variable. `default_value` is any JSON; `values` the choices of a List."""

    __tablename__ = "insight_variables"
    __table_args__ = (Index("uq_insight_variables_code_name", "project_id", "code_name", unique=True),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(400))
    code_name: Mapped[str] = mapped_column(String(400))
    type: Mapped[str] = mapped_column(String(16))
    default_value: Mapped[Any] = mapped_column(Json, nullable=True)
    values: Mapped[list[Any] | None] = mapped_column(Json, nullable=True)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
