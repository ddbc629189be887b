"""When schemas are synced: by schedules that are rows, or because somebody asks; all in the caller's transaction."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.jobs import JobRoom
from hedgerow.kit.clock import now
from hedgerow.sources import ledger
from hedgerow.sources.records import FAILED, PENDING, RUNNING, Schema, Source
from hedgerow.sources.shelf import Shelf

SYNC, DISCOVER, FOLLOW, TIDY = "sync", "discover", "follow", "tidy"
APPLY, UNHOOK = "apply_events", "unhook"
LOOK_AFTER = timedelta(seconds=30)
_REST = timedelta(seconds=1)
_LOOK_EVERY, _MOST_LATE = timedelta(hours=6), timedelta(minutes=10)
EVERY: Mapping[str, timedelta] = {
    "1min": timedelta(minutes=1),
    "5min": timedelta(minutes=5),
    "15min": timedelta(minutes=15),
    "30min": timedelta(minutes=30),
    "1hour": timedelta(hours=1),
    "6hour": timedelta(hours=6),
    "12hour": timedelta(hours=12),
    "24hour": timedelta(days=1),
    "7day": timedelta(days=7),
    "30day": timedelta(days=30),
}


def first_after(moment: datetime, anchor: str, every: timedelta) -> datetime:
    """The next moment at which a schedule that is set up on a time of day (`HH:MM:SS`, UTC) is due."""
    step = min(every, timedelta(days=1))
    base = datetime.combine(moment.date(), time.fromisoformat(anchor), moment.tzinfo)
    return base + step * math.ceil((moment - base) / step)


def source_subject(source_id: UUID) -> str:
    """What the jobs on a whole source are on."""
    return f"source:{source_id}"


def log_subject(source_id: UUID) -> str:
    """What the jobs on a source's log are on: one at a time reads it."""
    return f"log:{source_id}"


def subject(schema_id: UUID) -> str:
    """What a schema's jobs are on: never do two of them run at once."""
    return f"schema:{schema_id}"


def webhook_subject(webhook_id: UUID) -> str:
    """What the jobs on a webhook at its remote are on."""
    return f"webhook:{webhook_id}"


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Jobs and schedules of schemas."""

    jobs: JobRoom
    shelf: Shelf

    def trigger(self, session: Session, schema: Schema, by: int | None = None) -> Schema:
        """Sync as soon as a worker has time; nothing more when that waits already."""
        payload = {"schema": str(schema.id)}
        job = self.jobs.jobs.enqueue(session, SYNC, subject(schema.id), payload, project_id=schema.project_id)
        ledger.begin(session, schema, job, by)
        return self.shelf.change_schema(session, schema.id, {"status": RUNNING})

    def follow(self, session: Session, schema: Schema) -> None:
        """Let the schedule be what the schema says."""
        every = EVERY.get(schema.sync_frequency)
        if not schema.should_sync or every is None or schema.sync_type == "cdc":  # that is told by its log
            self.jobs.schedules.remove(session, subject(schema.id), SYNC)
            return
        anchor, payload = schema.sync_time_of_day, {"schema": str(schema.id)}
        late = timedelta(0) if anchor else min(every / 20, _MOST_LATE)
        self.jobs.schedules.set(
            session, subject(schema.id), SYNC, payload, every, project_id=schema.project_id, jitter=late
        )
        if anchor is not None:
            self.jobs.schedules.begin_at(session, subject(schema.id), SYNC, first_after(now(), anchor, every))

    def follow_log(self, session: Session, project_id: int, source_id: UUID) -> None:
        """Have the log followed from now on, again and again whatever becomes of who does."""
        place, payload = log_subject(source_id), {"source": str(source_id)}
        self.jobs.schedules.set(session, place, FOLLOW, payload, LOOK_AFTER, project_id=project_id)
        self.jobs.jobs.enqueue(session, FOLLOW, place, payload, project_id=project_id)

    def tidy_log(self, session: Session, project_id: int, source_id: UUID) -> None:
        """What of a log nobody wants is dropped as soon as nobody reads it; whoever reads it stops."""
        place, payload = log_subject(source_id), {"source": str(source_id)}
        self.jobs.jobs.cancel(session, place)
        self.jobs.schedules.remove(session, place, FOLLOW)
        self.jobs.jobs.enqueue(session, TIDY, place, payload, project_id=project_id)

    def apply_events(self, session: Session, schema: Schema) -> None:
        """Have the table take the events that wait: after a sync of it, if one runs, and about once a second at most.

        Whatever is kept of a table's answers is made anew when it changes.
        """
        place, payload = subject(schema.id), {"schema": str(schema.id)}
        due = schema.last_synced_at + _REST if schema.last_synced_at is not None else None
        when = due if due is not None and now() < due < now() + 2 * _REST else None  # the clock may have been set back
        self.jobs.jobs.enqueue(session, APPLY, place, payload, project_id=schema.project_id, run_at=when)

    def unhook(self, session: Session, project_id: int, webhook_id: UUID, after: timedelta = timedelta(0)) -> None:
        """Have a webhook removed at its remote."""
        place, payload = webhook_subject(webhook_id), {"webhook": str(webhook_id)}
        self.jobs.jobs.enqueue(session, UNHOOK, place, payload, project_id=project_id, run_at=now() + after)

    def reading(self, session: Session, schema: Schema) -> bool:
        """Whether a table is being read whole, so that the log is to be kept for it."""
        if not schema.logged or schema.cursor != PENDING or schema.status != RUNNING:
            return False
        return any(job.kind == SYNC for job in self.jobs.jobs.current(session, subject(schema.id)))

    def look_often(self, session: Session, source: Source) -> None:
        """Look every six hours for tables that have come or gone."""
        payload, place = {"source": str(source.id)}, source_subject(source.id)
        self.jobs.schedules.set(
            session, place, DISCOVER, payload, _LOOK_EVERY, project_id=source.project_id, jitter=_MOST_LATE
        )

    def look_no_more(self, session: Session, source: Source) -> None:
        """End that."""
        self.jobs.schedules.remove(session, source_subject(source.id))
        self.jobs.jobs.cancel(session, source_subject(source.id))

    def stop(self, session: Session, schema: Schema) -> bool:
        """End what runs or waits; whether anything did. The last good table goes on serving."""
        self.jobs.jobs.cancel(session, subject(schema.id))
        runs = ledger.cancel(session, schema.id)
        if schema.status == RUNNING:
            self.shelf.change_schema(session, schema.id, {"status": FAILED, "latest_error": ledger.CANCELLED})
        if schema.cursor == PENDING:
            self.tidy_log(session, schema.project_id, schema.source_id)
        return bool(runs)

    def forget(self, session: Session, schema: Schema) -> None:
        """End its runs and its schedule."""
        self.stop(session, schema)
        self.jobs.schedules.remove(session, subject(schema.id))
