"""Property filters: `{key, operator, value, type}` as a condition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.passes.relative_dates import instant
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_expr

_SYMBOLS = {
    "exact": "==", "in": "==", "is_not": "!=", "not_in": "!=",
    "gt": ">", "gte": ">=", "min": ">=", "lt": "<", "lte": "<=", "max": "<=",
}  # fmt: skip
_NEGATIVE = frozenset({"is_not", "not_in", "not_icontains", "not_regex", "not_between"})
_ORDERED = frozenset({"gt", "gte", "min", "lt", "lte", "max"})
_DATES = {"is_date_exact": "==", "is_date_before": "<", "is_date_after": ">"}
_ELSEWHERE = frozenset({"cohort", "element", "session", "group", "feature", "flag", "recording", "log_entry"})
_TRUE = True


def condition(item: Any, now: datetime) -> nodes.Expr:
    """The condition of one filter; one without key or value filters nothing. Raises `QueryFault`."""
    if not isinstance(item, Mapping) or not item.get("key"):
        return nodes.Constant(_TRUE)
    kind, key = item.get("type") or "event", item["key"]
    if not isinstance(key, str) or not isinstance(kind, str):
        raise QueryFault("The key and the type of a property filter are texts")
    if kind == "hogql":
        return parse_expr(key)
    operator, value = item.get("operator") or "exact", item.get("value")
    if kind in _ELSEWHERE:
        raise QueryFault(f"Filters by {kind} are not available: this project has no events")
    return _condition(_left(kind, key), str(operator), value, now)


def _left(kind: str, key: str) -> nodes.Expr:
    if kind in {"data_warehouse", "event_metadata"}:
        return nodes.Field(list(key.split(".")))
    return nodes.Field(["person", "properties", key] if kind == "person" else ["properties", key])


def _condition(left: nodes.Expr, operator: str, value: Any, now: datetime) -> nodes.Expr:
    if operator in {"is_set", "is_not_set"}:
        return nodes.CompareOperation("!=" if operator == "is_set" else "==", left, nodes.Constant(None))
    if operator in {"between", "not_between"}:
        return _between(left, value, negated=operator == "not_between")
    values = value if isinstance(value, list) else [value]
    if not values or value is None:
        return nodes.Constant(_TRUE)
    if not all(isinstance(item, str | int | float) for item in values):
        raise QueryFault("The value of a property filter is a text, a number, a boolean, or a list of those")
    if operator in {"exact", "is_not", "in", "not_in"} and len(values) > 1:
        texts = nodes.Tuple([nodes.Constant(_text(item)) for item in values])
        return nodes.CompareOperation("not in" if operator in _NEGATIVE else "in", left, texts)
    each = [_single(left, operator, item, now) for item in values]
    if len(each) == 1:
        return each[0]
    return nodes.And(each) if operator in _NEGATIVE else nodes.Or(each)


def _single(left: nodes.Expr, operator: str, value: str | float, now: datetime) -> nodes.Expr:
    text, constant = nodes.Call("toString", [left]), nodes.Constant(_text(value))
    if operator in {"icontains", "not_icontains"}:
        pattern = nodes.Constant(f"%{_text(value)}%")
        return nodes.CompareOperation("ilike" if operator == "icontains" else "not ilike", text, pattern)
    if operator in {"regex", "not_regex"}:
        found: nodes.Expr = nodes.Call("match", [text, constant])
        found = nodes.Not(found) if operator == "not_regex" else found
        return nodes.Call("ifNull", [found, nodes.Constant(int(operator == "not_regex"))])
    if operator in _DATES:
        moment = nodes.Call("toDateTime", [nodes.Constant(f"{instant(str(value), now):%Y-%m-%d %H:%M:%S}")])
        return nodes.CompareOperation(_DATES[operator], nodes.Call("toDateTime", [left]), moment)  # type: ignore[arg-type]
    symbol = _SYMBOLS.get(operator)
    if symbol is None:
        raise QueryFault(f"PropertyOperator {operator[:40]} not implemented")
    number = _number(value) if operator in _ORDERED else None
    if number is not None:
        left, constant = nodes.Call("toFloat", [left]), nodes.Constant(number)
    return nodes.CompareOperation(symbol, left, constant)  # type: ignore[arg-type]


def _between(left: nodes.Expr, value: Any, *, negated: bool) -> nodes.Expr:
    ends = [_number(item) for item in value] if isinstance(value, list) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] > ends[1]:
        raise QueryFault("A between filter takes two numbers, the smaller one first")
    low, high = nodes.Constant(ends[0]), nodes.Constant(ends[1])
    return nodes.BetweenExpr(nodes.Call("toFloat", [left]), low, high, negated)


def _text(value: str | float) -> str:
    """A value as the text that a property of that value reads as."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
