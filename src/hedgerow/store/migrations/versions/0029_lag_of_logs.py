"""What is told of a log that is read too far behind."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("external_data_logs", sa.Column("warning", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("external_data_logs", "warning")
