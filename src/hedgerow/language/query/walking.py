"""Walks and rebuilds trees: every node's child nodes by its dataclass fields, looked up once per class."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from hedgerow.language.syntax import nodes

_PLAIN_TYPES = frozenset({"str", "int", "bool", "str | None", "Span | None", "bool | None"})
_slots: dict[type, tuple[str, ...]] = {}
_plain: dict[type, tuple[str, ...]] = {}


def slots(kind: type) -> tuple[str, ...]:
    """The fields of a node class that may hold nodes."""
    found = _slots.get(kind)
    if found is None:
        found = _slots[kind] = tuple(f.name for f in fields(kind) if f.type not in _PLAIN_TYPES)
        _plain[kind] = tuple(f.name for f in fields(kind) if f.type in _PLAIN_TYPES)
    return found


def children(node: nodes.Node) -> list[nodes.Node]:
    """The nodes directly below."""
    found: list[nodes.Node] = []
    for name in slots(type(node)):
        value = getattr(node, name)
        if value is not None:
            _gather(value, found)
    return found


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and all below it, parents first."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        below = children(current)
        if below:
            below.reverse()
            waiting += below


def _gather(value: Any, found: list[nodes.Node]) -> None:
    if isinstance(value, nodes.Node):
        found.append(value)
    elif isinstance(value, list | tuple):
        for item in value:
            _gather(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _gather(item, found)


def rebuild(node: Any, change: Callable[[nodes.Node], nodes.Node | None]) -> Any:
    """A copy in which `change` has replaced the nodes it answers a node for; it sees a node before what is below it."""
    if isinstance(node, nodes.Node):
        if (changed := change(node)) is not None:
            return changed
        kind = type(node)
        made = object.__new__(kind)
        for name in slots(kind):
            value = getattr(node, name)
            setattr(made, name, value if value is None else rebuild(value, change))
        for name in _plain[kind]:
            setattr(made, name, getattr(node, name))
        return made
    if isinstance(node, list):
        return [rebuild(item, change) for item in node]
    if isinstance(node, tuple):
        return tuple(rebuild(item, change) for item in node)
    if isinstance(node, dict):
        return {key: rebuild(value, change) for key, value in node.items()}
    return node
