"""How long a cached answer of an endpoint's version outlives its freshness."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    column = sa.Column("stale_while_revalidate_seconds", sa.Integer, nullable=False, server_default="0")
    op.add_column("endpoint_versions", column)


def downgrade() -> None:
    op.drop_column("endpoint_versions", "stale_while_revalidate_seconds")
