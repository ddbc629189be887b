"""Users, organizations, memberships, projects and personal keys."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uuid", sa.Uuid, nullable=False, unique=True),
        sa.Column("distinct_id", sa.String(200), nullable=False, unique=True),
        sa.Column("first_name", sa.String(150), nullable=False),
        sa.Column("last_name", sa.String(150), nullable=False),
        sa.Column("email", sa.String(254), nullable=False, unique=True),
        sa.Column("is_email_verified", sa.Boolean, nullable=False),
        sa.Column("role_at_organization", sa.String(64), nullable=True),
        sa.Column("current_project_id", sa.Integer, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("slug", sa.String(80), nullable=False, unique=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("joined_at", Instant, nullable=False),
        sa.UniqueConstraint("user_id", "organization_id"),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uuid", sa.Uuid, nullable=False, unique=True),
        sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("api_token", sa.String(200), nullable=False, unique=True),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "personal_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("mask", sa.String(16), nullable=False),
        sa.Column("scopes", Json, nullable=True),
        sa.Column("scoped_projects", Json, nullable=True),
        sa.Column("scoped_organizations", Json, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=True),
        sa.Column("last_rolled_at", Instant, nullable=True),
        sa.Column("revoked_at", Instant, nullable=True),
    )
    op.create_index("ix_personal_keys_user_id", "personal_keys", ["user_id"])
    op.create_index("ix_projects_organization_id", "projects", ["organization_id"])


def downgrade() -> None:
    for table in ("personal_keys", "projects", "memberships", "organizations", "users"):
        op.drop_table(table)
