"""A rate per endpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("rate_limit", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("endpoints", "rate_limit")
