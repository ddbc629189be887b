"""What the activity log is told of saved queries and their folders."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.views.records import Folder, View

SCOPE = "DataWarehouseSavedQuery"
_FOLDER = "DataWarehouseSavedQueryFolder"


def note(session: Session, view: View, user_id: int | None, activity: str, before: View | None) -> None:
    """Tell what a view was and is, in the deed's transaction; nothing when an update changed nothing that is told."""
    after = None if activity == "deleted" else _told(view)
    fields = differences(SCOPE, _told(before) if before else None, after)
    if fields or activity != "updated":
        told = detail(view.name, fields)
        Activity().note(session, Change(view.project_id, user_id, SCOPE, str(view.id), activity, told))


def note_folder(session: Session, of: Folder, user_id: int, activity: str, changes: Mapping[str, str | None]) -> None:
    """Tell what was done to a folder, in the deed's transaction; `changes` are its old and its new name."""
    before, after = ({"name": changes[when]} for when in ("before", "after"))
    told = detail(of.name, differences(_FOLDER, before, after))
    Activity().note(session, Change(of.project_id, user_id, _FOLDER, str(of.id), activity, told))


def _told(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "description": view.description,
        "folder_id": view.folder_id,
        "query": dict(view.query),
        "sync_frequency": view.sync_frequency,
        "is_materialized": view.is_materialized,
        "incremental": asdict(view.incremental) if view.incremental else None,
    }
