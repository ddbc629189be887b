"""Rows of the log of runs, and of their sums."""

from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.endpoints.journal.sums import BUCKETS, COUNTS
from hedgerow.store.base import Base


class LogRow(Base):
    """One run. `at` is microseconds since 1970, `duration` microseconds; `version` 0 where it was not known yet.

    `caller` is a key's id, or whom a token is for. Written in bulk as JSON, so every column has a plain type.
    """

    __tablename__ = "endpoint_logs"
    __table_args__ = (
        Index("ix_endpoint_logs_endpoint", "endpoint_id", "at"),
        Index("ix_endpoint_logs_age", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    endpoint_id: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[str] = mapped_column(String(8))
    instance_id: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    caller_kind: Mapped[str] = mapped_column(String(16))
    caller: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(String(24))
    cached: Mapped[bool]
    status: Mapped[int]
    duration: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(String(80))
    message: Mapped[str] = mapped_column(Text)


USAGE = Table(
    "endpoint_usage",
    Base.metadata,
    Column("project_id", BigInteger, nullable=False),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("caller_kind", String(16), primary_key=True),
    Column("caller", String(200), primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in COUNTS),
    *(Column(f"d{place}", BigInteger, nullable=False) for place in range(BUCKETS)),
    Index("ix_endpoint_usage_project", "project_id", "hour"),
    Index("ix_endpoint_usage_age", "hour"),
)
"""Sums of the runs of an hour (since 1970), by version and caller; `d0`… count durations, see `sums`.

An empty `caller` stands for tokens beyond the thousandth subject of an hour.
"""
