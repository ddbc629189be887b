"""What a PostgreSQL database holds, from its catalog: tables, columns, keys."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from hedgerow.connectors.base import Cursor, RemoteColumn, RemoteTable, SyncType
from hedgerow.connectors.postgres.types import INCLUSIVE, PgType

_TABLES = """
    SELECT c.oid, n.nspname, c.relname, c.reltuples::bigint, obj_description(c.oid, 'pg_class')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_temp\\_%%'
      AND (%(schema)s::text IS NULL OR n.nspname = %(schema)s)
      AND (%(name)s::text IS NULL OR CASE WHEN %(schema)s::text IS NULL THEN n.nspname || '.' || c.relname
                                          ELSE c.relname END = %(name)s)
      AND has_schema_privilege(n.oid, 'USAGE')
      AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
"""
# Domains lead to what they are of, however deep; the element of an array may be a domain as well. Others are not in it.
DOMAINS = """
    plain AS (
        SELECT oid AS of, oid, typtype, typbasetype, typtypmod AS modifier FROM pg_type WHERE typtype = 'd'
        UNION ALL
        SELECT p.of, t.oid, t.typtype, t.typbasetype, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE p.modifier END
        FROM plain p JOIN pg_type t ON t.oid = p.typbasetype WHERE p.typtype = 'd'
    ), leaf AS (SELECT of, oid, modifier FROM plain WHERE typtype <> 'd')
"""
_COLUMNS = f"""
    WITH RECURSIVE {DOMAINS}
    SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
           CASE WHEN coalesce(e.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace
                THEN coalesce(e.typname, t.typname) ELSE format_type(coalesce(e.oid, t.oid), NULL) END,
           CASE WHEN e.oid IS NULL THEN 0 ELSE greatest(a.attndims, t.typndims, 1) END,
           CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE coalesce(l.modifier, -1) END,
           array_position((i.indkey::int2[])[:i.indnkeyatts - 1], a.attnum), i.indnkeyatts
    FROM pg_attribute a
    LEFT JOIN leaf l ON l.of = a.atttypid
    JOIN pg_type t ON t.oid = coalesce(l.oid, a.atttypid)
    LEFT JOIN leaf el ON el.of = t.typelem
    LEFT JOIN pg_type e ON e.oid = coalesce(el.oid, t.typelem) AND t.typcategory = 'A' AND t.typlen = -1
    LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = ANY(%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    ORDER BY a.attrelid, a.attnum
"""
_TYPES = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND n.nspname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
_NUMERIC_HEADER = 4


@dataclass(frozen=True, slots=True)
class PgTable:
    """A table as the database knows it, as sources see it, and the types of its columns by name."""

    schema: str
    name: str
    remote: RemoteTable
    types: Mapping[str, PgType]


def known(remote: RemoteTable | None) -> PgTable | None:
    """A table that was found before, as the database knew it then."""
    if remote is None or not isinstance(remote.own, _Own):
        return None
    return PgTable(remote.own.schema, remote.own.name, remote, remote.own.types)


@dataclass(frozen=True, slots=True)
class _Own:
    schema: str
    name: str
    types: Mapping[str, PgType]


def tables(connection: psycopg.Connection[Any], schema: str | None, name: str | None = None) -> list[PgTable]:
    """Every table that the user may read, of one schema or (`None`) of all; `name`: the one that is called so."""
    found = connection.execute(_TABLES, {"schema": schema, "name": name}).fetchall()
    chosen = {"tables": [row[0] for row in found]}
    columns: dict[int, list[Sequence[Any]]] = defaultdict(list)
    for table, *column in connection.execute(_COLUMNS, chosen).fetchall():
        columns[table].append(column)
    made = [
        _table(space, name, schema is None, (rows, text, columns[oid]))
        for oid, space, name, rows, text in found
        if columns[oid]
    ]
    return sorted(made, key=lambda table: table.remote.name)


def remote_types(connection: psycopg.Connection[Any], table: PgTable) -> dict[str, str]:
    """What the types of a table's columns are called now, by their names; none where it is no more. All else about it
    takes five times as long to find.
    """
    return dict(connection.execute(_TYPES, [table.name, table.schema]).fetchall())


def _table(space: str, name: str, whole: bool, known: tuple[int, str | None, list[Sequence[Any]]]) -> PgTable:
    rows, description, listed = known
    types = {row[0]: type_of(row[3], row[4], row[5]) for row in listed}
    columns = tuple(RemoteColumn(row[0], row[1], types[row[0]].arrow, row[2]) for row in listed)
    cursors = tuple(
        Cursor(column, kind, inclusive=kind in INCLUSIVE)
        for column, each in types.items()
        if (kind := each.cursor) is not None
    )
    ways: tuple[SyncType, ...] = ("full_refresh", "incremental", "append") if cursors else ("full_refresh",)
    shown = f"{space}.{name}" if whole else name
    estimate = rows if rows >= 0 else None
    own = _Own(space, name, types)
    remote = RemoteTable(
        shown, columns, _key(listed), cursors, estimate, description=description, sync_types=ways, own=own
    )
    return PgTable(space, name, remote, types)


def _key(listed: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """The primary key, in its order; none where the user may not read all of it."""
    places = {row[6]: row[0] for row in listed if row[6] is not None}
    return tuple(places[place] for place in sorted(places)) if places and len(places) == listed[0][7] else ()


def type_of(base: str, dimensions: int, modifier: int) -> PgType:
    """A type by its internal name, and what `pg_attribute` packs a precision and a scale into."""
    if base != "numeric" or dimensions or modifier < _NUMERIC_HEADER:
        return PgType(base, dimensions)
    packed = modifier - _NUMERIC_HEADER
    scale = ((packed & 0x7FF) ^ 0x400) - 0x400  # eleven bits with a sign
    return PgType(base, dimensions, packed >> 16 & 0xFFFF, scale)
