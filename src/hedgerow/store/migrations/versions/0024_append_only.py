"""Columns by which tables of endpoints grow, and how the last refresh went."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Json

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("endpoint_versions", sa.Column("append_only_column", sa.String(400), nullable=True))
    op.add_column("endpoint_materializations", sa.Column("refreshed", Json, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("endpoint_materializations", "refreshed")
    op.drop_column("endpoint_versions", "append_only_column")
