"""How a source's tables are had: synced, or read live by each query."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    column = sa.Column("access_method", sa.String(16), nullable=False, server_default="warehouse")
    op.add_column("external_data_sources", column)


def downgrade() -> None:
    op.drop_column("external_data_sources", "access_method")
