"""Sums of the runs of endpoints by hour."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    sums = ("runs", "cached", "materialized", "errors", "row_count", "bytes_read", "duration")
    op.create_table(
        "endpoint_usage",
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("endpoint_id", sa.Uuid, primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("caller_kind", sa.String(16), primary_key=True),
        sa.Column("caller", sa.String(200), primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in (*sums, *(f"d{n}" for n in range(32)))),
    )
    op.create_index("ix_endpoint_usage_project", "endpoint_usage", ["project_id", "hour"])
    op.create_index("ix_endpoint_usage_age", "endpoint_usage", ["hour"])


def downgrade() -> None:
    op.drop_table("endpoint_usage")
