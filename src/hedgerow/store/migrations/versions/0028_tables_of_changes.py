"""Tables of all changes beside, or in place of, those that are followed."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("external_data_schemas", sa.Column("history_id", sa.Uuid, nullable=True))


def downgrade() -> None:
    op.drop_column("external_data_schemas", "history_id")
