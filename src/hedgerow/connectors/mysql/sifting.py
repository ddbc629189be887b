"""What a query wants of a table, as MySQL is told: only what means there what it means to the engine."""

from collections.abc import Callable, Mapping
from datetime import datetime

from hedgerow.connectors.base import Condition, Sift
from hedgerow.connectors.mysql.types import MySqlType

_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_MOMENTS = frozenset({"date", "datetime", "timestamp"})
Write = Callable[[str], str]
"""Writes a name or a text with its quotes."""


def sifted(sift: Sift, types: Mapping[str, MySqlType], required: frozenset[str], quoted: Write, text: Write) -> str:
    """What follows the table; `required` are the columns that are never null."""
    told = [_told(each, types[each.column], quoted, text) for each in sift.conditions]
    parts = [part for part in told if part is not None]
    written = f" WHERE {' AND '.join(parts)}" if parts else ""
    # Texts are compared without regard to case, and blanks: rows of other texts come as well.
    exact = None not in told and all(_ordered(types[each.column]) for each in sift.conditions)
    if not exact or sift.limit is None or not all(_ordered(types[name]) for name, _ in sift.order):
        return written
    if sift.order:
        written += " ORDER BY " + ", ".join(_by(*each, types, required, quoted) for each in sift.order)
    return f"{written} LIMIT {sift.limit}"


def _told(condition: Condition, kind: MySqlType, quoted: Write, text: Write) -> str | None:
    values = [value for each in condition.values if (value := _literal(each, kind, text)) is not None]
    if len(values) < len(condition.values):
        return None
    column = quoted(condition.column)
    if condition.op == "in":
        return f"{column} IN ({', '.join(values)})"
    compared = f"{column} {condition.op} {values[0]}"
    # A date without a year, month or day is null to us.
    real = f" AND MONTH({column}) > 0 AND DAYOFMONTH({column}) > 0" if kind.base in _MOMENTS else ""
    return compared + real


def _literal(value: int | str | datetime, kind: MySqlType, text: Write) -> str | None:
    if isinstance(value, datetime):
        return f"'{value:%Y-%m-%d %H:%M:%S.%f}'" if kind.base in _MOMENTS else None  # the session is in UTC
    if isinstance(value, str):
        return text(value) if kind.base in _TEXTS else None
    return str(value) if kind.base in _WHOLE or kind.base == "decimal" else None


def _ordered(kind: MySqlType) -> bool:
    return kind.base in _WHOLE or kind.base in _MOMENTS or kind.base == "decimal"


def _by(name: str, descending: bool, types: Mapping[str, MySqlType], required: frozenset[str], quoted: Write) -> str:
    words = " DESC" if descending else ""
    if types[name].base in _MOMENTS:  # what is one value to the engine, or null, is so here
        seen = types[name].written(quoted(name))
        return f"{seen} IS NULL, {seen}{words}"
    column = f"{quoted(name)}{words}"
    return column if name in required else f"{quoted(name)} IS NULL, {column}"
