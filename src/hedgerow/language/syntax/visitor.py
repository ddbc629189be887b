"""Walking and rebuilding trees: `children`, `walk`, a dispatcher by class, a visitor, a cloning transformer."""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

from hedgerow.language.syntax.nodes import Node

T = TypeVar("T")
N = TypeVar("N", bound=Node)

_WORDS = re.compile(r"[A-Za-z_]+")
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class _Shape:
    """What a class of nodes is made of: its fields in order, and which of them may hold nodes."""

    __slots__ = ("holders", "names", "read", "read_holders")

    def __init__(self, kind: type[Node]) -> None:
        known = _node_names(Node)
        own = [field for field in fields(kind) if field.name != "span"]
        self.names = tuple(field.name for field in own)
        self.holders = tuple(
            field.name for field in own if field.type == "object" or known & set(_WORDS.findall(str(field.type)))
        )
        self.read = _reader(self.names)
        self.read_holders = _reader(self.holders)


def _node_names(kind: type) -> set[str]:
    names = {kind.__name__}
    below: type
    for below in kind.__subclasses__():
        names |= _node_names(below)
    return names


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """One call that reads all of `names`, always as a tuple."""
    if not names:
        return lambda _: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda node: (get(node),)


_shapes: dict[type[Node], _Shape] = {}


def _shape(kind: type[Node]) -> _Shape:
    shape = _shapes.get(kind)
    if shape is None:
        shape = _shapes[kind] = _Shape(kind)
    return shape


def children(node: Node) -> list[Node]:
    """The nodes right below, in the order of the fields."""
    found: list[Node] = []
    for value in _shape(type(node)).read_holders(node):
        if value is not None:
            _collect(value, found)
    return found


def _collect(value: Any, found: list[Node]) -> None:
    if isinstance(value, Node):
        found.append(value)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below, parents before children, without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(children(one))


class Dispatcher(Generic[T]):
    """Answers `visit(node)` by the method `visit_<class in snake case>`: `visit_call`, `visit_select_query`.

    Where a class has no method, those of its base classes are tried, then `visit_other`.
    """

    _methods: ClassVar[dict[type[Node], Callable[[Any, Any], Any]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._methods = {}

    def visit(self, node: Node) -> T:
        method = self._methods.get(type(node))
        if method is None:
            method = self._methods[type(node)] = self._method(type(node))
        return method(self, node)  # type: ignore[no-any-return]

    def visit_other(self, node: Node) -> T:
        """For classes without a method."""
        raise NotImplementedError(f"{type(self).__name__} does not know {type(node).__name__}")

    @classmethod
    def _method(cls, kind: type[Node]) -> Callable[[Any, Any], Any]:
        for base in kind.__mro__:
            name = "visit_" + _CAPITALS.sub("_", base.__name__).lower()
            if base not in {Node, object} and (method := getattr(cls, name, None)) is not None:
                return method  # type: ignore[no-any-return]
        return cls.visit_other


class Visitor(Dispatcher[None]):
    """Sees every node. A method that wants what is below its node to be seen calls `visit_children`."""

    def visit_other(self, node: Node) -> None:
        self.visit_children(node)

    def visit_children(self, node: Node) -> None:
        for child in children(node):
            self.visit(child)


class CloningTransformer(Dispatcher[Node]):
    """Makes a new tree: each method answers the node to stand in its node's place, `rebuilt(node)` for a plain copy.

    No node or list of the given tree is in the new one, unless a method puts it there.
    """

    def visit_other(self, node: Node) -> Node:
        return self.rebuilt(node)

    def rebuilt(self, node: N) -> N:
        """A copy of `node` whose children were visited."""
        shape = _shape(type(node))
        values: list[Any]
        if not shape.holders:
            values = [value.copy() if type(value) is list else value for value in shape.read(node)]
            return type(node)(*values, span=node.span)
        values = []  # no comprehension: it would cost a frame at each level of the tree
        for value in shape.read(node):
            values.append(None if value is None else self._renewed(value))
        return type(node)(*values, span=node.span)

    def _renewed(self, value: Any) -> Any:
        if isinstance(value, Node):
            return self.visit(value)
        kind = type(value)
        if kind is list or kind is tuple:
            items = []
            for item in value:
                items.append(self.visit(item) if isinstance(item, Node) else self._renewed(item))
            return kind(items)
        if kind is dict:
            return {key: self._renewed(item) for key, item in value.items()}
        return value


class _Clone(CloningTransformer):
    """Changes nothing."""


_clone = _Clone()


def cloned(node: N) -> N:
    """A deep copy."""
    return _clone.rebuilt(node)
