"""What a query wants of a table, as PostgreSQL is told: only what means there what it means to the engine."""

import re
from collections.abc import Mapping
from datetime import datetime

from psycopg import sql

from hedgerow.connectors.base import Condition, Sift
from hedgerow.connectors.postgres.types import PgType

_WHOLE = frozenset({"int2", "int4", "int8"})
_TEXTS = frozenset({"text", "varchar"})
# A day is compared as its midnight.
_MOMENTS = {"date": "timestamp", "timestamp": "timestamp", "timestamptz": "timestamptz"}
_WITHIN = (
    "CASE WHEN {0} < {1} '1900-01-01' THEN {1} '1900-01-01'"
    " WHEN {0} > {1} '2299-12-31 23:59:59.999999' THEN {1} '2299-12-31 23:59:59.999999' ELSE {0} END"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def sifted(sift: Sift, types: Mapping[str, PgType], required: frozenset[str]) -> sql.Composed:
    """What follows `FROM … AS t`; `required` are the columns that are never null."""
    told = [(each, _told(each, types[each.column])) for each in sift.conditions]
    parts = [part for _, part in told if part is not None]
    text = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(parts)) if parts else sql.Composed([])
    exact = all(part is not None and _same(types[each.column]) for each, part in told)
    if not exact or sift.limit is None or not all(_ordered(types[name]) for name, _ in sift.order):
        return text
    if sift.order:
        last = sift.order[-1][0]
        by = [_by(*each, required, types[each[0]] if each[0] != last else None) for each in sift.order]
        text += sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(by))
    return text + sql.SQL(" LIMIT {}").format(sql.Literal(sift.limit))


def _told(condition: Condition, kind: PgType) -> sql.Composable | None:
    values = [value for each in condition.values if (value := _literal(each, kind)) is not None]
    if kind.dimensions or len(values) < len(condition.values):
        return None
    column = sql.Identifier("t", condition.column)
    if condition.op == "in":
        return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(values))
    return sql.SQL("{} {} {}").format(column, sql.SQL(condition.op), values[0])


def _literal(value: int | str | datetime, kind: PgType) -> sql.Composable | None:
    base = kind.base
    if isinstance(value, datetime):
        zone = "+00" if base == "timestamptz" else ""
        written = f"{value:%Y-%m-%d %H:%M:%S.%f}{zone}"
        return sql.SQL("{}::{}").format(sql.Literal(written), sql.SQL(_MOMENTS[base])) if base in _MOMENTS else None
    if isinstance(value, str):
        if base in _TEXTS and "\0" not in value:
            return sql.Literal(value)
        return sql.SQL("{}::uuid").format(sql.Literal(value)) if base == "uuid" and _UUID.fullmatch(value) else None
    return sql.SQL(str(value)) if base in _WHOLE or base == "numeric" else None


def _same(kind: PgType) -> bool:
    """Whether comparing is the same there: texts may have a collation of their own, and NaN is a numeric."""
    return kind.base in _WHOLE or kind.base in _MOMENTS


def _ordered(kind: PgType) -> bool:
    return not kind.dimensions and _same(kind)


def _by(name: str, descending: bool, required: frozenset[str], kind: PgType | None) -> sql.Composable:
    """With a `kind`, other columns are sorted by after it: where it is one value to the engine, it is one here."""
    words = " DESC" if descending else ""
    # An index is in the order of nulls that it was made with; without nulls, either will do.
    words += "" if name in required else " NULLS LAST"
    column: sql.Composable = sql.Identifier("t", name)
    if kind is not None and kind.base in _MOMENTS:
        column = sql.SQL(_WITHIN).format(column, sql.SQL(kind.base))
    return column + sql.SQL(words)
