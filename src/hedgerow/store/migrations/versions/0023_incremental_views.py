"""Views whose tables are made bit by bit, and what a run made."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Json

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("saved_queries", sa.Column("incremental", Json, nullable=True))
    op.add_column("saved_queries", sa.Column("incremental_state", Json, nullable=True))
    op.add_column("data_modeling_jobs", sa.Column("mode", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("data_modeling_jobs", "mode")
    op.drop_column("saved_queries", "incremental_state")
    op.drop_column("saved_queries", "incremental")
