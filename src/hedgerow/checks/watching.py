"""Looks at the checks of tables whose rows are published as they come: by a job, at most once a minute for a table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.checks import shelf
from hedgerow.checks.records import PASSED
from hedgerow.checks.running import Looking
from hedgerow.jobs import Control, Job, Jobs, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound

LOOK = "look_at_checks"
POLICY = Policy(tries=3, keep=20)
_REST = timedelta(minutes=1)
_TABLES = ("data_warehouse",)


@dataclass(frozen=True, slots=True)
class Watching:
    """What a log or a webhook tells is not kept back: a log that nobody reads fills its server's disk."""

    jobs: Jobs
    looking: Looking

    def published(self, session: Session, project_id: int, table_id: UUID) -> None:
        """Have a table's checks looked at, now that it has new rows; within the transaction that publishes them.

        Nothing is done where it has none. What comes within a minute of the last look is looked at together.
        """
        checks = shelf.of_target(session, project_id, table_id, enabled=True)
        if checks:
            found = shelf.latest(session, project_id, checks).values()
            when = _after(max((result.created_at for result in found), default=None))
            place, payload = f"checks:{table_id}", {"table": str(table_id)}
            self.jobs.enqueue(session, LOOK, place, payload, project_id=project_id, run_at=when)

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """The handler of `LOOK`; what is found is kept, and nothing else happens."""
        try:
            findings = await self.looking.look(job.project_id or 0, UUID(job.payload["table"]), _TABLES)
        except NotFound:
            return None
        failed = sum(finding.status != PASSED for finding in findings)
        return {"passed": len(findings) - failed, "failed": failed}


def _after(last: datetime | None) -> datetime | None:
    """When to look again; `None` is at once."""
    due = last + _REST if last is not None else None
    return due if due is not None and now() < due <= now() + _REST else None  # the clock may have been set back
