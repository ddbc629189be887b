"""What a MySQL database holds, from its catalog: tables, columns, keys."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow.connectors.base import Cursor, RemoteColumn, RemoteTable, SyncType
from hedgerow.connectors.mysql.types import INCLUSIVE, MySqlType

_TABLES = """
    SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = {schema} AND {only} AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
"""
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, NUMERIC_PRECISION, NUMERIC_SCALE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {schema} AND {only} ORDER BY TABLE_NAME, ORDINAL_POSITION
"""
_KEYS = """
    SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = {schema} AND {only} AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX
"""

Rows = Callable[[str], Sequence[Sequence[Any]]]
"""Sends a statement whose `{schema}` and `{only}` are to be filled in; gives its rows as text."""


@dataclass(frozen=True, slots=True)
class MySqlTable:
    """A table as sources see it, and the types of its columns by name."""

    remote: RemoteTable
    types: Mapping[str, MySqlType]


def tables(rows: Rows) -> list[MySqlTable]:
    """Every table that the user may read."""
    columns: dict[str, list[Sequence[Any]]] = defaultdict(list)
    for table, *column in rows(_COLUMNS):
        columns[table].append(column)
    keys: dict[str, list[str]] = defaultdict(list)
    for table, column in rows(_KEYS):
        keys[table].append(column)
    made = [_table(row, columns[row[0]], keys[row[0]]) for row in rows(_TABLES) if columns[row[0]]]
    return sorted(made, key=lambda table: table.remote.name)


def _table(row: Sequence[Any], listed: Sequence[Sequence[Any]], key: Sequence[str]) -> MySqlTable:
    name, kind, count, comment = row
    types = {column[0]: _type(column) for column in listed}
    columns = tuple(RemoteColumn(c[0], c[2], types[c[0]].arrow, c[3] == "YES") for c in listed)
    cursors = tuple(
        Cursor(column, each.cursor, inclusive=each.cursor in INCLUSIVE)
        for column, each in types.items()
        if each.cursor is not None
    )
    ways: tuple[SyncType, ...] = ("full_refresh", "incremental", "append") if cursors else ("full_refresh",)
    return MySqlTable(
        RemoteTable(
            name,
            columns,
            tuple(key),
            cursors,
            int(count) if count and kind != "VIEW" else None,
            description=(comment or None) if kind != "VIEW" else None,
            sync_types=ways,
        ),
        types,
    )


def _type(column: Sequence[Any]) -> MySqlType:
    base, whole, precision, scale = column[1].lower(), column[2].lower(), column[4], column[5]
    return MySqlType(base, "unsigned" in whole or "zerofill" in whole, int(precision or 0), int(scale or 0))
