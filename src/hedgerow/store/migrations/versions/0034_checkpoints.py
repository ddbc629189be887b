"""How far reads of whole tables have come."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "external_data_checkpoints",
        sa.Column("schema_id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("place", Json, nullable=False),
        sa.Column("pieces", Json, nullable=False),
        sa.Column("changed", sa.String(64), nullable=True),
        sa.Column("tally", Json, nullable=False),
        sa.Column("begun_at", Instant, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("external_data_checkpoints")
