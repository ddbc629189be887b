"""The log itself: notes within the caller's transaction, pages newest first, and the end of what is too old."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from hedgerow.activity.changes import Change, plain
from hedgerow.activity.rows import ActivityRow
from hedgerow.kit.ids import uuid7

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed that was noted."""

    id: UUID
    project_id: int
    user_id: int | None
    scope: str
    item_id: str
    activity: str
    detail: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which entries are wanted; empty is all. All that is given must hold."""

    scopes: Sequence[str] = ()
    item_id: str | None = None
    user_id: int | None = None
    activities: Sequence[str] = ()


class Activity:
    """The log of all projects."""

    def note(self, session: Session, change: Change) -> UUID:
        """Write a deed down in the caller's transaction, so that it stands if and only if the deed does; its id."""
        # The id is given here: nothing has to be flushed for it to be known.
        row = ActivityRow(
            id=uuid7(),
            project_id=change.project_id,
            user_id=change.user_id,
            scope=change.scope,
            item_id=str(change.item_id),
            activity=change.activity,
            detail=plain(change.detail),
        )
        session.add(row)
        return row.id

    def page(
        self, session: Session, project_id: int, chosen: Chosen, limit: int, offset: int
    ) -> tuple[int, list[Entry]]:
        """How many entries there are, and one page of them, newest first."""
        rules = _rules(project_id, chosen)
        count = session.scalar(select(func.count()).select_from(ActivityRow).where(*rules)) or 0
        rows = select(ActivityRow).where(*rules).order_by(ActivityRow.created_at.desc(), ActivityRow.id.desc())
        return count, [_entry(row) for row in session.scalars(rows.limit(limit).offset(offset))]

    def latest(self, session: Session, project_id: int, scope: str, item_id: str) -> UUID | None:
        """The id of an object's newest entry."""
        rules = _rules(project_id, Chosen((scope,), item_id))
        newest = select(ActivityRow.id).where(*rules).order_by(ActivityRow.created_at.desc(), ActivityRow.id.desc())
        return session.scalar(newest.limit(1))

    def forget_before(self, session: Session, instant: datetime) -> int:
        """Delete some entries older than `instant`; how many, 0 when none is left."""
        some = select(ActivityRow.id).where(ActivityRow.created_at < instant).limit(_AT_ONCE)
        done = session.execute(delete(ActivityRow).where(ActivityRow.id.in_(some)))
        return int(done.rowcount)  # type: ignore[attr-defined]


def _rules(project_id: int, chosen: Chosen) -> list[ColumnElement[bool]]:
    rules = [ActivityRow.project_id == project_id]
    if chosen.scopes:
        rules.append(ActivityRow.scope.in_(chosen.scopes))
    if chosen.item_id is not None:
        rules.append(ActivityRow.item_id == chosen.item_id)
    if chosen.user_id is not None:
        rules.append(ActivityRow.user_id == chosen.user_id)
    if chosen.activities:
        rules.append(ActivityRow.activity.in_(chosen.activities))
    return rules


def _entry(row: ActivityRow) -> Entry:
    return Entry(row.id, row.project_id, row.user_id, row.scope, row.item_id, row.activity, row.detail, row.created_at)
