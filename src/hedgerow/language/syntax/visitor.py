"""Walking trees: `children`, `walk`, a dispatcher by class."""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

from hedgerow.language.syntax.nodes import Node

T = TypeVar("T")

_WORDS = re.compile(r"[A-Za-z_]+")
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


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


_readers: dict[type[Node], Callable[[Any], tuple[Any, ...]]] = {}


def _reader_of(kind: type[Node]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the fields of a class of nodes that may hold nodes."""
    reader = _readers.get(kind)
    if reader is None:
        known = _node_names(Node)
        own = [field for field in fields(kind) if field.name != "span"]
        holders = [f.name for f in own if f.type == "object" or known & set(_WORDS.findall(str(f.type)))]
        reader = _readers[kind] = _reader(tuple(holders))
    return reader


def children(node: Node) -> list[Node]:
    """The nodes right below, in the order of the fields."""
    found: list[Node] = []
    for value in _reader_of(type(node))(node):
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
