"""Data checks, what they found, and what of it a run keeps."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "data_checks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("target_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("config", Json, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_data_checks_target", "data_checks", ["project_id", "target_id"])
    op.create_table(
        "data_check_results",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("check_id", sa.Uuid, nullable=False),
        sa.Column("target_id", sa.Uuid, nullable=False),
        sa.Column("run_id", sa.Uuid, nullable=True),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("failing_rows", sa.BigInteger, nullable=True),
        sa.Column("observed", sa.Double, nullable=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_data_check_results_check", "data_check_results", ["project_id", "check_id", "created_at"])
    op.create_index("ix_data_check_results_target", "data_check_results", ["project_id", "target_id", "created_at"])
    op.add_column("data_modeling_jobs", sa.Column("checks", Json, nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("data_modeling_jobs", "checks")
    op.drop_table("data_check_results")
    op.drop_table("data_checks")
