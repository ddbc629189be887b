"""The graph of a project's views: what each reads, how many steps it lies below, and how its last run went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hedgerow.gitops.models.reads import levels_of
from hedgerow.gitops.models.server import Present
from hedgerow.kit.errors import NotFound

Kind = Literal["source", "view", "table"]


@dataclass(frozen=True, slots=True)
class Node:
    """A view, a view that is a table, or a table of the warehouse (`source`). `level` 0 reads nothing."""

    name: str
    kind: Kind
    level: int
    reads: tuple[str, ...]
    frequency: str | None = None
    status: str | None = None
    last_run: datetime | None = None
    error: str | None = None


def graph(views: Mapping[str, Present], around: Sequence[str] = ()) -> list[Node]:
    """All nodes, or those above and below some views; by level and name. Raises `NotFound`."""
    reads: dict[str, set[str]] = {name: each.reads for name, each in views.items()}
    for source in {name for names in reads.values() for name in names} - reads.keys():
        reads[source] = set()
    if around:
        if missing := [name for name in around if name not in reads]:
            raise NotFound(f"The project has no view {', '.join(missing)}.")
        reads = _around(reads, around)
    levels = levels_of(reads)
    nodes = [_node(name, levels[name], reads[name], views.get(name)) for name in reads]
    return sorted(nodes, key=lambda node: (node.level, node.name))


def age(instant: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0.0, ((now or datetime.now(UTC)) - instant).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def _node(name: str, level: int, reads: Iterable[str], view: Present | None) -> Node:
    if view is None:
        return Node(name, "source", level, tuple(sorted(reads)))
    answer, definition = view.answer, view.definition
    kind: Kind = "table" if definition.get("materialized") else "view"
    last = answer.get("last_run_at")
    return Node(
        name,
        kind,
        level,
        tuple(sorted(reads)),
        definition.get("sync_frequency"),
        answer.get("status"),
        datetime.fromisoformat(last) if last else None,
        answer.get("latest_error"),
    )


def _around(reads: Mapping[str, set[str]], names: Sequence[str]) -> dict[str, set[str]]:
    below: dict[str, set[str]] = {name: set() for name in reads}
    for name, above in reads.items():
        for each in above:
            below[each].add(name)
    kept = set(names)
    for way in (reads, below):
        front = list(names)
        while front:
            fresh = set(way[front.pop()]) - kept
            kept |= fresh
            front += fresh
    return {name: above & kept for name, above in reads.items() if name in kept}
