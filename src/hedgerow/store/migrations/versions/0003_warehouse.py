"""Warehouse tables and the credentials that linked ones are read with."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "warehouse_credentials",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("access_key", sa.Text, nullable=False),
        sa.Column("access_secret", sa.Text, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_warehouse_credentials_project_id", "warehouse_credentials", ["project_id"])
    op.create_table(
        "warehouse_tables",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("url_pattern", sa.String(500), nullable=False),
        sa.Column("credential_id", sa.Uuid, nullable=True),
        sa.Column("columns", Json, nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("created_via", sa.String(16), nullable=False),
        sa.Column("physical", sa.String(100), nullable=True),
        sa.Column("file_key", sa.String(500), nullable=True),
        sa.Column("row_count", sa.BigInteger, nullable=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=True),
    )
    op.create_index(
        "uq_warehouse_tables_name",
        "warehouse_tables",
        ["project_id", "name"],
        unique=True,
        sqlite_where=sa.text("NOT deleted"),
        postgresql_where=sa.text("NOT deleted"),
    )


def downgrade() -> None:
    op.drop_table("warehouse_tables")
    op.drop_table("warehouse_credentials")
