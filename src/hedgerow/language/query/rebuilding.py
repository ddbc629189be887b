"""Rebuilds trees: a copy in which some nodes are replaced, the fields of each class looked up once."""

from collections.abc import Callable
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
