"""Rows of endpoints and of their versions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base, Json


class EndpointRow(Base):
    """A name that answers. `current_version` is its highest number; a deleted one frees its name."""

    __tablename__ = "endpoints"
    __table_args__ = (
        Index(
            "uq_endpoints_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=text("NOT deleted"),
            postgresql_where=text("NOT deleted"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(128))
    is_active: Mapped[bool] = mapped_column(default=True)
    deleted: Mapped[bool] = mapped_column(default=False)
    current_version: Mapped[int] = mapped_column(default=1)
    derived_from_insight: Mapped[str | None] = mapped_column(String(12))
    tags: Mapped[list[Any]] = mapped_column(default=list)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    last_executed_at: Mapped[datetime | None]
    rate_limit: Mapped[str | None] = mapped_column(String(32))
    """Its most runs over all callers, such as `60/minute`."""
    aliases: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Version numbers by name; `latest` is not among them."""
    default_alias: Mapped[str | None] = mapped_column(String(64))


class VersionRow(Base):
    """A version. `query` never changes; `columns` is null until the engine has described it."""

    __tablename__ = "endpoint_versions"
    __table_args__ = (Index("uq_endpoint_versions_number", "endpoint_id", "number", unique=True),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("endpoints.id"))
    number: Mapped[int]
    query: Mapped[dict[str, Any]]
    description: Mapped[str] = mapped_column(Text, default="")
    data_freshness_seconds: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)
    columns: Mapped[list[Any] | None] = mapped_column(Json)
    optional_breakdown_properties: Mapped[list[Any]] = mapped_column(default=list)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    last_executed_at: Mapped[datetime | None]
    obstacle: Mapped[str | None] = mapped_column(Text)
    """Why the query could not be materialized when the version was made."""
    stale_while_revalidate_seconds: Mapped[int] = mapped_column(default=0)
    append_only_column: Mapped[str | None] = mapped_column(String(400))
    materialization: Mapped["MaterializationRow | None"] = relationship(cascade="all, delete-orphan", lazy="joined")


class MaterializationRow(Base):
    """The tables of a version; there is one as long as the version is materialized.

    `tables`: a stored `Piece` each, with its `physical` table and how it can grow; `outputs`: the answer's column
    names; `sources`: the physical tables that were read, by name. `error` is the last failure's text;
    `materialized_at` when what the tables hold was read; `refreshed` how the last refresh went.
    """

    __tablename__ = "endpoint_materializations"

    version_id: Mapped[UUID] = mapped_column(ForeignKey("endpoint_versions.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=uuid7)
    status: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[str] = mapped_column(Text, default="")
    bucket_overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tables: Mapped[list[Any]] = mapped_column(default=list)
    outputs: Mapped[list[Any]] = mapped_column(default=list)
    sources: Mapped[dict[str, Any]] = mapped_column(default=dict)
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    bytes_on_disk: Mapped[int | None] = mapped_column(BigInteger)
    materialized_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    hibernated_at: Mapped[datetime | None]
    """When the tables were given up because nobody read them; the next run has them made anew."""
    refreshed: Mapped[dict[str, Any]] = mapped_column(default=dict)
    awake_since: Mapped[datetime | None]
    """When they were woken last."""
