"""Rows set aside on disk until all have come: to be put in order, kept once each, and their kinds found out."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from hedgerow.connectors.base import Unreachable

_CACHE_KB = 8192

SortKey = int | float | str | None


class Spool:
    """A private temporary file that goes with the process; in memory there are only a few megabytes of it."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE kept (place INTEGER PRIMARY KEY, sort, identity TEXT UNIQUE, row TEXT)")
        self._file.execute("BEGIN")
        self._reading: sqlite3.Cursor | None = None

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._file.close()

    def add(self, rows: Iterable[tuple[SortKey, str | None, Mapping[str, Any]]]) -> None:
        """Keep rows, each with what orders it and what it is known by (or `None`): a later one takes its place."""
        written = (
            (sort, known, json.dumps(row, ensure_ascii=False, separators=(",", ":"))) for sort, known, row in rows
        )
        try:
            self._file.executemany("INSERT OR REPLACE INTO kept (sort, identity, row) VALUES (?, ?, ?)", written)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"Rows could not be set aside on this server's disk: {error}.") from error

    def fetch(self, count: int) -> list[Mapping[str, Any]]:
        """The next rows in order, those without anything to order by first."""
        if self._reading is None:
            self._reading = self._file.execute("SELECT row FROM kept ORDER BY sort NULLS FIRST, place")
        return [json.loads(row) for (row,) in self._reading.fetchmany(count)]
