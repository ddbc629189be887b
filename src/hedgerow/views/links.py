"""Saved joins: from a table or view to another, by a name that queries can walk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.views import shelf
from hedgerow.views.rows import LinkRow

_TAKEN = "A join with this field name already exists on the table."


@dataclass(frozen=True, slots=True)
class Link:
    """A saved join; `configuration` is kept as it was given."""

    id: UUID
    source_table_name: str
    source_table_key: str
    joining_table_name: str
    joining_table_key: str
    field_name: str
    configuration: Mapping[str, Any]
    created_by: int | None
    created_at: datetime


def page(session: Session, project_id: int, limit: int, offset: int) -> tuple[int, list[Link]]:
    """How many there are, and one page of them, newest first."""
    rules = (LinkRow.project_id == project_id, LinkRow.deleted.is_(False))
    count = session.scalar(select(func.count()).select_from(LinkRow).where(*rules)) or 0
    chosen = select(LinkRow).where(*rules).order_by(LinkRow.created_at.desc(), LinkRow.id.desc())
    return count, [_record(row) for row in session.scalars(chosen.limit(limit).offset(offset))]


def get(session: Session, project_id: int, link_id: UUID) -> Link:
    """One; raises `NotFound`."""
    return _record(_row(session, project_id, link_id))


def add(session: Session, project_id: int, user_id: int, values: Mapping[str, Any]) -> Link:
    """A new one; raises `InvalidInput` when the table has such a field."""
    shelf.lock(session, project_id)
    _check_free(session, project_id, values["source_table_name"], values["field_name"])
    row = LinkRow(project_id=project_id, created_by=user_id, **values)
    session.add(row)
    session.flush()
    return _record(row)


def change(session: Session, project_id: int, link_id: UUID, values: Mapping[str, Any]) -> Link:
    """Set what is given."""
    shelf.lock(session, project_id)
    row = _row(session, project_id, link_id)
    place = tuple(values.get(name, getattr(row, name)) for name in ("source_table_name", "field_name"))
    if place != (row.source_table_name, row.field_name):
        _check_free(session, project_id, *place)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return _record(row)


def delete(session: Session, project_id: int, link_id: UUID) -> None:
    """Forget one; raises `NotFound`."""
    shelf.lock(session, project_id)
    _row(session, project_id, link_id).deleted = True


def drop_of(session: Session, project_id: int, table: str) -> None:
    """Forget the joins that name a table which is gone."""
    named = or_(LinkRow.source_table_name == table, LinkRow.joining_table_name == table)
    session.execute(update(LinkRow).where(LinkRow.project_id == project_id, named).values(deleted=True))


def rename(session: Session, project_id: int, old: str, new: str, *, rewrite: bool) -> None:
    """Let the joins that name a table follow it, where dependents were asked to."""
    if not rewrite:
        return
    for column in (LinkRow.source_table_name, LinkRow.joining_table_name):
        rules = (LinkRow.project_id == project_id, LinkRow.deleted.is_(False), column == old)
        session.execute(update(LinkRow).where(*rules).values({column: new}))


def _check_free(session: Session, project_id: int, table: str, field: str) -> None:
    rules = (LinkRow.project_id == project_id, LinkRow.deleted.is_(False))
    chosen = select(LinkRow.id).where(*rules, LinkRow.source_table_name == table, LinkRow.field_name == field)
    if session.scalar(chosen) is not None:
        raise InvalidInput(_TAKEN, attr="field_name")


def _row(session: Session, project_id: int, link_id: UUID) -> LinkRow:
    row = session.get(LinkRow, link_id)
    if row is None or row.project_id != project_id or row.deleted:
        raise NotFound()
    return row


def _record(row: LinkRow) -> Link:
    return Link(
        row.id,
        row.source_table_name,
        row.source_table_key,
        row.joining_table_name,
        row.joining_table_key,
        row.field_name,
        row.configuration,
        row.created_by,
        row.created_at,
    )
