"""Runs that make saved queries into tables."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "data_modeling_jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("view_id", sa.Uuid, nullable=False),
        sa.Column("wave", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=True),
        sa.Column("bytes_on_disk", sa.BigInteger, nullable=True),
        sa.Column("seconds", sa.Double, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
    )
    op.create_index("ix_data_modeling_jobs_view", "data_modeling_jobs", ["project_id", "view_id", "id"])
    op.create_index("ix_data_modeling_jobs_wave", "data_modeling_jobs", ["wave"])
    op.create_index("ix_saved_queries_named", "saved_queries", ["project_id", "name", "deleted"])


def downgrade() -> None:
    op.drop_index("ix_saved_queries_named", "saved_queries")
    op.drop_table("data_modeling_jobs")
