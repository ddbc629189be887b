"""Schemas that a fault switched off, and sweeps that find deleted rows."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("external_data_schemas", sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column(
        "external_data_schemas", sa.Column("key_sweep", sa.String(16), nullable=False, server_default="never")
    )
    op.add_column("external_data_schemas", sa.Column("swept_at", Instant, nullable=True))
    op.add_column("external_data_jobs", sa.Column("rows_deleted", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("external_data_jobs", "rows_deleted")
    for name in ("swept_at", "key_sweep", "stopped"):
        op.drop_column("external_data_schemas", name)
