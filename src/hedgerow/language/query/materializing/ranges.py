"""Ranges over time: rows kept by their buckets, whole buckets from the table, the rest from the rows themselves."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hedgerow.language.query.materializing.pieces import Range
from hedgerow.language.query.materializing.shapes import Names, own_nodes
from hedgerow.language.query.resolved import ColumnRef, VariableValue
from hedgerow.language.query.types import bare
from hedgerow.language.syntax import nodes

_STARTS = {
    "minute": "toStartOfMinute",
    "fifteen_minutes": "toStartOfFifteenMinutes",
    "hour": "toStartOfHour",
    "day": "toStartOfDay",
    "week": "toStartOfWeek",
    "month": "toStartOfMonth",
}
_STEPS = {
    "minute": ("addMinutes", 1),
    "fifteen_minutes": ("addMinutes", 15),
    "hour": ("addHours", 1),
    "day": ("addDays", 1),
    "week": ("addWeeks", 1),
    "month": ("addMonths", 1),
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TIME = re.compile(r"DateTime(?:64\((\d)(?:, ?'([^']*)')?\)|\('([^']*)'\))?\Z")
_DAYS = ("toStartOfDay", "today", "yesterday", "toDate")
_ALIGNED = {
    "minute": (*_DAYS, "toStartOfMinute", "toStartOfHour", "toStartOfMonth", "toStartOfWeek"),
    "fifteen_minutes": (*_DAYS, "toStartOfFifteenMinutes", "toStartOfHour", "toStartOfMonth", "toStartOfWeek"),
    "hour": (*_DAYS, "toStartOfHour", "toStartOfMonth", "toStartOfWeek"),
    "day": (*_DAYS, "toStartOfMonth", "toStartOfWeek", "toMonday", "toStartOfYear", "toStartOfQuarter"),
    "week": ("toStartOfWeek",),
    "month": ("toStartOfMonth", "toStartOfYear", "toStartOfQuarter"),
}
"""Functions of a moment that answer the beginning of a bucket."""
_WHOLE_STEPS = {
    "minute": ("toIntervalMinute", "toIntervalHour", "toIntervalDay", "toIntervalWeek", "toIntervalMonth"),
    "hour": ("toIntervalHour", "toIntervalDay", "toIntervalWeek", "toIntervalMonth"),
    "day": ("toIntervalDay", "toIntervalWeek", "toIntervalMonth", "toIntervalQuarter", "toIntervalYear"),
    "week": ("toIntervalWeek",),
    "month": ("toIntervalMonth", "toIntervalQuarter", "toIntervalYear"),
}
_READERS = frozenset({"toDateTime", "toDateTime64", "toDate", "toDateTimeOrNull", "parseDateTimeBestEffort"})
_TEXT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?\Z")


@dataclass(frozen=True, slots=True)
class Bound:
    """A row's time compared with something that no row tells: `column op value`, op one of < <= > >=."""

    column: ColumnRef
    op: str
    value: nodes.Expr


def bounds(condition: nodes.Expr, names: Names) -> list[Bound] | None:
    """The bounds a condition sets on a time column, if it is nothing else."""
    if isinstance(condition, nodes.BetweenExpr):
        if condition.negated:
            return None
        low = bounds(nodes.CompareOperation(">=", condition.expr, condition.low), names)
        high = bounds(nodes.CompareOperation("<=", condition.expr, condition.high), names)
        return [*low, *high] if low and high else None
    if not isinstance(condition, nodes.CompareOperation) or condition.op not in _MIRRORED:
        return None
    left, right = names.expanded(condition.left), names.expanded(condition.right)
    op: str = condition.op
    if isinstance(right, ColumnRef):
        left, right, op = right, left, _MIRRORED[op]
    if not isinstance(left, ColumnRef) or kind(left) is None or not _free(right, names):
        return None
    return [Bound(left, op, right)]


def kind(column: ColumnRef) -> tuple[int, str] | None:
    """Sub-second digits and time zone of a time column; `None` for any other."""
    found = _TIME.match(bare(column.type))
    return (int(found[1] or 0), found[2] or found[3] or "") if found else None


def start_function(bucket: str) -> str:
    """The function that rounds down to a bucket."""
    return _STARTS[bucket]


def bucketed(each: Range, column: nodes.Expr) -> nodes.Expr:
    """The start of the bucket a time falls in, of the time's own type, so that bounds are read as for the time."""
    start = nodes.Call(_STARTS[each.bucket], [column])
    zone = nodes.Constant(each.zone or "UTC")
    if each.precision:
        return nodes.Call("toDateTime64", [start, nodes.Constant(each.precision), zone])
    return nodes.Call("toDateTime", [start, zone]) if each.bucket in {"week", "month"} else start


def whole(each: Range, bound: Bound, start: nodes.Expr) -> nodes.Expr:
    """Whether all of a bucket is within a bound; `start` is the bucket's start."""
    if bound.op in {">", ">="}:
        return nodes.CompareOperation(">=" if bound.op == ">=" else ">", start, bound.value)
    step, many = _STEPS[each.bucket]
    end: nodes.Expr = nodes.Call(step, [start, nodes.Constant(many)])
    if bound.op == "<=" and not each.precision:
        end = nodes.Call("addSeconds", [end, nodes.Constant(-1)])
    return nodes.CompareOperation("<=", end, bound.value)


@dataclass(frozen=True, slots=True)
class Edge:
    """A bound as far as it decides whether it cuts a bucket: by the value of one variable, or always (`None`)."""

    variable: str | None
    op: str
    bucket: str
    precision: int
    days: bool = False
    """Only the day of the value is read."""

    def cuts(self, value: object) -> bool:
        """Whether a bucket may lie on both sides; in doubt it may."""
        if value is None:
            return False  # compared with NULL, no row is within the bound
        if self.variable is None or not isinstance(value, str) or not _TEXT.match(value):
            return True
        if self.precision and self.op in {">", "<="}:
            return True
        try:
            at = datetime.fromisoformat(value[:10] if self.days else value)
        except ValueError:
            return True
        return not _starts(at + timedelta(seconds=self.op in {">", "<="}), self.bucket)


def cut(edges: Iterable[Edge], values: Mapping[str, object]) -> bool:
    """Whether any bound may cut a bucket with these values of the variables."""
    return any(edge.cuts(values.get(edge.variable or "", "")) for edge in edges)


def edge(each: Range, bound: Bound) -> Edge | None:
    """The bound's edge; `None` when it cannot cut a bucket, whatever the values are."""
    if bound.op in {">=", "<"} and _on_edge(bound.value, each.bucket):
        return None
    value, days = bound.value, False
    while isinstance(value, nodes.Call) and value.name in _READERS and each.zone in {"", "UTC"} and value.args:
        days = days or value.name == "toDate"
        value = value.args[0]
    variable = value.variable if isinstance(value, VariableValue) else None
    return Edge(variable, bound.op, each.bucket, each.precision, days)


def _on_edge(expr: nodes.Expr, bucket: str) -> bool:
    """Whether a moment is the beginning of a bucket by the way it is computed."""
    if isinstance(expr, nodes.ArithmeticOperation) and isinstance(expr.right, nodes.Call):
        return expr.right.name in _WHOLE_STEPS.get(bucket, ()) and _on_edge(expr.left, bucket)
    return isinstance(expr, nodes.Call) and expr.name in _ALIGNED.get(bucket, ())


def widened(each: Range, variables: tuple[str, ...]) -> Range:
    """The same range with more variables that bound it."""
    return replace(each, variables=tuple(dict.fromkeys((*each.variables, *variables))))


def _starts(at: datetime, bucket: str) -> bool:
    """Whether a bucket begins at that time."""
    if at.second or at.microsecond:
        return False
    if bucket == "minute":
        return True
    if bucket == "fifteen_minutes":
        return at.minute % 15 == 0
    if at.minute or (bucket != "hour" and at.hour):
        return False
    return bucket in {"hour", "day"} or (at.isoweekday() == 7 if bucket == "week" else at.day == 1)


def _free(expr: nodes.Expr, names: Names) -> bool:
    """Whether a value is the same for all rows, and moves with a variable or the clock."""
    return names.volatile(expr) and not any(isinstance(node, ColumnRef) for node in own_nodes(expr))
