"""Physical tables made from queries."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "built_tables",
        sa.Column("physical", sa.String(64), primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("ix_built_tables_state", "built_tables", ["state", "at"])


def downgrade() -> None:
    op.drop_table("built_tables")
