"""Faults of a query that is well-formed text but cannot be run: unknown names, wrong calls, what is not allowed."""

from hedgerow.kit.errors import InvalidInput
from hedgerow.language.syntax import nodes


class QueryFault(InvalidInput):
    """A query that cannot be run. `start` and `end` are offsets in its text, where known."""

    def __init__(self, message: str, node: nodes.Node | None = None) -> None:
        super().__init__(message)
        span = node.span if node is not None else None
        self.start: int | None = span[0] if span else None
        self.end: int | None = span[1] if span else None


class CycleFault(QueryFault):
    """A view reads itself; `path` names the views on the way, from it back to it."""

    def __init__(self, message: str, path: str, node: nodes.Node | None = None) -> None:
        super().__init__(message, node)
        self.path = path


class UnguardedTable(Exception):
    """A table reached the printer without the guard's mark: a fault of ours, never shown."""
