"""Webhooks of sources, and the events they bring until their tables have them."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "external_data_webhooks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("farewell", sa.Text, nullable=False),
        sa.Column("remote_id", sa.String(255), nullable=True),
        sa.Column("url", sa.Text, nullable=True),
        sa.Column("leaving", sa.Boolean, nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    there = sa.text("NOT leaving")
    op.create_index(
        "uq_external_data_webhooks_source",
        "external_data_webhooks",
        ["source_id"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_table(
        "external_data_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("schema_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("row_key", sa.String(64), nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.Column("sure", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    events = "external_data_events"
    op.create_index("uq_external_data_events_event", events, ["schema_id", "event_id", "place"], unique=True)
    op.create_index("ix_external_data_events_state", events, ["schema_id", "state", "id"])
    op.create_index("ix_external_data_events_key", events, ["schema_id", "row_key", "at"])


def downgrade() -> None:
    op.drop_table("external_data_events")
    op.drop_table("external_data_webhooks")
