"""Who reads whom: cones of saved queries by level, from edges that are kept by name."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from hedgerow.views.rows import EdgeRow, ViewRow

_AT_ONCE = 500
_PROJECT = bindparam("project", type_=BigInteger())
_NAMES: ColumnElement[Any] = bindparam("names", expanding=True)
_Pairs = Select[str, str]


def parents_of(session: Session, project_id: int, names: Sequence[str]) -> dict[str, list[str]]:
    """What the views of those names read, by view; names of tables are not in it."""
    return _found(session, _step(up=True), project_id, names)


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
    reads = _walked(session, project_id, front, up=True)
    while front:
        if name in front:
            path = [name]
            while (above := came[path[-1]]) != name:
                path.append(above)
            return [name, *reversed(path[1:]), name]
        following = {parent: child for child in front for parent in reads.get(child, ()) if parent not in came}
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
    whole = _walked(session, project_id, [name], up=up) if level is None else None
    seen, front = {name}, [name]
    levels: list[list[str]] = []
    while front and (level is None or len(levels) < level):
        found = _found(session, _step(up=up), project_id, front) if whole is None else whole
        front = sorted({each for from_ in front for each in found.get(from_, ())} - seen)
        seen |= set(front)
        if front:
            levels.append(front)
    return levels


def _walked(session: Session, project_id: int, names: Sequence[str], *, up: bool) -> dict[str, list[str]]:
    """Where each of those names leads, and where that leads, to the end: one query however deep it goes."""
    return _found(session, _walk(up=up), project_id, names)


def _found(session: Session, chosen: _Pairs, project_id: int, names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), _AT_ONCE):
        part: dict[str, list[str]] = {}
        bound = {"project": project_id, "names": names[start : start + _AT_ONCE]}
        for source, target in session.execute(chosen, bound):
            part.setdefault(source, []).append(target)
        found |= part
    return found


@cache
def _step(*, up: bool) -> _Pairs:
    """From names to what those views read, or back. Built once: that takes ten times what the query does."""
    (source, target), rules = _edges(_PROJECT, up=up)
    return select(source, target).where(*rules, source.in_(_NAMES))


@cache
def _walk(*, up: bool) -> _Pairs:
    """The same to the end, however deep it goes."""
    (source, target), rules = _edges(_PROJECT, up=up)
    first = select(_PROJECT.label("project_id"), source.label("source"), target.label("target"))
    walked = first.where(*rules, source.in_(_NAMES)).cte("walked", recursive=True)
    # The project is that of what has been walked, so that no planner begins with all that the project has.
    (source, target), rules = _edges(walked.c.project_id, up=up)
    following = select(walked.c.project_id, source, target).where(*rules, source == walked.c.target)
    # UNION, not UNION ALL: an edge is walked once, however many ways lead to it.
    walked = walked.union(following)
    return select(walked.c.source, walked.c.target)


def _edges(
    project: ColumnElement[Any], *, up: bool
) -> tuple[tuple[InstrumentedAttribute[str], InstrumentedAttribute[str]], tuple[ColumnElement[bool], ...]]:
    """The two ends, and what makes them an edge of the project, by the index that serves that direction."""
    view, edge = aliased(ViewRow), aliased(EdgeRow)
    ends, owner = ((view.name, edge.parent), view) if up else ((edge.parent, view.name), edge)
    return ends, (owner.project_id == project, view.deleted.is_(False), edge.child_id == view.id)


def _live(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return ViewRow.project_id == project_id, ViewRow.deleted.is_(False)
