"""Folders of saved queries."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "saved_query_folders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("created_by", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("uq_saved_query_folders_name", "saved_query_folders", ["project_id", "name"], unique=True)
    op.add_column("saved_queries", sa.Column("folder_id", sa.Uuid, nullable=True))
    op.create_index("ix_saved_queries_folder", "saved_queries", ["folder_id"])


def downgrade() -> None:
    op.drop_index("ix_saved_queries_folder", "saved_queries")
    op.drop_column("saved_queries", "folder_id")
    op.drop_table("saved_query_folders")
