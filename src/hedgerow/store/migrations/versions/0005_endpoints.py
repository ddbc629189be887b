"""Endpoints and their versions."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("current_version", sa.Integer, nullable=False),
        sa.Column("derived_from_insight", sa.String(12), nullable=True),
        sa.Column("tags", Json, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("last_executed_at", Instant, nullable=True),
    )
    op.create_index(
        "uq_endpoints_name",
        "endpoints",
        ["project_id", "name"],
        unique=True,
        sqlite_where=sa.text("NOT deleted"),
        postgresql_where=sa.text("NOT deleted"),
    )
    op.create_table(
        "endpoint_versions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("endpoint_id", sa.Uuid, sa.ForeignKey("endpoints.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("query", Json, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("data_freshness_seconds", sa.Integer, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("columns", Json, nullable=True),
        sa.Column("optional_breakdown_properties", Json, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("last_executed_at", Instant, nullable=True),
    )
    op.create_index("uq_endpoint_versions_number", "endpoint_versions", ["endpoint_id", "number"], unique=True)


def downgrade() -> None:
    op.drop_table("endpoint_versions")
    op.drop_table("endpoints")
