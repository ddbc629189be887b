"""Gathers changes into portions: of each row that changed its last state, by key; in the log's own order and memory."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from hedgerow.connectors.changes import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Event,
    Idle,
    LoggedTable,
    Texts,
    Truncate,
    Unchanged,
)
from hedgerow.sources.logs.records import LogCursor

Key: TypeAlias = tuple[str | None, ...]
MOST_BYTES = 24 << 20
_VALUE_BYTES = 60  # what Python adds to a value
_LINGER_SECONDS = 0.03
_IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Followed:
    """A table that is followed: what rows are told apart by, and where in the log it stands.

    `history`: each change is wanted, not only what becomes of the rows.
    """

    schema_id: UUID
    name: str
    key: tuple[str, ...]
    cursor: LogCursor
    history: bool = False


@dataclass(slots=True)
class Row:
    """A row's last state. Where values are `UNCHANGED`, those of the row that was at `origin` hold."""

    values: Texts
    origin: Key | None

    @property
    def lacking(self) -> tuple[int, ...]:
        """Where its values are `UNCHANGED`."""
        if self.origin is None:
            return ()
        return tuple(place for place, value in enumerate(self.values) if isinstance(value, Unchanged))


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to one row, and what it held then, or until then: `op` is `I`, `U` or `D`."""

    op: str
    key: Key
    row: Row
    lsn: int
    at: datetime


@dataclass(slots=True)
class TableChanges:
    """What becomes of one table. `None` is a row that is gone.

    `emptied`: nothing that was there before stays; where in the log, and when, that was. `deeds` are in their order,
    where they are wanted.
    """

    followed: Followed
    table: LoggedTable
    places: tuple[int, ...]
    emptied: tuple[int, datetime] | None = None
    rows: dict[Key, Row | None] = field(default_factory=dict)
    count: int = 0
    deeds: list[Deed] | None = None


@dataclass(slots=True)
class Portion:
    """Changes to apply together. `end`: where the log stands after them; `None` within a transaction.

    `faults` are of tables that cannot go on, by schema.
    """

    tables: list[TableChanges]
    end: int | None
    at: datetime | None
    faults: dict[UUID, str]


class Gatherer:
    """Takes events one by one; `portion` gives what has come since the last one."""

    def __init__(self, followed: Iterable[Followed], start: int) -> None:
        self._by_name = {each.name: each for each in followed}
        self._by_number = {each.cursor.number: each for each in self._by_name.values()}
        self._open: dict[UUID, TableChanges] = {}
        self._closed: list[TableChanges] = []
        self._faults: dict[UUID, str] = {}
        self._halted: set[UUID] = set()
        self._begin: Begin | None = None
        self._end, self._told = start, start
        self._at: datetime | None = None
        self._bytes = 0
        self._since: float | None = None
        self._last = time.monotonic()

    def take(self, event: Event) -> None:
        """Take in the next event."""
        if isinstance(event, Change):
            self._change(event)
        elif isinstance(event, Begin):
            self._begin = event
        elif isinstance(event, Commit):
            self._end, self._begin = event.end, None
        elif isinstance(event, Idle):
            if self._begin is None:
                self._end = max(self._end, event.lsn)
        elif isinstance(event, Truncate):
            for table in event.tables:
                self._truncate(table)
        else:
            self._table(event)

    @property
    def full(self) -> bool:
        """Whether what was gathered is as much as may be held."""
        return self._bytes >= MOST_BYTES

    @property
    def ready(self) -> bool:
        """Whether something whole waits, for long enough that more has had the time to join it."""
        if self._begin is not None:
            return False
        now = time.monotonic()
        if self._since is not None or self._faults:
            return self._since is None or now - self._since >= _LINGER_SECONDS
        return now - self._last >= _IDLE_SECONDS

    def portion(self) -> Portion:
        """What has come; what comes from now on is the next one's."""
        tables = [*self._closed, *self._open.values()]
        end = self._end if self._begin is None else None
        made = Portion(tables, end, self._at, self._faults)
        self._open, self._closed, self._faults, self._bytes, self._since = {}, [], {}, 0, None
        self._last = time.monotonic()
        return made

    # --- inside

    def _table(self, table: LoggedTable) -> None:
        """The log tells what a table looks like from here on."""
        known = self._by_number.get(table.number)
        if known is not None and known.name != table.name:
            self._halt(known, f"Table {known.name} is called {table.name} now. Refresh the source's tables.")
        followed = self._by_name.get(table.name)
        if followed is None or followed.schema_id in self._halted:
            return
        if followed.cursor.number != table.number:
            self._halt(followed, f"Table {table.name} was dropped and made anew. Resync it.")
        elif set(followed.key) - table.identity:
            told = ", ".join(sorted(table.identity)) or "nothing"
            text = f"Changes of table {table.name} tell rows by {told}: not by its key any more. Resync it."
            self._halt(followed, text)
        elif (before := self._open.pop(followed.schema_id, None)) is not None:
            self._closed.append(before)  # rows of another shape

    def _halt(self, followed: Followed, text: str) -> None:
        self._halted.add(followed.schema_id)
        self._faults[followed.schema_id] = text

    def _changes(self, table: LoggedTable) -> TableChanges | None:
        """Where changes of a table go; `None` when they are not wanted, or are in it already."""
        followed, begin = self._by_name.get(table.name), self._begin
        if followed is None or begin is None or followed.schema_id in self._halted:
            return None
        if followed.cursor.has(begin.lsn, begin.xid):
            return None
        found = self._open.get(followed.schema_id)
        if found is None or found.table is not table:
            if found is not None:
                self._closed.append(found)
            names = [column.name for column in table.columns]
            places = tuple(names.index(name) for name in followed.key)
            deeds: list[Deed] | None = [] if followed.history else None
            found = self._open[followed.schema_id] = TableChanges(followed, table, places, deeds=deeds)
        if self._since is None:
            self._since = time.monotonic()
        found.count += 1
        self._at = begin.at
        return found

    def _truncate(self, table: LoggedTable) -> None:
        changes, begin = self._changes(table), self._begin
        if changes is None or begin is None:
            return
        if changes.deeds or (changes.deeds is not None and changes.emptied):  # what went before is to be told
            self._closed.append(self._open.pop(changes.followed.schema_id))
            changes = self._changes(table) or changes
        changes.emptied = (begin.lsn, begin.at)
        changes.rows.clear()

    def _change(self, change: Change) -> None:
        changes = self._changes(change.table)
        if changes is None:
            return
        rows, places = changes.rows, changes.places
        new, old = change.new, change.old
        self._bytes += (change.size + _VALUE_BYTES * len(new or old or ())) * (1 if changes.deeds is None else 2)
        if new is None:
            before = _key(old or (), places)
            self._gone(changes, change, before)
            rows[before] = None
            return
        key = _key(_filled(new, old) if change.whole and old else new, places, old)
        before = key if old is None else _key(old, places)
        values = _filled(new, old) if change.whole and old is not None else new
        origin: Key | None = None
        if UNCHANGED in values:
            values, origin = _over(values, rows.get(before, None), before)
        if before != key:
            self._gone(changes, change, before)
            rows[before] = None
        rows[key] = row = Row(values, origin)
        self._tell(changes, "I" if change.inserted or before != key else "U", key, row)

    def _gone(self, changes: TableChanges, change: Change, before: Key) -> None:
        """A row is not there any more, or not under that key: what it held is told."""
        if changes.deeds is None:
            return
        known = changes.rows.get(before)
        if change.whole and change.old is not None:
            row = Row(change.old, None)
        elif known is not None:
            row = known
        else:
            held = dict(zip(changes.places, before, strict=True))
            row = Row(tuple(held.get(place, UNCHANGED) for place in range(len(changes.table.columns))), before)
        self._tell(changes, "D", before, row)

    def _tell(self, changes: TableChanges, op: str, key: Key, row: Row) -> None:
        if changes.deeds is not None and self._begin is not None:
            changes.deeds.append(Deed(op, key, row, self._begin.lsn, self._begin.at))


def _key(values: Texts, places: tuple[int, ...], old: Texts | None = None) -> Key:
    """A row's key. A key that is large and unchanged is in the old row."""
    found = tuple(values[place] for place in places)
    if UNCHANGED in found and old is not None:
        found = tuple(old[p] if isinstance(v, Unchanged) else v for p, v in zip(places, found, strict=True))
    return tuple(None if isinstance(value, Unchanged) else value for value in found)


def _filled(new: Texts, old: Texts) -> Texts:
    return tuple(b if isinstance(a, Unchanged) else a for a, b in zip(new, old, strict=True))


def _over(values: Texts, row: Row | None, before: Key) -> tuple[Texts, Key | None]:
    """Values put over the row's earlier state: that of this portion, else the one that is in the table."""
    if row is None:
        return values, before
    whole = _filled(values, row.values)
    return whole, row.origin if UNCHANGED in whole else None


def by_schema(tables: Iterable[TableChanges]) -> Mapping[UUID, list[TableChanges]]:
    """A portion's changes by schema, in their order."""
    found: dict[UUID, list[TableChanges]] = {}
    for each in tables:
        found.setdefault(each.followed.schema_id, []).append(each)
    return found
