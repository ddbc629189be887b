"""ClickHouse: one SELECT per read, streamed as Arrow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.base import Ask, Config, Cursor, Refused, RemoteColumn, RemoteTable, SyncType
from hedgerow.connectors.batches import chosen_columns, parted, schema_of
from hedgerow.connectors.clickhouse.declaration import DECLARATION
from hedgerow.connectors.clickhouse.session import Session, connected
from hedgerow.connectors.clickhouse.types import ChType, nullable, type_of
from hedgerow.kit.outgoing import OutgoingGuard

_TABLES = """
    SELECT name, engine, toString(total_rows) AS rows, comment FROM system.tables
    WHERE database = {database:String} AND NOT is_temporary AND ({name:String} = '' OR name = {name:String})
      AND NOT startsWith(name, '.inner')
"""
_COLUMNS = """
    SELECT table, name, type, is_in_sorting_key FROM system.columns
    WHERE database = {database:String} AND ({name:String} = '' OR table = {name:String})
      AND default_kind NOT IN ('ALIAS', 'EPHEMERAL') ORDER BY table, position
"""
# Engines that keep several versions of a row until they merge: the last one is asked for.
_MERGING = ("Replacing", "Collapsing")


@dataclass(frozen=True, slots=True)
class ChTable:
    """A table as sources see it, the types of its columns, and whether rows must be merged first."""

    remote: RemoteTable
    types: Mapping[str, ChType]
    final: bool


class ClickHouseConnector:
    """Keeps `base.Connector`."""

    declaration = DECLARATION

    def __init__(self, guard: OutgoingGuard) -> None:
        self._guard = guard

    def check(self, config: Config) -> None:
        with connected(config, self._guard) as session:
            session.rows("SELECT 1 AS one")

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with connected(config, self._guard) as session:
            return [table.remote for table in _tables(session, config)]

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table, by its name alone."""
        with connected(config, self._guard) as session:
            return next((table.remote for table in _tables(session, config, name)), None)

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        with connected(config, self._guard) as session:
            table = next(iter(_tables(session, config, ask.table)), None)
            if table is None:
                raise Refused(f"There is no table {ask.table} that this user may read.")
            columns = chosen_columns(table.remote, ask)
            sql, parameters = _select(config, table, columns, ask)
            with closing(session.batches(sql, **parameters)) as batches:
                for batch in batches:
                    yield from parted(_conformed(batch, columns), ask)


def _tables(session: Session, config: Config, name: str = "") -> list[ChTable]:
    asked = {"database": str(config["database"]), "name": name}
    columns: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in session.rows(_COLUMNS, **asked):
        columns[row["table"]].append(row)
    found = [_table(row, columns[row["name"]]) for row in session.rows(_TABLES, **asked) if columns[row["name"]]]
    return sorted(found, key=lambda table: table.remote.name)


def _table(row: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> ChTable:
    types = {column["name"]: type_of(column["type"]) for column in listed}
    columns = tuple(RemoteColumn(c["name"], c["type"], types[c["name"]].arrow, nullable(c["type"])) for c in listed)
    final = any(word in row["engine"] for word in _MERGING)
    # Only there is what rows are sorted by also what they are known by.
    key = tuple(column["name"] for column in listed if column["is_in_sorting_key"]) if final else ()
    cursors = tuple(Cursor(name, kind.cursor, inclusive=kind.coarse) for name, kind in types.items() if kind.cursor)
    ways: tuple[SyncType, ...] = ("full_refresh", "incremental", "append") if cursors else ("full_refresh",)
    rows = int(row["rows"]) if row["rows"] else None
    comment = row["comment"] or None
    remote = RemoteTable(row["name"], columns, key, cursors, rows, description=comment, sync_types=ways)
    return ChTable(remote, types, final)


def _select(config: Config, table: ChTable, columns: Sequence[RemoteColumn], ask: Ask) -> tuple[str, dict[str, Any]]:
    # Names of our own: an alias called like a column would take its place in WHERE and ORDER BY.
    cells = [f"{table.types[c.name].written(_quoted(c.name))} AS _{n}" for n, c in enumerate(columns)]
    sql = f"SELECT {', '.join(cells)} FROM {_quoted(str(config['database']))}.{_quoted(table.remote.name)}"
    if table.final:
        sql += " FINAL"
    if ask.cursor is None:
        return sql, {}
    kind = table.types[ask.cursor]
    compared = kind.written(_quoted(ask.cursor))
    if ask.after is None:
        return f"{sql} ORDER BY {compared} NULLS FIRST", {}
    sign = ">=" if ask.inclusive else ">"
    return f"{sql} WHERE {compared} {sign} {{after:{kind.bound}}} ORDER BY {compared}", {"after": _text(ask.after)}


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _conformed(batch: pa.RecordBatch, columns: Sequence[RemoteColumn]) -> pa.RecordBatch:
    arrays = []
    for place, column in enumerate(columns):
        values = batch.column(place)
        try:
            arrays.append(values if values.type == column.arrow_type else pc.cast(values, column.arrow_type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Refused(f"Column {column.name} holds a value that is not {column.arrow_type}: {error}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
