"""What is said about saved queries that cannot be made, changed or deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.kit.errors import InvalidInput
from hedgerow.views.records import Folder, View

MODIFIED = "The query was modified by someone else."
CYCLE = "Model contains a cycle"
MANAGED_UPDATE = "Cannot update a query from a managed viewset"
MANAGED_DELETE = "Cannot delete a query from a managed viewset directly. Disable the managed viewset instead."
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Dependent:
    """What reads a view: another view, or a version of an endpoint."""

    id: UUID
    name: str
    kind: str = "view"
    version: int | None = None

    @property
    def called(self) -> str:
        return self.name if self.version is None else f"the {self.kind} {self.name} (version {self.version})"

    def told(self) -> dict[str, Any]:
        """As answers have it."""
        version = {} if self.version is None else {"version": self.version}
        return {"id": str(self.id), "name": self.name, "kind": self.kind, **version}


class HasDependents(InvalidInput):
    """Other views or endpoints read it; `dependents` in the body tells which."""

    code = "has_dependents"

    def __init__(self, verb: str, view: View, dependents: Sequence[Dependent], hint: str) -> None:
        names = ", ".join(each.called for each in dependents[:_NAMED])
        names += ", …" if len(dependents) > _NAMED else ""
        super().__init__(f'Cannot {verb} "{view.name}": it is read by {names}. {hint}')
        self._extra = {"node_id": str(view.id), "dependents": [each.told() for each in dependents]}

    def body(self) -> dict[str, Any]:
        return {**super().body(), "extra": self._extra}


class FolderHasDependents(InvalidInput):
    """Views in it are read from outside; `dependents` in the body tells by what."""

    code = "has_dependents"

    def __init__(self, folder: Folder, read: Mapping[str, Sequence[Dependent]]) -> None:
        names = ", ".join(sorted(read)[:_NAMED]) + (", …" if len(read) > _NAMED else "")
        text = "Cannot delete this folder because these views still have dependencies outside the folder"
        super().__init__(f"{text}: {names}. Delete or change those first, or add ?force=true.")
        known = {each.id: each for found in read.values() for each in found}
        self._extra = {"node_id": str(folder.id), "dependents": [each.told() for each in known.values()]}

    def body(self) -> dict[str, Any]:
        return {**super().body(), "extra": self._extra}


def folder_not_found() -> InvalidInput:
    """400 for a folder that is not the project's."""
    return InvalidInput("Folder not found.", attr="folder_id", code="does_not_exist")


def folder_taken() -> InvalidInput:
    """400 for a folder's name that another has."""
    return InvalidInput("A folder with this name already exists.", attr="name")


def cycle(path: str) -> InvalidInput:
    """400 that names the views on the way."""
    return InvalidInput(f"{CYCLE}: {path}", attr="query", code="cycle")
