"""Rows of saved queries, their folders, what they read, saved joins, and the managed sets of views."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, String, Text, Uuid, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base, Json

_LIVE = text("NOT deleted")


class FolderRow(Base):
    """What people sort saved queries into; it has no meaning to queries."""

    __tablename__ = "saved_query_folders"
    __table_args__ = (Index("uq_saved_query_folders_name", "project_id", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(128))
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ViewRow(Base):
    """A saved query. `query` is the object as it was given, `columns` hold `{"name", "clickhouse", "hogql", "valid"}`.

    `revision` is new with every other text. `sequence` grows with every change within a project, so that a memory of
    thousands asks for what is newer than what it knows. `physical` is the table that serves a materialized one, and
    `inputs` a digest of what it was made from, where that can be told. `failures` counts runs that failed in a row; a
    `suspended` view is in no wave. `incremental_state` is what later runs must know of the table.
    """

    __tablename__ = "saved_queries"
    __table_args__ = (
        Index("uq_saved_queries_name", "project_id", "name", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        # SQLite does not see that the partial index serves `deleted = 0`.
        Index("ix_saved_queries_named", "project_id", "name", "deleted"),
        Index("ix_saved_queries_sequence", "project_id", "sequence"),
        Index("ix_saved_queries_page", "project_id", "deleted", "created_at", "id"),
        Index("ix_saved_queries_folder", "folder_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(128))
    folder_id: Mapped[UUID | None] = mapped_column(Uuid)
    description: Mapped[str] = mapped_column(Text, default="")
    query: Mapped[dict[str, Any]] = mapped_column()
    columns: Mapped[list[Any]] = mapped_column(default=list)
    revision: Mapped[UUID] = mapped_column(Uuid, default=uuid4)
    sequence: Mapped[int] = mapped_column(BigInteger)
    origin: Mapped[str] = mapped_column(String(32), default="data_warehouse")
    managed_viewset_kind: Mapped[str | None] = mapped_column(String(64))
    deleted: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    sync_frequency: Mapped[str | None] = mapped_column(String(16))
    status: Mapped[str | None] = mapped_column(String(16))
    last_run_at: Mapped[datetime | None] = mapped_column()
    latest_error: Mapped[str | None] = mapped_column(Text)
    is_materialized: Mapped[bool] = mapped_column(default=False)
    physical: Mapped[str | None] = mapped_column(String(64))
    inputs: Mapped[str | None] = mapped_column(String(64))
    failures: Mapped[int] = mapped_column(default=0)
    suspended: Mapped[bool] = mapped_column(default=False)
    incremental: Mapped[dict[str, Any] | None] = mapped_column(Json)
    incremental_state: Mapped[dict[str, Any] | None] = mapped_column(Json)
    folder_name: Mapped[str | None] = column_property(
        select(FolderRow.name).where(FolderRow.id == folder_id).correlate_except(FolderRow).scalar_subquery()
    )


class EdgeRow(Base):
    """That a saved query's text names a table or view. By name, so that it is as true as the text is."""

    __tablename__ = "saved_query_edges"
    __table_args__ = (Index("ix_saved_query_edges_parent", "project_id", "parent"),)

    child_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    parent: Mapped[str] = mapped_column(String(200), primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)


class LinkRow(Base):
    """A saved join: from the source table, `field_name.column` reads the joining table."""

    __tablename__ = "warehouse_view_links"
    __table_args__ = (
        Index(
            "uq_warehouse_view_links_field",
            "project_id",
            "source_table_name",
            "field_name",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    source_table_name: Mapped[str] = mapped_column(String(400))
    source_table_key: Mapped[str] = mapped_column(String(400))
    joining_table_name: Mapped[str] = mapped_column(String(400))
    joining_table_key: Mapped[str] = mapped_column(String(400))
    field_name: Mapped[str] = mapped_column(String(400))
    configuration: Mapped[dict[str, Any]] = mapped_column(default=dict)
    deleted: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ViewsetRow(Base):
    """Whether a managed set of views is shown in a project."""

    __tablename__ = "managed_viewsets"

    project_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=False)


class RunRow(Base):
    """One making of a view into a table.

    `status`: Waiting (for what it reads), Running, Completed, Failed, Cancelled or Skipped.

    Runs of one `wave` began together; each waits until the runs it `awaits` are Completed. `checks` are what the view's
    data checks found in the new table. `reason` says why there was nothing to do, or why all had to be done; `mode` is
    `full`, `incremental` or `range`.
    """

    __tablename__ = "data_modeling_jobs"
    __table_args__ = (
        Index("ix_data_modeling_jobs_view", "project_id", "view_id", "id"),
        Index("ix_data_modeling_jobs_wave", "wave"),
        Index("ix_data_modeling_jobs_status", "project_id", "status"),
        Index("ix_data_modeling_jobs_begun", "project_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    view_id: Mapped[UUID] = mapped_column(Uuid)
    wave: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int | None] = mapped_column(BigInteger)
    bytes_on_disk: Mapped[int | None] = mapped_column(BigInteger)
    seconds: Mapped[float | None] = mapped_column()
    error: Mapped[str | None] = mapped_column(Text)
    checks: Mapped[list[Any]] = mapped_column(default=list)
    awaits: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[str | None] = mapped_column(String(200))
    mode: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column()
