"""Managed sets of views: made, changed and taken away as their makers say, and by nobody else."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from hedgerow.views import links, shelf
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.notes import note
from hedgerow.views.records import View
from hedgerow.warehouse.records import ManagedView

Maker = Callable[[Session, int], Sequence[ManagedView]]
_ORIGIN = "managed_viewset"


class ManagedViews:
    """`makers` tell the views of a kind in a project; methods run inside a transaction."""

    def __init__(self, neighbours: Neighbours) -> None:
        self.makers: dict[str, Maker] = {}
        self._neighbours = neighbours

    def switch(self, session: Session, project_id: int, kind: str, on: bool) -> None:
        """Make a set's views as they should be now, or take them away."""
        sequence = shelf.lock(session, project_id)
        shelf.enable(session, project_id, kind, on)
        there = {view.name: view for view in shelf.managed(session, project_id, kind)}
        wanted = (
            {view.name: view for view in self.makers[kind](session, project_id)} if on and kind in self.makers else {}
        )
        for name in there.keys() - wanted.keys():
            self._remove(session, sequence, there[name])
        for name, view in wanted.items():
            self._put(session, sequence, kind, (view, there.get(name)), project_id)

    def _put(
        self, session: Session, sequence: int, kind: str, views: tuple[ManagedView, View | None], project_id: int
    ) -> None:
        wanted, there = views
        values: dict[str, Any] = {
            "query": {"kind": "HogQLQuery", "query": wanted.text},
            "columns": wanted.columns,
        }
        if there is not None:
            changed = shelf.change(session, there, sequence, values)
            note(session, changed, None, "updated", there)
        elif not self._taken(session, project_id, wanted.name):
            own = {"name": wanted.name, "origin": _ORIGIN, "managed_viewset_kind": kind}
            changed = shelf.add(session, project_id, sequence, {**own, **values})
            note(session, changed, None, "created", None)
        else:
            return  # somebody's own view or table has the name: it stays theirs
        shelf.set_parents(session, project_id, changed.id, sorted(wanted.reads))

    def _taken(self, session: Session, project_id: int, name: str) -> bool:
        return shelf.taken(session, project_id, name) or self._neighbours.table_taken(session, project_id, name)

    def _remove(self, session: Session, sequence: int, view: View) -> None:
        shelf.change(session, view, sequence, {"deleted": True})
        shelf.set_parents(session, view.project_id, view.id, ())
        links.drop_of(session, view.project_id, view.name)
        note(session, view, None, "deleted", view)
