"""Runs of a project by time, for the overview."""

from alembic import op

revision = "0032"
down_revision = "0031"

_INDEXES = {
    "ix_external_data_jobs_begun": ("external_data_jobs", "created_at"),
    "ix_external_data_jobs_finished": ("external_data_jobs", "finished_at"),
    "ix_data_modeling_jobs_begun": ("data_modeling_jobs", "created_at"),
}


def upgrade() -> None:
    for name, (table, column) in _INDEXES.items():
        op.create_index(name, table, ["project_id", column])


def downgrade() -> None:
    for name, (table, _) in _INDEXES.items():
        op.drop_index(name, table)
