"""What sources connect with, kept for a while before they are made."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "external_data_credentials",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("source_type", sa.String(64), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_external_data_credentials_user", "external_data_credentials", ["project_id", "user_id"])


def downgrade() -> None:
    op.drop_table("external_data_credentials")
