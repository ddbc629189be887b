"""What is said about saved queries that cannot be made, changed or deleted."""

from collections.abc import Sequence
from typing import Any

from hedgerow.kit.errors import InvalidInput
from hedgerow.views.records import View

MODIFIED = "The query was modified by someone else."
CYCLE = "Model contains a cycle"
MANAGED_UPDATE = "Cannot update a query from a managed viewset"
MANAGED_DELETE = "Cannot delete a query from a managed viewset directly. Disable the managed viewset instead."


class HasDependents(InvalidInput):
    """Other views read it; `dependents` in the body tells which."""

    code = "has_dependents"

    def __init__(self, verb: str, view: View, dependents: Sequence[View], hint: str) -> None:
        names = ", ".join(each.name for each in dependents[:10]) + (", …" if len(dependents) > 10 else "")
        super().__init__(f'Cannot {verb} "{view.name}": it is read by {names}. {hint}')
        self._extra = {"node_id": str(view.id), "dependents": [{"id": str(d.id), "name": d.name} for d in dependents]}

    def body(self) -> dict[str, Any]:
        return {**super().body(), "extra": self._extra}


def cycle(path: str) -> InvalidInput:
    """400 that names the views on the way."""
    return InvalidInput(f"{CYCLE}: {path}", attr="query", code="cycle")
