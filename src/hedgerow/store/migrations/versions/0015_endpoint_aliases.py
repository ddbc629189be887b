"""Names for versions of endpoints."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Json

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("aliases", Json, nullable=False, server_default="{}"))
    op.add_column("endpoints", sa.Column("default_alias", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("endpoints", "default_alias")
    op.drop_column("endpoints", "aliases")
