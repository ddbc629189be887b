"""The activity log."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "activity_log",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=True),
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("activity", sa.String(80), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_activity_log_item", "activity_log", ["project_id", "scope", "item_id", "created_at"])
    op.create_index("ix_activity_log_project", "activity_log", ["project_id", "created_at"])
    op.create_index("ix_activity_log_age", "activity_log", ["created_at"])


def downgrade() -> None:
    op.drop_table("activity_log")
