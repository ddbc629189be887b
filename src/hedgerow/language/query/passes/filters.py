"""`{filters}`: a dashboard's filters as a condition on the SELECT they stand in."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.walking import rebuild, walk
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_expr

_TIMES = {"events": "timestamp", "logs": "timestamp", "sessions": "$start_timestamp", "groups": "created_at"}
_RELATIVE = re.compile(r"-?(\d+)([hdwmqy])(Start|End)?\Z")
_TRUE = True


def replace_filters(
    tree: nodes.AnySelect, filters: Mapping[str, Any] | None, now: datetime | None = None
) -> nodes.AnySelect:
    """Every `{filters}` and `{filters.dateRange.…}` replaced; nothing given means true."""
    if not any(_path(node) for node in walk(tree)):
        return tree
    given, instant = filters or {}, now or datetime.now(UTC)

    def in_select(node: nodes.Node) -> nodes.Node | None:
        if not isinstance(node, nodes.SelectQuery):
            return None
        table = _table(node)

        def change(inner: nodes.Node) -> nodes.Node | None:
            if isinstance(inner, nodes.SelectQuery) and inner is not node:
                return in_select(inner)
            if isinstance(inner, nodes.CompareOperation):
                return _bound_comparison(inner, given, instant)
            path = _path(inner)
            if path == ["filters"]:
                return _condition(table, given, instant, inner)
            return _date(path[-1], given, instant) if path else None

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
        return [str(part) for part in node.expr.chain]
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
    text = (given.get("dateRange") or {}).get(key)
    if text in {None, "", "all"}:
        return nodes.Constant(_TRUE)
    moment = instant(str(text), now, end=key == "date_to")
    return nodes.Call("toDateTime64", [nodes.Constant(moment.strftime("%Y-%m-%d %H:%M:%S.%f")), nodes.Constant(6)])


def _condition(table: str | None, given: Mapping[str, Any], now: datetime, node: nodes.Node) -> nodes.Expr:
    parts: list[nodes.Expr] = [_property(item) for item in given.get("properties") or []]
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


def _property(item: Any) -> nodes.Expr:
    """One property filter; what is not understood filters nothing, as documented."""
    if not isinstance(item, Mapping) or not item.get("key"):
        return nodes.Constant(_TRUE)
    kind, key, operator, value = (
        item.get("type", "event"),
        str(item["key"]),
        item.get("operator", "exact"),
        item.get("value"),
    )
    if kind == "hogql":
        return parse_expr(key)
    left = nodes.Field(["person", "properties", key] if kind == "person" else ["properties", key])
    return _comparison(left, str(operator), value)


def _comparison(left: nodes.Expr, operator: str, value: Any) -> nodes.Expr:
    if operator in {"is_set", "is_not_set"}:
        return nodes.CompareOperation("!=" if operator == "is_set" else "==", left, nodes.Constant(None))
    values = value if isinstance(value, list) else [value]
    if not values:
        return nodes.Constant(_TRUE)
    negative = operator.startswith("not_") or operator == "is_not"
    if operator in {"exact", "is_not", "in", "not_in"} and len(values) > 1:
        options = nodes.Tuple([nodes.Constant(item) for item in values])
        return nodes.CompareOperation("not in" if negative else "in", left, options)
    each = [_single(left, operator, item) for item in values]
    if len(each) == 1:
        return each[0]
    return nodes.And(each) if negative else nodes.Or(each)


def _single(left: nodes.Expr, operator: str, value: Any) -> nodes.Expr:
    constant = nodes.Constant(value)
    text = nodes.Call("toString", [left])
    if operator in {"icontains", "not_icontains"}:
        pattern = nodes.Constant(f"%{value}%")
        return nodes.CompareOperation("ilike" if operator == "icontains" else "not ilike", text, pattern)
    if operator == "regex":
        return nodes.Call("ifNull", [nodes.Call("match", [text, constant]), nodes.Constant(0)])
    if operator == "not_regex":
        return nodes.Call("ifNull", [nodes.Not(nodes.Call("match", [text, constant])), nodes.Constant(1)])
    symbols = {
        "exact": "==",
        "in": "==",
        "is_not": "!=",
        "not_in": "!=",
        "gt": ">",
        "gte": ">=",
        "lt": "<",
        "lte": "<=",
    }
    return nodes.CompareOperation(symbols.get(operator, "=="), left, constant)  # type: ignore[arg-type]


def instant(text: str, now: datetime, *, end: bool = False) -> datetime:
    """`-7d`, `dStart`, `-1mStart` or an ISO date as an instant; a bare date that ends a range is its end."""
    found = _RELATIVE.match(text if text[0] in "-0123456789" else f"0{text}")
    if found and not text[:4].isdigit():
        return _moved(now, int(found[1]), found[2], found[3])
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise QueryFault(f"{text} is not a date: use -7d, mStart, or 2026-01-31") from error
    parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return parsed + timedelta(days=1) if end and len(text) == 10 else parsed


def _moved(now: datetime, count: int, unit: str, edge: str | None) -> datetime:
    if unit in "hdw":
        moved = now - timedelta(hours=count * {"h": 1, "d": 24, "w": 168}[unit])
    else:
        months = now.year * 12 + now.month - 1 - count * {"m": 1, "q": 3, "y": 12}[unit]
        day = min(now.day, [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][months % 12])
        moved = _valid(now, months // 12, months % 12 + 1, day)
    start = (
        moved.replace(minute=0, second=0, microsecond=0)
        if unit == "h"
        else moved.replace(hour=0, minute=0, second=0, microsecond=0)
    )
    if unit in "mq" and edge:
        start = start.replace(day=1)
    if unit == "y" and edge:
        start = start.replace(month=1, day=1)
    if edge == "End":
        return start + timedelta(days=1) - timedelta(microseconds=1) if unit == "d" else moved
    return moved if unit == "h" and not edge else start


def _valid(now: datetime, year: int, month: int, day: int) -> datetime:
    while True:
        try:
            return now.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1
