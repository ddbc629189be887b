"""Who reads whom: cones of saved queries by level, from edges that are kept by name."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from hedgerow.views.rows import EdgeRow, ViewRow

_AT_ONCE = 500


def parents_of(session: Session, project_id: int, names: Sequence[str]) -> dict[str, list[str]]:
    """What the views of those names read, by view; names of tables are not in it."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), _AT_ONCE):
        chosen = (
            select(ViewRow.name, EdgeRow.parent)
            .join(EdgeRow, EdgeRow.child_id == ViewRow.id)
            .where(*_live(project_id), ViewRow.name.in_(names[start : start + _AT_ONCE]))
        )
        for name, parent in session.execute(chosen):
            found.setdefault(name, []).append(parent)
    return found


def children_of(session: Session, project_id: int, names: Sequence[str]) -> dict[str, list[str]]:
    """Which views read those names, by name."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), _AT_ONCE):
        chosen = (
            select(EdgeRow.parent, ViewRow.name)
            .join(ViewRow, EdgeRow.child_id == ViewRow.id)
            .where(
                *_live(project_id),
                EdgeRow.project_id == project_id,
                EdgeRow.parent.in_(names[start : start + _AT_ONCE]),
            )
        )
        for parent, name in session.execute(chosen):
            found.setdefault(parent, []).append(name)
    return found


def ancestors(session: Session, project_id: int, name: str, level: int | None = None) -> list[list[str]]:
    """The names a view reads, by level from its own; `level` levels at most, each name at its nearest."""
    return _cone(session, project_id, name, level, up=True)


def descendants(session: Session, project_id: int, name: str, level: int | None = None) -> list[list[str]]:
    """The views that read a view, by level."""
    return _cone(session, project_id, name, level, up=False)


def ordered(session: Session, project_id: int, name: str) -> list[str]:
    """All descendants, each after everything of them that it reads."""
    below = {each for names in descendants(session, project_id, name) for each in names}
    reads = parents_of(session, project_id, sorted(below))
    done: list[str] = []
    left = {child: {parent for parent in reads.get(child, ()) if parent in below} for child in sorted(below)}
    while left:
        # A cycle cannot be stored; were there one, its views would come last, in the order of their names.
        ready = [child for child, waits in left.items() if not waits & left.keys()] or sorted(left)
        done += ready
        left = {child: waits for child, waits in left.items() if child not in ready}
    return done


def path_back(session: Session, project_id: int, name: str, parents: Iterable[str]) -> list[str] | None:
    """How a view of that name and those parents would read itself: `[name, …, name]`, or `None`."""
    came: dict[str, str] = dict.fromkeys(parents, name)
    front = sorted(came)
    while front:
        if name in front:
            path = [name]
            while (above := came[path[-1]]) != name:
                path.append(above)
            return [name, *reversed(path[1:]), name]
        following: dict[str, str] = {}
        for child, reads in parents_of(session, project_id, front).items():
            following |= {parent: child for parent in reads if parent not in came}
        came |= following
        front = sorted(following)
    return None


def identities(session: Session, project_id: int, names: Sequence[str]) -> dict[str, UUID]:
    """The ids of those names that are views."""
    found: dict[str, UUID] = {}
    for start in range(0, len(names), _AT_ONCE):
        chosen = select(ViewRow.name, ViewRow.id).where(
            *_live(project_id), ViewRow.name.in_(names[start : start + _AT_ONCE])
        )
        found |= {row.name: row.id for row in session.execute(chosen)}
    return found


def _cone(session: Session, project_id: int, name: str, level: int | None, *, up: bool) -> list[list[str]]:
    seen, front = {name}, [name]
    levels: list[list[str]] = []
    while front and (level is None or len(levels) < level):
        found = (parents_of if up else children_of)(session, project_id, front)
        front = sorted({each for names in found.values() for each in names} - seen)
        seen |= set(front)
        if front:
            levels.append(front)
    return levels


def _live(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return ViewRow.project_id == project_id, ViewRow.deleted.is_(False)
