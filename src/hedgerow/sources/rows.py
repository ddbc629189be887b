"""Rows of sources, of their schemas (one per remote table), and of the runs that synced them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.store.base import Base
from hedgerow.store.rotating import ENCRYPTED

_LIVE = text("NOT deleted")


class SourceRow(Base):
    """A connection. `config` is JSON, encrypted whole; `prefix_key` is the prefix as it is compared.

    `access_method`: `warehouse` where tables are synced, `direct` where queries read them at the remote; the prefix is
    then what its user calls it.
    """

    __tablename__ = "external_data_sources"
    __table_args__ = (
        Index(
            "uq_external_data_sources_prefix",
            "project_id",
            "source_type",
            "prefix_key",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    project_id: Mapped[int] = mapped_column(BigInteger)
    source_type: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str | None] = mapped_column(String(100))
    prefix_key: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(400))
    config: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    status: Mapped[str] = mapped_column(String(32), default="Running")
    revenue_enabled: Mapped[bool] = mapped_column(default=False)
    revenue_invoiceless: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_via: Mapped[str] = mapped_column(String(16), default="api")
    access_method: Mapped[str] = mapped_column(String(16), default="warehouse")
    deleted: Mapped[bool] = mapped_column(default=False)


class SchemaRow(Base):
    """How one remote table is synced, and how far that has come.

    `table_name` is what its table is called in queries. `cursor` is the last value that is in the published table, or
    where in the source's log it stands; `history_id` is the table of all changes, which may be the only one; `reset`
    says that the next run reads everything, whatever the cursor; `stopped`, that a fault which its user has to mend
    switched it off. `remote` is the remote's table as last seen:
    `{"columns", "cursors", "primary_key", "sync_types", "types"}`; `types` are the engine's, by column.
    """

    __tablename__ = "external_data_schemas"
    __table_args__ = (
        Index(
            "uq_external_data_schemas_name",
            "source_id",
            "name",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index("ix_external_data_schemas_project", "project_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    source_id: Mapped[UUID] = mapped_column(Uuid)
    project_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(400))
    label: Mapped[str | None] = mapped_column(String(400))
    description: Mapped[str | None] = mapped_column(Text)
    table_name: Mapped[str] = mapped_column(String(128))
    table_id: Mapped[UUID | None] = mapped_column(Uuid)
    history_id: Mapped[UUID | None] = mapped_column(Uuid)
    should_sync: Mapped[bool] = mapped_column(default=False)
    sync_type: Mapped[str | None] = mapped_column(String(32))
    incremental_field: Mapped[str | None] = mapped_column(String(400))
    incremental_field_type: Mapped[str | None] = mapped_column(String(32))
    primary_key_columns: Mapped[list[Any] | None] = mapped_column()
    enabled_columns: Mapped[list[Any] | None] = mapped_column()
    cdc_table_mode: Mapped[str | None] = mapped_column(String(16))
    remote: Mapped[dict[str, Any]] = mapped_column(default=dict)
    evolution: Mapped[str] = mapped_column(String(16), default="evolve")
    sync_frequency: Mapped[str] = mapped_column(String(16), default="6hour")
    sync_time_of_day: Mapped[str | None] = mapped_column(String(8))
    status: Mapped[str | None] = mapped_column(String(32))
    latest_error: Mapped[str | None] = mapped_column(Text)
    last_synced_at: Mapped[datetime | None] = mapped_column()
    cursor: Mapped[dict[str, Any] | None] = mapped_column()
    reset: Mapped[bool] = mapped_column(default=False)
    stopped: Mapped[bool] = mapped_column(default=False)
    key_sweep: Mapped[str] = mapped_column(String(16), default="never")
    swept_at: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted: Mapped[bool] = mapped_column(default=False)


class RunRow(Base):
    """One sync of a schema; its id is the job's. `null_cursors` counts rows that no later run will see again."""

    __tablename__ = "external_data_jobs"
    __table_args__ = (
        Index("ix_external_data_jobs_source", "source_id", "created_at"),
        Index("ix_external_data_jobs_schema", "schema_id", "created_at"),
        Index("ix_external_data_jobs_begun", "project_id", "created_at"),
        Index("ix_external_data_jobs_finished", "project_id", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    source_id: Mapped[UUID] = mapped_column(Uuid)
    schema_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[str] = mapped_column(String(32))
    sync_type: Mapped[str | None] = mapped_column(String(32))
    rows_synced: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes_synced: Mapped[int] = mapped_column(BigInteger, default=0)
    null_cursors: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_deleted: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column()


class CheckpointRow(Base):
    """How far a read of a whole table had come when what it had read was last written down.

    `made_by` tells reads apart that cannot go on from each other; `place` is the connector's own words for where to go
    on. `pieces` are physical tables that are kept, and hold what was read up to there; `changed` is one of rows that
    take the place of theirs. `tally` counts them.
    """

    __tablename__ = "external_data_checkpoints"

    schema_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(String(64))
    place: Mapped[dict[str, Any]] = mapped_column()
    pieces: Mapped[list[Any]] = mapped_column()
    changed: Mapped[str | None] = mapped_column(String(64))
    tally: Mapped[dict[str, Any]] = mapped_column()
    begun_at: Mapped[datetime] = mapped_column(default=now)
    at: Mapped[datetime] = mapped_column(default=now)


class LogRow(Base):
    """Where a source's log of changes is read. `position`: what lies before it is published, and not wanted again.

    `farewell` is what a source that is gone connected with, encrypted, until its slot is dropped; else an empty object.
    """

    __tablename__ = "external_data_logs"

    source_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    enabled: Mapped[bool] = mapped_column(default=True)
    management_mode: Mapped[str] = mapped_column(String(16))
    slot_name: Mapped[str] = mapped_column(String(63))
    publication_name: Mapped[str] = mapped_column(String(63))
    auto_drop_slot: Mapped[bool] = mapped_column(default=True)
    warning_mb: Mapped[int] = mapped_column(BigInteger)
    critical_mb: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int | None] = mapped_column(BigInteger)
    system: Mapped[str | None] = mapped_column(String(64))
    warning: Mapped[str | None] = mapped_column(Text)
    farewell: Mapped[str] = mapped_column(Text, info=ENCRYPTED)


_THERE = text("NOT leaving")


class WebhookRow(Base):
    """A source's webhook; its id is a part of the address that the remote posts to, and cannot be guessed.

    `inputs` is JSON, encrypted: the secrets that prove a delivery. `remote_id` is what the remote calls it, `url` what
    it was registered for. `leaving`: it is to be removed at the remote, with what `farewell` holds, encrypted.
    """

    __tablename__ = "external_data_webhooks"
    __table_args__ = (
        Index(
            "uq_external_data_webhooks_source",
            "source_id",
            unique=True,
            sqlite_where=_THERE,
            postgresql_where=_THERE,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    source_id: Mapped[UUID] = mapped_column(Uuid)
    project_id: Mapped[int] = mapped_column(BigInteger)
    inputs: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    farewell: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    remote_id: Mapped[str | None] = mapped_column(String(255))
    url: Mapped[str | None] = mapped_column(Text)
    leaving: Mapped[bool] = mapped_column(default=False)
    last_event_at: Mapped[datetime | None] = mapped_column()
    refused_at: Mapped[datetime | None] = mapped_column()
    refusal: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)


class EventRow(Base):
    """What an event told of one row, in the order of arrival; delivered again, it is the same row here.

    `at` is when the remote says it happened. `state`: `waiting`, `applied`, `passed` (a newer one was there) or
    `failed`. `body` is JSON, `{"key", "row"}` (`row` is null where it is `gone`); empty once it is not wanted any more.
    `digest` tells one state of a row from another. Unless it is `sure`, the row is to be asked for.
    """

    __tablename__ = "external_data_events"
    __table_args__ = (
        Index("uq_external_data_events_event", "schema_id", "event_id", "place", unique=True),
        Index("ix_external_data_events_state", "schema_id", "state", "id"),
        Index("ix_external_data_events_key", "schema_id", "row_key", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    schema_id: Mapped[UUID] = mapped_column(Uuid)
    event_id: Mapped[str] = mapped_column(String(255))
    place: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(100))
    at: Mapped[int] = mapped_column(BigInteger)
    row_key: Mapped[str] = mapped_column(String(64))
    gone: Mapped[bool] = mapped_column()
    sure: Mapped[bool] = mapped_column()
    body: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    error: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(default=now)


class CredentialRow(Base):
    """What a source is to connect with once it is made: `config` is JSON, encrypted whole. Its id cannot be guessed."""

    __tablename__ = "external_data_credentials"
    __table_args__ = (Index("ix_external_data_credentials_user", "project_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int] = mapped_column(BigInteger)
    source_type: Mapped[str] = mapped_column(String(64))
    config: Mapped[str] = mapped_column(Text, info=ENCRYPTED)
    created_at: Mapped[datetime] = mapped_column(default=now)
