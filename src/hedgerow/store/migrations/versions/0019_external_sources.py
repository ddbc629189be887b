"""Sources, their schemas and runs, and the tables that they keep."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0019"
down_revision = "0018"
_LIVE = sa.text("NOT deleted")


def upgrade() -> None:
    _sources()
    _schemas()
    _runs()
    op.add_column("warehouse_tables", sa.Column("schema_id", sa.Uuid, nullable=True))


def _sources() -> None:
    op.create_table(
        "external_data_sources",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("source_type", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(100), nullable=True),
        sa.Column("prefix_key", sa.String(100), nullable=False),
        sa.Column("description", sa.String(400), nullable=True),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("revenue_enabled", sa.Boolean, nullable=False),
        sa.Column("revenue_invoiceless", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("created_via", sa.String(16), nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )
    op.create_index(
        "uq_external_data_sources_prefix",
        "external_data_sources",
        ["project_id", "source_type", "prefix_key"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )


def _schemas() -> None:
    op.create_table(
        "external_data_schemas",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("label", sa.String(400), nullable=True),
        sa.Column("description", sa.Text, nullable=True),
        sa.Column("table_name", sa.String(128), nullable=False),
        sa.Column("table_id", sa.Uuid, nullable=True),
        sa.Column("should_sync", sa.Boolean, nullable=False),
        sa.Column("sync_type", sa.String(32), nullable=True),
        sa.Column("incremental_field", sa.String(400), nullable=True),
        sa.Column("incremental_field_type", sa.String(32), nullable=True),
        sa.Column("primary_key_columns", Json, nullable=True),
        sa.Column("enabled_columns", Json, nullable=True),
        sa.Column("remote", Json, nullable=False),
        sa.Column("evolution", sa.String(16), nullable=False),
        sa.Column("sync_frequency", sa.String(16), nullable=False),
        sa.Column("sync_time_of_day", sa.String(8), nullable=True),
        sa.Column("status", sa.String(32), nullable=True),
        sa.Column("latest_error", sa.Text, nullable=True),
        sa.Column("last_synced_at", Instant, nullable=True),
        sa.Column("cursor", Json, nullable=True),
        sa.Column("reset", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )
    op.create_index(
        "uq_external_data_schemas_name",
        "external_data_schemas",
        ["source_id", "name"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index("ix_external_data_schemas_project", "external_data_schemas", ["project_id"])


def _runs() -> None:
    op.create_table(
        "external_data_jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("schema_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("sync_type", sa.String(32), nullable=True),
        sa.Column("rows_synced", sa.BigInteger, nullable=False),
        sa.Column("bytes_synced", sa.BigInteger, nullable=False),
        sa.Column("null_cursors", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=True),
    )
    op.create_index("ix_external_data_jobs_source", "external_data_jobs", ["source_id", "created_at"])
    op.create_index("ix_external_data_jobs_schema", "external_data_jobs", ["schema_id", "created_at"])


def downgrade() -> None:
    op.drop_column("warehouse_tables", "schema_id")
    for table in ("external_data_jobs", "external_data_schemas", "external_data_sources"):
        op.drop_table(table)
