"""Walks and rebuilds trees: every node's child nodes by its dataclass fields, looked up once per class."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from hedgerow.language.syntax import nodes

_PLAIN_TYPES = frozenset({"str", "int", "bool", "str | None", "Span | None", "bool | None"})
_slots: dict[type, tuple[str, ...]] = {}


def slots(kind: type) -> tuple[str, ...]:
    """The fields of a node class that may hold nodes."""
    found = _slots.get(kind)
    if found is None:
        found = _slots[kind] = tuple(f.name for f in fields(kind) if f.type not in _PLAIN_TYPES)
    return found


def children(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes directly below."""
    for name in slots(type(node)):
        yield from _nodes_in(getattr(node, name))


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and all below it, parents first."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(list(children(current))))


def _nodes_in(value: Any) -> Iterator[nodes.Node]:
    if isinstance(value, nodes.Node):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nodes_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _nodes_in(item)


def rebuild(node: Any, change: Callable[[nodes.Node], nodes.Node | None]) -> Any:
    """A copy in which `change` has replaced the nodes it answers a node for; it sees a node before what is below it."""
    if isinstance(node, nodes.Node):
        if (changed := change(node)) is not None:
            return changed
        made = object.__new__(type(node))
        for name in type(node).__dataclass_fields__:
            object.__setattr__(made, name, getattr(node, name))
        for name in slots(type(node)):
            setattr(made, name, rebuild(getattr(node, name), change))
        return made
    if isinstance(node, list):
        return [rebuild(item, change) for item in node]
    if isinstance(node, tuple):
        return tuple(rebuild(item, change) for item in node)
    if isinstance(node, dict):
        return {key: rebuild(value, change) for key, value in node.items()}
    return node
