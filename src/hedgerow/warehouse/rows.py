"""Rows of warehouse tables and of the credentials that linked ones are read with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base
from hedgerow.store.rotating import ENCRYPTED


class CredentialRow(Base):
    """A pair of keys, both encrypted."""

    __tablename__ = "warehouse_credentials"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger, index=True)
    access_key: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    access_secret: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)


class TableRow(Base):
    """A table: a linked one has a credential; an uploaded one a `physical` table, and the file it came in;
    a synced one a `physical` table, and the schema of a source that it is of.

    `columns` holds `{"name", "clickhouse", "hogql", "valid"}` in order; `size_bytes` is the file's.
    """

    __tablename__ = "warehouse_tables"
    __table_args__ = (
        Index(
            "uq_warehouse_tables_name",
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
    format: Mapped[str] = mapped_column(String(32))
    url_pattern: Mapped[str] = mapped_column(String(500), default="")
    credential_id: Mapped[UUID | None] = mapped_column(Uuid)
    columns: Mapped[list[Any]] = mapped_column(default=list)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    deleted: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_via: Mapped[str] = mapped_column(String(16), default="api")
    physical: Mapped[str | None] = mapped_column(String(100))
    schema_id: Mapped[UUID | None] = mapped_column(Uuid)
    file_key: Mapped[str | None] = mapped_column(String(500))
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
