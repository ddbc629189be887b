"""The shelf of saved queries: reads and writes within the caller's transaction, records out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session, defer

from hedgerow.kit.errors import NotFound
from hedgerow.store import revisions
from hedgerow.views.records import Incremental, View
from hedgerow.views.rows import EdgeRow, FolderRow, ViewRow, ViewsetRow
from hedgerow.warehouse.records import KeptColumn
from hedgerow.warehouse.shelf import subject

_AT_ONCE = 500


def lock(session: Session, project_id: int) -> int:
    """Have the project's catalog to oneself until the transaction ends; the number its changes carry.

    First in a transaction that writes: names then cannot be taken twice, and numbers are in the order of commits.
    """
    revisions.bump(session, subject(project_id))
    session.flush()
    return revisions.current(session, subject(project_id))


def page(session: Session, project_id: int, search: str, limit: int, offset: int) -> tuple[int, list[View]]:
    """How many there are, and one page of them, newest first, without their queries."""
    rules = [ViewRow.project_id == project_id, ViewRow.deleted.is_(False), _shown(session, project_id)]
    words = search.replace("\x00", "").replace(",", " ").split()
    rules += [ViewRow.name.icontains(word, autoescape=True) for word in words]
    count = session.scalar(select(func.count()).select_from(ViewRow).where(*rules)) or 0
    chosen = select(ViewRow).where(*rules).order_by(ViewRow.created_at.desc(), ViewRow.id.desc())
    rows = session.scalars(chosen.options(defer(ViewRow.query, raiseload=True)).limit(limit).offset(offset))
    return count, [record(row, {}) for row in rows]


def get(session: Session, project_id: int, view_id: UUID) -> View:
    """One that is shown; raises `NotFound`."""
    row = _row(session, project_id, view_id)
    if row.managed_viewset_kind and not enabled(session, project_id, row.managed_viewset_kind):
        raise NotFound()
    return record(row, row.query)


def named(session: Session, project_id: int, names: Iterable[str]) -> dict[str, View]:
    """Those of `names` that exist, by name."""
    wanted = list(names)
    found: dict[str, View] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = ViewRow.name.in_(wanted[start : start + _AT_ONCE])
        chosen = select(ViewRow).where(ViewRow.project_id == project_id, ViewRow.deleted.is_(False), part)
        found |= {row.name: record(row, row.query) for row in session.scalars(chosen)}
    return found


def by_ids(session: Session, project_id: int, ids: Iterable[UUID]) -> list[View]:
    """Those of `ids` that exist."""
    wanted = list(ids)
    chosen = select(ViewRow).where(ViewRow.project_id == project_id, ViewRow.deleted.is_(False), ViewRow.id.in_(wanted))
    return [record(row, row.query) for row in session.scalars(chosen)]


def taken(session: Session, project_id: int, name: str) -> bool:
    """Whether a saved query has the name: the warehouse asks before a table gets it."""
    chosen = select(ViewRow.id).where(
        ViewRow.project_id == project_id, ViewRow.name == name, ViewRow.deleted.is_(False)
    )
    return session.scalar(chosen) is not None


def has_folder(session: Session, project_id: int, folder_id: UUID) -> bool:
    """Whether a project has that folder."""
    chosen = select(FolderRow.id).where(FolderRow.project_id == project_id, FolderRow.id == folder_id)
    return session.scalar(chosen) is not None


def scheduled(session: Session, project_id: int, frequency: str) -> list[View]:
    """The materialized views that are to be refreshed so often, suspended ones among them."""
    rules = (ViewRow.project_id == project_id, ViewRow.deleted.is_(False), ViewRow.is_materialized.is_(True))
    chosen = select(ViewRow).where(*rules, ViewRow.sync_frequency == frequency).order_by(ViewRow.name)
    return [record(row, row.query) for row in session.scalars(chosen)]


def due(session: Session, project_id: int, frequency: str) -> list[View]:
    """Those of them that are not suspended."""
    return [view for view in scheduled(session, project_id, frequency) if not view.suspended]


def rebuilt(session: Session, project_id: int) -> dict[str, str]:
    """Of each incremental model that has a table, when older rows of it were made anew last."""
    rules = (ViewRow.project_id == project_id, ViewRow.deleted.is_(False), ViewRow.incremental.is_not(None))
    found = session.execute(select(ViewRow.name, ViewRow.incremental_state).where(*rules))
    return {name: str(state["rebuilt_at"]) for name, state in found if state}


def add(session: Session, project_id: int, sequence: int, values: Mapping[str, Any]) -> View:
    """A new one. `sequence` is `lock`'s."""
    row = ViewRow(project_id=project_id, sequence=sequence, **_plain(values))
    session.add(row)
    session.flush()
    return record(row, row.query)


def change(session: Session, view: View, sequence: int, values: Mapping[str, Any]) -> View:
    """Set some values; another text gives another revision. Raises `NotFound`."""
    row = _row(session, view.project_id, view.id)
    if "query" in values and values["query"] != row.query:
        row.revision = uuid4()
        row.failures, row.suspended = 0, False
    for name, value in _plain(values).items():
        setattr(row, name, value)
    row.sequence = sequence
    session.flush()
    if "folder_id" in values:
        session.expire(row, ["folder_name"])
    return record(row, row.query)


def set_parents(session: Session, project_id: int, view_id: UUID, parents: Sequence[str]) -> None:
    """What a view's text names."""
    session.execute(delete(EdgeRow).where(EdgeRow.child_id == view_id))
    session.add_all(EdgeRow(child_id=view_id, parent=parent, project_id=project_id) for parent in parents)
    session.flush()


def enabled(session: Session, project_id: int, kind: str) -> bool:
    """Whether a managed set of views is shown."""
    row = session.get(ViewsetRow, (project_id, kind))
    return row is not None and row.enabled


def enable(session: Session, project_id: int, kind: str, shown: bool) -> None:
    """Show or hide a managed set of views."""
    session.merge(ViewsetRow(project_id=project_id, kind=kind, enabled=shown))


def managed(session: Session, project_id: int, kind: str) -> list[View]:
    """The views of a managed set, shown or not."""
    rules = (ViewRow.project_id == project_id, ViewRow.deleted.is_(False), ViewRow.managed_viewset_kind == kind)
    return [record(row, row.query) for row in session.scalars(select(ViewRow).where(*rules).order_by(ViewRow.name))]


def record(row: ViewRow, query: Mapping[str, Any]) -> View:
    """A row as others see it."""
    return View(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        query=query,
        columns=tuple(KeptColumn(**column) for column in row.columns),
        revision=row.revision,
        origin=row.origin,
        managed_viewset_kind=row.managed_viewset_kind,
        deleted=row.deleted,
        created_by=row.created_by,
        created_at=row.created_at,
        sync_frequency=row.sync_frequency,
        status=row.status,
        last_run_at=row.last_run_at,
        latest_error=row.latest_error,
        is_materialized=row.is_materialized,
        physical=row.physical,
        inputs=row.inputs,
        failures=row.failures,
        suspended=row.suspended,
        incremental=_incremental(row.incremental),
        incremental_state=row.incremental_state,
        description=row.description,
        folder_id=row.folder_id,
        folder_name=row.folder_name,
    )


def _incremental(kept: Mapping[str, Any] | None) -> Incremental | None:
    return None if kept is None else Incremental(**{**kept, "unique_key": tuple(kept["unique_key"])})


def _row(session: Session, project_id: int, view_id: UUID) -> ViewRow:
    row = session.get(ViewRow, view_id)
    if row is None or row.project_id != project_id or row.deleted:
        raise NotFound()
    return row


def _shown(session: Session, project_id: int) -> ColumnElement[bool]:
    chosen = select(ViewsetRow.kind).where(ViewsetRow.project_id == project_id, ViewsetRow.enabled.is_(True))
    kinds = list(session.scalars(chosen))
    return or_(ViewRow.managed_viewset_kind.is_(None), ViewRow.managed_viewset_kind.in_(kinds))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as rows hold them."""
    return {n: [asdict(column) for column in v] if n == "columns" else v for n, v in values.items()}
