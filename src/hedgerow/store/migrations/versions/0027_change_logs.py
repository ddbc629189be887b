"""Where sources' logs of changes are read, and how far; what tables of the log look like."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "external_data_logs",
        sa.Column("source_id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("management_mode", sa.String(16), nullable=False),
        sa.Column("slot_name", sa.String(63), nullable=False),
        sa.Column("publication_name", sa.String(63), nullable=False),
        sa.Column("auto_drop_slot", sa.Boolean, nullable=False),
        sa.Column("warning_mb", sa.BigInteger, nullable=False),
        sa.Column("critical_mb", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=True),
        sa.Column("system", sa.String(64), nullable=True),
        sa.Column("farewell", sa.Text, nullable=False),
    )
    op.add_column("external_data_schemas", sa.Column("cdc_table_mode", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("external_data_schemas", "cdc_table_mode")
    op.drop_table("external_data_logs")
