"""What a view's table was made from, and which runs a run waits for."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Json

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("saved_queries", sa.Column("inputs", sa.String(64), nullable=True))
    op.add_column("data_modeling_jobs", sa.Column("awaits", Json, nullable=False, server_default="[]"))
    op.add_column("data_modeling_jobs", sa.Column("reason", sa.String(200), nullable=True))
    op.create_index("ix_data_modeling_jobs_status", "data_modeling_jobs", ["project_id", "status"])


def downgrade() -> None:
    op.drop_index("ix_data_modeling_jobs_status", "data_modeling_jobs")
    op.drop_column("data_modeling_jobs", "reason")
    op.drop_column("data_modeling_jobs", "awaits")
    op.drop_column("saved_queries", "inputs")
