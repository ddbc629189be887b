"""Makes, renames and deletes folders: each change is one transaction, with its note in the activity log."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from hedgerow.store import Store
from hedgerow.views import errors
from hedgerow.views import shelf as views
from hedgerow.views.changes import Changes
from hedgerow.views.folders import shelf
from hedgerow.views.notes import note_folder
from hedgerow.views.records import Folder


@dataclass(frozen=True, slots=True)
class Folders:
    """What can be done to folders. Methods block; those on one folder raise `NotFound`."""

    store: Store
    changes: Changes

    def all_of(self, project_id: int) -> list[Folder]:
        """A project's folders by name."""
        with self.store.read() as session:
            return shelf.all_of(session, project_id)

    def get(self, project_id: int, folder_id: UUID) -> Folder:
        """One."""
        with self.store.read() as session:
            return shelf.get(session, project_id, folder_id)

    def add(self, project_id: int, user_id: int, name: str) -> Folder:
        """A new one; raises `InvalidInput` for a name that another has."""
        try:
            with self.store.write() as session:
                made = shelf.add(session, project_id, user_id, name)
                note_folder(session, made, user_id, "created", {"before": None, "after": name})
                return made
        except IntegrityError:
            raise errors.folder_taken() from None

    def rename(self, project_id: int, user_id: int, folder_id: UUID, name: str) -> Folder:
        """Call one something else; raises `InvalidInput` for a name that another has."""
        try:
            with self.store.write() as session:
                present = shelf.get(session, project_id, folder_id)
                if present.name == name:
                    return present
                changed = shelf.rename(session, present, name)
                note_folder(session, changed, user_id, "updated", {"before": present.name, "after": name})
                return changed
        except IntegrityError:
            raise errors.folder_taken() from None

    def delete(self, project_id: int, user_id: int, folder_id: UUID, *, force: bool = False) -> None:
        """Delete one with all its views, or nothing: what is outside and reads one of them refuses that unless forced.

        Raises `FolderHasDependents`.
        """
        with self.store.write() as session:
            sequence = views.lock(session, project_id)  # first, so that no view comes into it meanwhile
            folder = shelf.get(session, project_id, folder_id)
            inside = views.by_ids(session, project_id, shelf.views_in(session, folder))
            together = {view.id for view in inside}
            read = {} if force else self.changes.dependents(session, inside)
            outside = {name: [each for each in found if each.id not in together] for name, found in read.items()}
            if any(outside.values()):
                raise errors.FolderHasDependents(folder, {name: found for name, found in outside.items() if found})
            for view in inside:
                self.changes.drop(session, sequence, view, user_id)
            shelf.delete_empty(session, folder)
            note_folder(session, folder, user_id, "deleted", {"before": folder.name, "after": None})
        self.changes.catalogs.forget(project_id)
