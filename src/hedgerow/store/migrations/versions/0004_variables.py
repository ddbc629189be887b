"""Insight variables."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "insight_variables",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("code_name", sa.String(400), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("default_value", Json, nullable=True),
        sa.Column("values", Json, nullable=True),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("uq_insight_variables_code_name", "insight_variables", ["project_id", "code_name"], unique=True)


def downgrade() -> None:
    op.drop_table("insight_variables")
