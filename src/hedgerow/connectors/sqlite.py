"""SQLite files in a folder of this server, read in place."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from hedgerow.connectors.base import (
    Ask,
    Config,
    Cursor,
    Declaration,
    Field,
    Refused,
    RemoteColumn,
    RemoteTable,
    SyncType,
    Unreachable,
)
from hedgerow.connectors.batches import batched, chosen_columns

_BUSY_SECONDS = 10
_COLUMNS_AT_ONCE = 100
_EXACT = 2**53  # beyond it a float no longer holds every integer
_TIMES = ("DATETIME", "TIMESTAMP")

DECLARATION = Declaration(
    source_type="SQLite",
    label="SQLite",
    caption="A SQLite file in the server's folder for source files.",
    docs_url="docs/sources/sqlite.md",
    fields=(Field("path", "File", placeholder="shop.sqlite", caption="Its path inside HEDGEROW_SOURCE_FILES."),),
    hosts=lambda _config: frozenset(),
    snapshot=True,
    keywords=("database", "file"),
)


class SqliteConnector:
    """Keeps `base.Connector`. `folder` holds the files that may be read; nothing outside it can be."""

    declaration = DECLARATION

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, config: Config) -> None:
        with closing(self._open(config)):
            pass

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with closing(self._open(config)) as connection:
            return [_table(connection, name) for name in _names(connection)]

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table: the others' values need not be looked at."""
        with closing(self._open(config)) as connection:
            return _table(connection, name) if name in _names(connection) else None

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        with closing(self._open(config)) as connection, ask.watch.ending(connection.interrupt):
            connection.execute("BEGIN")  # the types and the rows are of one moment
            if ask.table not in _names(connection):
                raise Refused(f"The file has no table {ask.table}.")
            columns = chosen_columns(_table(connection, ask.table), ask)
            found = _faultless(lambda: connection.execute(_select(columns, ask), _bound(ask)))
            convert = [_converter(column) for column in columns]

            def fetch(rows: int) -> list[list[Any]]:
                fetched = _faultless(lambda: found.fetchmany(rows))
                return [[c(v) if c else v for c, v in zip(convert, row, strict=True)] for row in fetched]

            yield from batched(fetch, columns, ask)

    def _open(self, config: Config) -> sqlite3.Connection:
        folder = self._folder.resolve()
        path = (folder / str(config["path"]).lstrip("/")).resolve()
        if not path.is_relative_to(folder):
            raise Refused("The file must be inside the server's folder for source files.", field="path")
        if not path.is_file():
            raise Refused("There is no such file in the server's folder for source files.", field="path")
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise Unreachable(f"The file cannot be opened: {error}.", field="path") from error
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            _faultless(lambda: connection.execute("SELECT count(*) FROM sqlite_master").fetchone())
        except BaseException:
            connection.close()
            raise
        return connection


def _faultless(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except sqlite3.OperationalError as error:
        raise Unreachable(f"The file cannot be read: {error}.", field="path") from error
    except sqlite3.DatabaseError as error:
        raise Refused("The file is not a SQLite database, or it is damaged.", field="path") from error


def _names(connection: sqlite3.Connection) -> list[str]:
    sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return sorted(name for (name,) in _faultless(lambda: connection.execute(sql).fetchall()))


def _table(connection: sqlite3.Connection, name: str) -> RemoteTable:
    listed = _faultless(lambda: connection.execute(f"PRAGMA table_xinfo({_quoted(name)})").fetchall())
    shown = [row for row in listed if row[6] != 1]
    columns: list[RemoteColumn] = []
    for start in range(0, len(shown), _COLUMNS_AT_ONCE):
        columns += _columns(connection, name, shown[start : start + _COLUMNS_AT_ONCE])
    (rows,) = _faultless(lambda: connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone())
    key = tuple(row[1] for row in sorted((r for r in shown if r[5]), key=lambda r: r[5]))
    cursors = tuple(found for column in columns if (found := _cursor(column)))
    kinds: tuple[SyncType, ...] = ("full_refresh", "incremental", "append") if cursors else ("full_refresh",)
    return RemoteTable(name, tuple(columns), key, cursors, rows, sync_types=kinds)


def _columns(connection: sqlite3.Connection, table: str, listed: Sequence[Any]) -> Iterator[RemoteColumn]:
    """SQLite lets any value into any column: a column's type is that of the values that are there.

    Most columns hold what they were declared to hold: all are asked that first, and only the others in full.
    """
    odd = [_odd(_quoted(row[1]), str(row[2]).upper()) for row in listed]
    found = _asked(connection, table, [each or "1" for each in odd])
    doubtful = [row for row, is_odd in zip(listed, found, strict=True) if is_odd]
    flags = dict(zip((row[1] for row in doubtful), _flags(connection, table, doubtful), strict=True))
    for row in listed:
        declared = str(row[2])
        kind = _arrow_type(declared.upper(), flags[row[1]]) if row[1] in flags else _declared_type(declared.upper())
        yield RemoteColumn(row[1], declared or "any", kind, not (row[3] or row[5]))


def _odd(name: str, declared: str) -> str | None:
    """What is true of a column that holds something else than it was declared to; `None` where one cannot tell."""
    if "INT" in declared:
        return f"max(typeof({name}) NOT IN ('integer', 'null'))"
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return f"max(typeof({name}) = 'blob')"
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return f"max(typeof({name}) NOT IN ('real', 'null'))"
    return None


def _flags(connection: sqlite3.Connection, table: str, listed: Sequence[Any]) -> Iterator[list[bool]]:
    asked = []
    for row in listed:
        name = _quoted(row[1])
        asked += [f"max(typeof({name}) = '{kind}')" for kind in ("integer", "real", "text", "blob")]
        asked.append(f"max(typeof({name}) = 'integer' AND abs({name} / 2) > {_EXACT // 2})")
        asked.append(f"max(typeof({name}) = 'integer' AND {name} NOT IN (0, 1))")
    found = _asked(connection, table, asked) if asked else []
    for start in range(0, len(found), 6):
        yield [bool(flag) for flag in found[start : start + 6]]


def _asked(connection: sqlite3.Connection, table: str, expressions: Sequence[str]) -> Sequence[Any]:
    sql = f"SELECT {', '.join(expressions)} FROM {_quoted(table)}"
    found: Sequence[Any] = _faultless(lambda: connection.execute(sql).fetchone())
    return found


def _arrow_type(declared: str, flags: Sequence[bool]) -> pa.DataType:
    integer, real, text, blob, wide, beyond_bool = flags
    kinds = sum((integer or real, text, blob))
    if kinds == 0:
        return _declared_type(declared)
    if kinds > 1 or text:
        return pa.string()
    if blob:
        return pa.binary()
    if real:
        return pa.string() if wide else pa.float64()
    return pa.bool_() if declared.startswith("BOOL") and not beyond_bool else pa.int64()


def _declared_type(declared: str) -> pa.DataType:
    """What a column without any value is taken for: SQLite's own rules of affinity."""
    if declared.startswith("BOOL"):
        return pa.bool_()
    if "INT" in declared:
        return pa.int64()
    if "BLOB" in declared:
        return pa.binary()
    return (
        pa.float64()
        if any(word in declared for word in ("REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"))
        else pa.string()
    )


def _cursor(column: RemoteColumn) -> Cursor | None:
    declared = column.remote_type.upper()
    if column.arrow_type == pa.int64():
        return Cursor(column.name, "integer")
    if column.arrow_type == pa.string() and declared.startswith(_TIMES):
        return Cursor(column.name, "datetime")
    if column.arrow_type == pa.string() and declared == "DATE":
        return Cursor(column.name, "date", inclusive=True)
    return None


def _converter(column: RemoteColumn) -> Callable[[Any], Any] | None:
    if column.arrow_type == pa.string():
        return _as_text
    return _as_bool if column.arrow_type == pa.bool_() else None


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else repr(value)


def _as_bool(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _select(columns: Sequence[RemoteColumn], ask: Ask) -> str:
    sql = f"SELECT {', '.join(_quoted(c.name) for c in columns)} FROM {_quoted(ask.table)}"
    if ask.cursor is None:
        return sql
    name = _quoted(ask.cursor)
    if ask.after is not None:
        sql += f" WHERE {name} {'>=' if ask.inclusive else '>'} ?"
    return f"{sql} ORDER BY {name}"


def _bound(ask: Ask) -> tuple[Any, ...]:
    return () if ask.cursor is None or ask.after is None else (ask.after,)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
