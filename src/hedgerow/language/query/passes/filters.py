"""`{filters}`: a dashboard's filters as a condition on the SELECT they stand in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.passes.property_filters import condition
from hedgerow.language.query.passes.relative_dates import instant
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_TIMES = {"events": "timestamp", "logs": "timestamp", "sessions": "$start_timestamp", "groups": "created_at"}
_PATHS = frozenset(("dateRange", side) for side in ("from", "to", "date_from", "date_to"))
_TRUE = True


def replace_filters(
    tree: nodes.AnySelect, filters: Mapping[str, Any] | None, now: datetime | None = None
) -> nodes.AnySelect:
    """Every `{filters}` and `{filters.dateRange.…}` replaced; nothing given means true."""
    if not any(_path(node) for node in walk(tree)):
        return tree
    given, moment = filters or {}, now or datetime.now(UTC)

    def in_select(node: nodes.Node) -> nodes.Node | None:
        if not isinstance(node, nodes.SelectQuery):
            return None
        table = _table(node)

        def change(inner: nodes.Node) -> nodes.Node | None:
            if isinstance(inner, nodes.SelectQuery) and inner is not node:
                return in_select(inner)
            if isinstance(inner, nodes.CompareOperation):
                return _bound_comparison(inner, given, moment)
            path = _path(inner)
            if path == ["filters"]:
                return _condition(table, given, moment, inner)
            return _date(path[-1], given, moment) if path else None

        return _below(node, change)

    replaced: nodes.AnySelect = rebuild(tree, in_select)
    return replaced


def _below(node: nodes.SelectQuery, change: Any) -> nodes.Node:
    first = True

    def once(inner: nodes.Node) -> nodes.Node | None:
        nonlocal first
        if first:
            first = False
            return None
        changed: nodes.Node | None = change(inner)
        return changed

    made: nodes.Node = rebuild(node, once)
    return made


def _path(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Placeholder) and isinstance(node.expr, nodes.Field) and node.expr.chain[0] == "filters":
        path = [str(part) for part in node.expr.chain]
        return path if len(path) == 1 or tuple(path[1:]) in _PATHS else []
    return []


def _table(select: nodes.SelectQuery) -> str | None:
    table = select.select_from.table if select.select_from else None
    return str(table.chain[-1]) if isinstance(table, nodes.Field) else None


def _bound_comparison(node: nodes.CompareOperation, given: Mapping[str, Any], now: datetime) -> nodes.Node | None:
    """A comparison with `{filters.dateRange.from}` is true where that is not given."""
    paths = [path for side in (node.left, node.right) if len(path := _path(side)) > 1]
    if paths and any(isinstance(_date(path[-1], given, now), nodes.Constant) for path in paths):
        return nodes.Constant(_TRUE)
    return None


def _date(side: str, given: Mapping[str, Any], now: datetime) -> nodes.Expr:
    key = {"from": "date_from", "to": "date_to"}.get(side, side)
    dates = given.get("dateRange") or {}
    if not isinstance(dates, Mapping):
        raise QueryFault("The dateRange of filters is an object with date_from and date_to")
    text = dates.get(key)
    if text in (None, "", "all"):
        return nodes.Constant(_TRUE)
    moment = instant(str(text), now, end=key == "date_to")
    return nodes.Call("toDateTime64", [nodes.Constant(moment.strftime("%Y-%m-%d %H:%M:%S.%f")), nodes.Constant(6)])


def _condition(table: str | None, given: Mapping[str, Any], now: datetime, node: nodes.Node) -> nodes.Expr:
    properties = given.get("properties") or []
    if not isinstance(properties, list):
        raise QueryFault("The properties of filters are a list")
    parts = [condition(item, now) for item in properties]
    dates = [("to", "<"), ("from", ">=")]
    bounds = [(op, _date(side, given, now)) for side, op in dates]
    bounds = [(op, bound) for op, bound in bounds if not isinstance(bound, nodes.Constant)]
    if (parts or bounds) and table not in _TIMES:
        raise QueryFault(
            "Cannot use 'filters' placeholder in a SELECT clause that does not select from the events, sessions, logs "
            "or groups table.",
            node,
        )
    for operator, bound in bounds:
        parts.append(nodes.CompareOperation(operator, nodes.Field([_TIMES[str(table)]]), bound))  # type: ignore[arg-type]
    if not parts:
        return nodes.Constant(_TRUE)
    return parts[0] if len(parts) == 1 else nodes.And(parts)
