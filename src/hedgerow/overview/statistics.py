"""How many syncs and runs of views there were, how they ended, and how many rows they moved."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hedgerow.overview.activity import COMPLETED, RUNNING
from hedgerow.sources.sync import figures as syncs
from hedgerow.views.runs import figures as runs

_FAILED = "Failed"
_HOURS = 24
Counted = Iterable[tuple[int | None, str, int]]


@dataclass(frozen=True, slots=True)
class Spans:
    """The hours of a day, or the days of a week or month, newest first: what each is called, and when it began."""

    names: list[str]
    beginnings: list[datetime]


def spans(moment: datetime, days: int, zone: ZoneInfo) -> Spans:
    """24 hours for one day, else so many days by the project's own clock, of which the first has `moment` in it."""
    local = moment.astimezone(zone)
    if days == 1:
        hour = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        hours = [(hour - timedelta(hours=back)).astimezone(zone) for back in range(_HOURS)]
        return Spans([each.isoformat() for each in hours], hours)
    dates = [local.date() - timedelta(days=back) for back in range(days)]
    return Spans([str(date) for date in dates], [datetime.combine(date, time.min, zone) for date in dates])


def jobs(session: Session, project_id: int, days: int, moment: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Of the last days, by room and by hour or day: syncs that ended in them, and runs of views that began in them."""
    since, parts = moment - timedelta(days=days), spans(moment, days, zone)
    of_syncs = syncs.counts(session, project_id, since, parts.beginnings)
    of_runs = runs.counts(session, project_id, since, parts.beginnings)
    sums = [_summed(of_syncs), _summed(of_runs)]
    sums[0]["total"] -= sums[0]["running"]
    total, successful, failed = (sum(each[name] for each in sums) for name in ("total", "successful", "failed"))
    return {
        "days": days,
        "cutoff_time": since.astimezone(zone).isoformat().replace("+00:00", "Z"),
        "total_jobs": total,
        "successful_jobs": successful,
        "failed_jobs": failed,
        "external_data_jobs": sums[0],
        "modeling_jobs": sums[1],
        "breakdown": _by_span(parts, [*of_syncs, *of_runs]),
    }


def rows(session: Session, project_id: int) -> dict[str, Any]:
    """Rows moved by the runs that are kept. There is no billing here: what only that knows is empty."""
    synced, by_source = syncs.rows_synced(session, project_id)
    return {
        "billing_available": False,
        "billing_interval": "",
        "billing_period_end": None,
        "billing_period_start": None,
        "breakdown_of_rows_by_source": {str(source_id): count for source_id, count in by_source.items()},
        "materialized_rows_in_billing_period": runs.rows_made(session, project_id),
        "total_rows": synced,
        "tracked_billing_rows": 0,
        "pending_billing_rows": 0,
    }


def _summed(found: Counted) -> dict[str, int]:
    told = {"total": 0, "running": 0, "successful": 0, "failed": 0}
    named = {RUNNING: "running", COMPLETED: "successful", _FAILED: "failed"}
    for _, status, count in found:
        told["total"] += count
        if status in named:
            told[named[status]] += count
    return told


def _by_span(parts: Spans, found: Counted) -> dict[str, dict[str, int]]:
    told = [{"successful": 0, "failed": 0} for _ in parts.names]
    for place, status, count in found:
        if place is not None and status in (COMPLETED, _FAILED):
            told[place]["successful" if status == COMPLETED else "failed"] += count
    return dict(zip(parts.names, told, strict=True))
