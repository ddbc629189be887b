"""Limits: the outermost SELECT never answers more rows than it may, and a page stays within the query's own LIMIT."""

from dataclasses import dataclass, replace

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.resolved import VariableValue
from hedgerow.language.syntax import nodes


@dataclass(frozen=True, slots=True)
class Page:
    """What a caller wants of an answer. `default`: for a query without LIMIT; `most`: no LIMIT goes above it."""

    default: int | None = 100
    most: int | None = 50_000
    limit: int | None = None
    offset: int | None = None
    look_ahead: bool = True


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the answer will hold: at most `rows` rows, and one more as a sign that there are more."""

    rows: int | None
    offset: int | None
    implicit: bool = False
    """The query had no LIMIT of its own."""
    ahead: bool = False
    """There is such a row more: it would belong to the query's answer."""


def limit(tree: nodes.AnySelect, page: Page) -> tuple[nodes.AnySelect, Bounds]:
    """The query with its outermost LIMIT and OFFSET set."""
    if isinstance(tree, nodes.SelectSetQuery):
        if page.limit is not None:
            raise QueryFault("A UNION at the top level cannot be paginated: wrap it in a subquery, SELECT * FROM (…)")
        tree = _wrapped(tree)
    own, skip = _number(tree.limit, "LIMIT"), _number(tree.offset, "OFFSET") or 0
    if tree.limit_with_ties or tree.limit_percent:
        # Ties may be any number of rows: the query's own LIMIT stays inside, the answer's goes around it.
        tree, own, skip = _wrapped(tree), None, 0
        page = replace(page, default=page.most)
    rows, offset, ahead = _reach(page, own)
    if rows is None:
        return tree, Bounds(None, None)
    tree.limit = nodes.Constant(rows + 1 if ahead else rows)
    if skip + (offset or 0):
        tree.offset = nodes.Constant(skip + (offset or 0))
    return tree, Bounds(rows, offset, implicit=own is None and page.limit is None, ahead=ahead)


def _reach(page: Page, own: int | None) -> tuple[int | None, int | None, bool]:
    """Rows, offset, and whether one more row would belong to the query's answer."""
    if page.limit is None:
        rows = page.default if own is None else own
        if page.most is not None:
            rows = page.most if rows is None else min(rows, page.most)
        return rows, None, page.look_ahead and rows is not None
    left = None if own is None else max(own - (page.offset or 0), 0)
    rows = page.limit if left is None else min(page.limit, left)
    if page.most is not None:
        rows = min(rows, page.most)
    return rows, page.offset, page.look_ahead and (left is None or rows < left)


def _wrapped(tree: nodes.AnySelect) -> nodes.SelectQuery:
    return nodes.SelectQuery([nodes.Field(["*"])], select_from=nodes.JoinExpr(tree))


def _number(value: nodes.Expr | None, clause: str) -> int | None:
    if value is None or (isinstance(value, VariableValue) and value.value is None):
        return None
    if isinstance(value, nodes.Constant) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
        number = int(value.value)
        if number == value.value and number >= 0:
            return number
    raise QueryFault(f"{clause} must be a whole number that is not negative", value)
