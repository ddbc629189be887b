"""A line for each run of an endpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "endpoint_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("caller_kind", sa.String(16), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("path", sa.String(24), nullable=False),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("duration", sa.BigInteger, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=True),
        sa.Column("error", sa.String(80), nullable=True),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_index("ix_endpoint_logs_endpoint", "endpoint_logs", ["endpoint_id", "at"])
    op.create_index("ix_endpoint_logs_age", "endpoint_logs", ["at"])


def downgrade() -> None:
    op.drop_table("endpoint_logs")
