"""Data checks as the API answers them."""

from collections.abc import Mapping
from typing import Any

from hedgerow.checks.records import Check, Finding, Result
from hedgerow.kit.clock import iso
from hedgerow.web.access import UserCard


def check(record: Check, last: Result | None, cards: Mapping[int, UserCard]) -> dict[str, Any]:
    """A check with what it found last."""
    return {
        **brief(record, last),
        "config": dict(record.config),
        "created_by": None if record.created_by is None else cards.get(record.created_by),
        "created_at": iso(record.created_at),
    }


def brief(record: Check, last: Result | None) -> dict[str, Any]:
    """A check as its view shows it; `status` is null before it has been run."""
    return {
        "id": str(record.id),
        "name": record.name,
        "kind": record.kind,
        "severity": record.severity,
        "enabled": record.enabled,
        "status": last.status if last else None,
        "failing_rows": last.failing_rows if last else None,
        "detail": last.detail if last else None,
        "checked_at": iso(last.created_at) if last else None,
    }


def result(record: Result) -> dict[str, Any]:
    """What was found, as it was kept."""
    return {
        "id": str(record.id),
        "check_id": str(record.check_id),
        "run_id": str(record.run_id) if record.run_id else None,
        "status": record.status,
        "severity": record.severity,
        "failing_rows": record.failing_rows,
        "observed": record.observed,
        "detail": record.detail,
        "duration_seconds": record.seconds,
        "timestamp": iso(record.created_at),
    }


def finding(record: Finding) -> dict[str, Any]:
    """What was found just now."""
    return {**record.told(), "observed": record.observed, "duration_seconds": record.seconds}
