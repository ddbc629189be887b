"""When tables of endpoints were put to sleep, and woken."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("endpoint_materializations", sa.Column("hibernated_at", Instant, nullable=True))
    op.add_column("endpoint_materializations", sa.Column("awake_since", Instant, nullable=True))


def downgrade() -> None:
    op.drop_column("endpoint_materializations", "awake_since")
    op.drop_column("endpoint_materializations", "hibernated_at")
