"""Saved queries and saved joins as the API answers them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from hedgerow.kit.clock import iso
from hedgerow.views.links import Link
from hedgerow.views.records import Folder, View
from hedgerow.views.runs.ledger import Run
from hedgerow.warehouse.shapes import column_shape
from hedgerow.web.access import UserCard, UserCards


def listed(views: Iterable[View], cards: UserCards) -> list[dict[str, Any]]:
    """Views without their queries, with one look-up of their makers."""
    views = list(views)
    known = cards.cards({view.created_by for view in views if view.created_by is not None})
    return [_minimal(view, known) for view in views]


def whole(view: View, cards: UserCards) -> dict[str, Any]:
    """One view with its query and the token that changing it takes."""
    known = cards.cards({view.created_by} if view.created_by is not None else set())
    return {
        **_minimal(view, known),
        "query": view.query,
        "latest_history_id": str(view.revision),
        # What a change may say; the reference shows them in answers as well.
        "edited_history_id": None,
        "soft_update": None,
    }


def folders(records: Iterable[Folder], cards: UserCards) -> list[dict[str, Any]]:
    """Folders, with one look-up of their makers."""
    records = list(records)
    known = cards.cards({each.created_by for each in records if each.created_by is not None})
    return [
        {
            "id": str(each.id),
            "name": each.name,
            "created_at": iso(each.created_at),
            "created_by": None if each.created_by is None else known.get(each.created_by),
            "view_count": each.view_count,
            "user_access_level": "manager",
        }
        for each in records
    ]


def link(record: Link, cards: Mapping[int, UserCard]) -> dict[str, Any]:
    """A saved join."""
    return {
        "id": str(record.id),
        "deleted": False,
        "created_by": None if record.created_by is None else cards.get(record.created_by),
        "created_at": iso(record.created_at),
        "source_table_name": record.source_table_name,
        "source_table_key": record.source_table_key,
        "joining_table_name": record.joining_table_name,
        "joining_table_key": record.joining_table_key,
        "field_name": record.field_name,
        "configuration": dict(record.configuration),
    }


def past_run(record: Run, progress: Mapping[str, object] | None) -> dict[str, Any]:
    """A run in its view's history; one that waits for what it reads shows as running."""
    return {
        "id": str(record.id),
        "status": _status(record),
        "timestamp": iso(record.created_at),
        "ended_at": iso(record.ended_at) if record.ended_at else None,
        "rows": record.rows,
        "bytes": record.bytes_on_disk,
        "duration_seconds": record.seconds,
        "error": record.error,
        "mode": record.mode,
        "reason": record.reason,
        "checks": list(record.checks),
        "progress": progress,
    }


def run(record: Run) -> dict[str, Any]:
    """A run among those of all views."""
    return {
        "id": str(record.id),
        "saved_query_id": str(record.view_id),
        "status": _status(record),
        "rows_materialized": record.rows or 0,
        "rows_expected": None,
        "error": record.error,
        "reason": record.reason,
        "created_at": iso(record.created_at),
        "last_run_at": iso(record.ended_at or record.created_at),
        "workflow_id": f"view:{record.view_id}",
        "workflow_run_id": str(record.wave),
    }


def _status(record: Run) -> str:
    return "Running" if record.status == "Waiting" else record.status


def _state(view: View) -> dict[str, Any] | None:
    """How far the table goes, and when it was last made whole."""
    state = view.incremental_state
    return None if state is None else {"watermark": state["watermark"], "last_full_run_at": state["full_at"]}


def _minimal(view: View, cards: Mapping[int, UserCard]) -> dict[str, Any]:
    return {
        "id": str(view.id),
        "deleted": view.deleted,
        "name": view.name,
        "folder_id": str(view.folder_id) if view.folder_id else None,
        "folder_name": view.folder_name,
        "description": view.description,
        "created_by": None if view.created_by is None else cards.get(view.created_by),
        "created_at": iso(view.created_at),
        "sync_frequency": view.sync_frequency,
        "columns": [column_shape(column) for column in view.columns],
        "status": view.status,
        "last_run_at": iso(view.last_run_at) if view.last_run_at else None,
        "managed_viewset_kind": view.managed_viewset_kind,
        "latest_error": view.latest_error,
        "is_materialized": view.is_materialized,
        "suspended": view.suspended,
        "incremental": asdict(view.incremental) if view.incremental else None,
        "incremental_state": _state(view),
        "has_incremental_history": view.incremental_state is not None,
        "origin": view.origin,
    }
