"""How often in a row a view's runs failed, and whether its schedule is suspended for that."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("saved_queries", sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
    op.add_column("saved_queries", sa.Column("suspended", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("saved_queries", "suspended")
    op.drop_column("saved_queries", "failures")
