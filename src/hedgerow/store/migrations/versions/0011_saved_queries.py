"""Saved queries, what they read, saved joins and managed sets of views."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0011"
down_revision = "0010"

_LIVE = sa.text("NOT deleted")


def upgrade() -> None:
    op.create_table(
        "saved_queries",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("query", Json, nullable=False),
        sa.Column("columns", Json, nullable=False),
        sa.Column("revision", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("managed_viewset_kind", sa.String(64), nullable=True),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("sync_frequency", sa.String(16), nullable=True),
        sa.Column("status", sa.String(16), nullable=True),
        sa.Column("last_run_at", Instant, nullable=True),
        sa.Column("latest_error", sa.Text, nullable=True),
        sa.Column("is_materialized", sa.Boolean, nullable=False),
        sa.Column("physical", sa.String(64), nullable=True),
    )
    _unique("uq_saved_queries_name", "saved_queries", ["project_id", "name"])
    op.create_index("ix_saved_queries_sequence", "saved_queries", ["project_id", "sequence"])
    op.create_index("ix_saved_queries_page", "saved_queries", ["project_id", "deleted", "created_at", "id"])
    op.create_table(
        "saved_query_edges",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("parent", sa.String(200), primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_saved_query_edges_parent", "saved_query_edges", ["project_id", "parent"])
    _neighbours()


def _neighbours() -> None:
    op.create_table(
        "warehouse_view_links",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("source_table_name", sa.String(400), nullable=False),
        sa.Column("source_table_key", sa.String(400), nullable=False),
        sa.Column("joining_table_name", sa.String(400), nullable=False),
        sa.Column("joining_table_key", sa.String(400), nullable=False),
        sa.Column("field_name", sa.String(400), nullable=False),
        sa.Column("configuration", Json, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    fields = ["project_id", "source_table_name", "field_name"]
    _unique("uq_warehouse_view_links_field", "warehouse_view_links", fields)
    op.create_table(
        "managed_viewsets",
        sa.Column("project_id", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )


def _unique(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, columns, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)


def downgrade() -> None:
    for table in ("managed_viewsets", "warehouse_view_links", "saved_query_edges", "saved_queries"):
        op.drop_table(table)
