"""Secret keys of projects, and the keys that their tokens are signed with."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "project_secret_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("mask", sa.String(16), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_by", sa.Integer, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=True),
        sa.Column("last_rolled_at", Instant, nullable=True),
        sa.Column("revoked_at", Instant, nullable=True),
    )
    op.create_index("ix_project_secret_keys_project_id", "project_secret_keys", ["project_id"])
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("material", sa.Text, nullable=False),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.Integer, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("retires_at", Instant, nullable=True),
        sa.Column("revoked_at", Instant, nullable=True),
    )
    op.create_index("ix_signing_keys_project_id", "signing_keys", ["project_id"])


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_table("project_secret_keys")
