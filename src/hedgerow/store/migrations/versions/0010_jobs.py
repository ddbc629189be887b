"""Jobs, schedules and workers."""

import sqlalchemy as sa
from alembic import op

from hedgerow.store.base import Instant, Json

revision = "0010"
down_revision = "0009"

_WAITING, _RUNNING = sa.text("state = 'waiting'"), sa.text("state = 'running'")
_COALESCING = sa.text("state = 'waiting' AND coalesces")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("project_id", sa.BigInteger),
        sa.Column("payload", Json, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("coalesces", sa.Boolean, nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        *(sa.Column(name, Instant, nullable=False) for name in ("created_at", "planned_at", "run_at")),
        *(sa.Column(name, Instant) for name in ("started_at", "finished_at")),
        sa.Column("worker", sa.String(200)),
        sa.Column("cancel_wanted", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("progress", Json),
        sa.Column("result", Json),
    )
    _index_jobs()
    op.create_table(
        "schedules",
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(100), primary_key=True),
        sa.Column("project_id", sa.BigInteger),
        sa.Column("payload", Json, nullable=False),
        sa.Column("every", sa.Float, nullable=False),
        sa.Column("jitter", sa.Float, nullable=False),
        sa.Column("planned_at", Instant, nullable=False),
        sa.Column("next_at", Instant, nullable=False),
    )
    op.create_index("ix_schedules_next", "schedules", ["next_at"])
    op.create_table(
        "workers",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
    )


def _index_jobs() -> None:
    def partial(name: str, columns: list[str], where: sa.TextClause, unique: bool = False) -> None:
        op.create_index(name, "jobs", columns, unique=unique, sqlite_where=where, postgresql_where=where)

    partial("ux_jobs_running_subject", ["subject"], _RUNNING, unique=True)
    partial("ux_jobs_waiting_subject", ["kind", "subject"], _COALESCING, unique=True)
    partial("ix_jobs_queue", ["rank", "run_at", "id"], _WAITING)
    op.create_index("ix_jobs_history", "jobs", ["subject", "kind", "created_at"])
    op.create_index("ix_jobs_finished", "jobs", ["finished_at", "kind"])


def downgrade() -> None:
    for name in ("workers", "schedules", "jobs"):
        op.drop_table(name)
