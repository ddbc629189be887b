"""Why a query, or a run of it, cannot be answered from tables: stable codes, sentences, and the place in the query."""

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.syntax import nodes


class NotExact(QueryFault):
    """A query cannot be materialized without changing an answer: a stable `reason_code`, and the `span` in its text."""

    def __init__(self, code: str, text: str, node: nodes.Node | None = None) -> None:
        super().__init__(text, node)
        self.reason_code = code
        self.span = node.span if node is not None else None


class NotServable(Exception):
    """The tables that are there cannot answer this run; it is answered inline. The text is for debugging."""


def line_of(text: str, span: tuple[int, int] | None) -> int | None:
    """The line, from 1, on which a place of a text begins."""
    return None if span is None else text.count("\n", 0, span[0]) + 1
