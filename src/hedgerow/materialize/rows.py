"""Rows of physical tables that were made from queries."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.store.base import Base


class BuiltTableRow(Base):
    """A physical table by its name. `state`: `building`, `kept`, `live` or `retired`; `at`: its last sign of
    life, or its end.

    The row is there before the table and goes after it: no table is without one.
    """

    __tablename__ = "built_tables"
    __table_args__ = (Index("ix_built_tables_state", "state", "at"),)

    physical: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default="building")
    at: Mapped[datetime] = mapped_column(default=now)
