"""The shelf of folders: reads and writes within the caller's transaction, records out."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hedgerow.kit.errors import NotFound
from hedgerow.views.records import Folder
from hedgerow.views.rows import FolderRow, ViewRow

_COUNT = (
    select(func.count())
    .select_from(ViewRow)
    .where(ViewRow.folder_id == FolderRow.id, ViewRow.deleted.is_(False))
    .correlate(FolderRow)
    .scalar_subquery()
)


def all_of(session: Session, project_id: int) -> list[Folder]:
    """A project's folders by name, each with how many views are in it."""
    chosen = select(FolderRow, _COUNT).where(FolderRow.project_id == project_id)
    return [_record(row, count) for row, count in session.execute(chosen.order_by(FolderRow.name))]


def get(session: Session, project_id: int, folder_id: UUID) -> Folder:
    """One; raises `NotFound`."""
    chosen = select(FolderRow, _COUNT).where(FolderRow.project_id == project_id, FolderRow.id == folder_id)
    found = session.execute(chosen.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound()
    return _record(*found)


def add(session: Session, project_id: int, user_id: int, name: str) -> Folder:
    """A new one; a name that another has is an `IntegrityError`."""
    row = FolderRow(project_id=project_id, name=name, created_by=user_id)
    session.add(row)
    session.flush()
    return _record(row, 0)


def rename(session: Session, folder: Folder, name: str) -> Folder:
    """Call it something else; a name that another has is an `IntegrityError`."""
    session.execute(update(FolderRow).where(FolderRow.id == folder.id).values(name=name))
    return get(session, folder.project_id, folder.id)


def delete_empty(session: Session, folder: Folder) -> None:
    """Forget one, the views of which are gone."""
    session.execute(delete(FolderRow).where(FolderRow.id == folder.id))


def views_in(session: Session, folder: Folder) -> list[UUID]:
    """The views in it, by name."""
    chosen = select(ViewRow.id).where(ViewRow.folder_id == folder.id, ViewRow.deleted.is_(False))
    return list(session.scalars(chosen.order_by(ViewRow.name)))


def _record(row: FolderRow, count: int) -> Folder:
    return Folder(row.id, row.project_id, row.name, row.created_by, row.created_at, count)
