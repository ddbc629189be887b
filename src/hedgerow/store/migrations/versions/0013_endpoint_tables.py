"""Tables of endpoint versions."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "endpoint_materializations",
        sa.Column("version_id", sa.Uuid, sa.ForeignKey("endpoint_versions.id"), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(16), nullable=True),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("bucket_overrides", Json, nullable=False),
        sa.Column("tables", Json, nullable=False),
        sa.Column("outputs", Json, nullable=False),
        sa.Column("sources", Json, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=True),
        sa.Column("bytes_on_disk", sa.BigInteger, nullable=True),
        sa.Column("materialized_at", Instant, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.add_column("endpoint_versions", sa.Column("obstacle", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("endpoint_versions", "obstacle")
    op.drop_table("endpoint_materializations")
