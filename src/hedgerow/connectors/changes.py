"""What a connector gives that can follow its remote's log of changes: who changed what, in the order of commits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

import pyarrow as pa

from hedgerow.connectors.base import Ask, Config, Connector, Refused, RemoteColumn


class LogLost(Refused):
    """What the log held since the last time is gone: the tables that followed it are to be read anew."""


class Unchanged:
    """The one value `UNCHANGED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged()
"""In a changed row: a large value that is as it was, and was therefore not sent."""

Texts: TypeAlias = tuple[str | Unchanged | None, ...]
"""A row's values in the order of its table's columns, as the remote writes them."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where changes are read: the names of a slot and a publication, and whether they are ours to make and drop."""

    slot: str
    publication: str
    managed: bool


@dataclass(frozen=True, slots=True)
class LogState:
    """What there is of a place.

    `usable`: the slot still has all that lies beyond `confirmed`. `lag_bytes` is what the remote keeps for it.
    """

    slot_exists: bool
    publication_exists: bool
    usable: bool
    confirmed: int | None
    lag_bytes: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What of the log a read of a table has seen already: what committed before `end` and is among `seen`."""

    end: int
    seen: str

    def covers(self, lsn: int, xid: int) -> bool:
        """Whether the transaction `xid`, whose commit lies at `lsn`, was seen."""
        if lsn >= self.end:
            return False
        low, high, running = self.seen.split(":")
        beyond = _signed(xid - int(high))
        if beyond >= 0:
            return False
        return _signed(xid - int(low)) < 0 or str(xid) not in {str(int(x) & _MASK) for x in running.split(",") if x}


_MASK = 0xFFFFFFFF


def _signed(difference: int) -> int:
    """Numbers of transactions go round: the nearer way between two of them."""
    return ((difference + 0x80000000) & _MASK) - 0x80000000


class LoggedTable(Protocol):
    """A table as the log shows it, from some change on."""

    @property
    def name(self) -> str: ...

    @property
    def number(self) -> int:
        """What the remote knows the table by, whatever it is called."""

    @property
    def columns(self) -> Sequence[RemoteColumn]: ...

    @property
    def identity(self) -> frozenset[str]:
        """The columns that a deleted row is told by."""

    @property
    def plain(self) -> frozenset[str]:
        """Columns that are null in every row that was there before them."""

    def arrays(self, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> list[pa.Array]:
        """Values of those columns (each row has them in that order), with the columns' own Arrow types."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction that has committed, at `lsn`."""

    lsn: int
    xid: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A row inserted (`inserted`), updated or deleted (no `new`).

    `old` comes where the key has changed or the row is gone: its key alone, or (`whole`) all that it held. An update
    without it kept its key. `size` is about how many bytes it came in.
    """

    table: LoggedTable
    old: Texts | None
    new: Texts | None
    whole: bool = False
    size: int = 0
    inserted: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """All rows of tables are gone."""

    tables: tuple[LoggedTable, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction's end."""

    end: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing more has come just now; all that lies before `lsn` was told."""

    lsn: int


Event: TypeAlias = LoggedTable | Begin | Change | Truncate | Commit | Idle


class Log(Protocol):
    """A log that is being read; for one thread, but `confirmed`, which anybody may set."""

    confirmed: int
    """What lies before this is not wanted again."""
    system: str
    """What tells this remote from all others, whatever address it has."""

    def events(self) -> Iterator[Event]:
        """What happens, without an end; `Idle` several times a second when nothing does."""

    def keep_alive(self) -> None:
        """Tell the remote that somebody is there, and what is confirmed, while no events are taken."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of a table at one moment."""

    number: int
    moment: Moment
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Logging:
    """What the log has of a table: the columns with values, and those that rows are told by."""

    columns: frozenset[str]
    identity: frozenset[str]


class ChangeSource(Protocol):
    """A connector's way to its remote's log. All calls block, and raise as a `Connector`'s do."""

    def faults(self, config: Config, place: LogPlace, tables: Sequence[str]) -> list[str]:
        """What is missing for the log to be read, for each a sentence."""

    def state(self, config: Config, place: LogPlace) -> LogState:
        """What there is of a place."""

    def open_place(self, config: Config, place: LogPlace) -> int:
        """Make what a place lacks and is ours to make; from where on its log is kept. A lost slot is made anew."""

    def include(self, config: Config, place: LogPlace, table: str) -> Logging:
        """See to it that every change of a table that a later snapshot does not show will be in the log."""

    def snapshot(self, config: Config, ask: Ask) -> AbstractContextManager[Snapshot]:
        """All rows of a table at one moment."""

    def logged(self, config: Config, place: LogPlace) -> dict[str, int]:
        """The tables whose changes are in the log, with their numbers."""

    def read_log(self, config: Config, place: LogPlace, start: int) -> AbstractContextManager[Log]:
        """The log from `start` on; raises `LogLost`."""

    def advance(self, config: Config, place: LogPlace, wanted: Callable[[], bool]) -> None:
        """Free all of the log that there is, where it is `wanted`: asked while nobody else can begin to read it."""

    def close_place(self, config: Config, place: LogPlace, keep: Sequence[str] = ()) -> None:
        """Drop what of a place is ours. `keep`: leave it, for these tables alone."""


def change_source(connector: Connector) -> ChangeSource | None:
    """A connector's way to its remote's log, if it has one."""
    found: ChangeSource | None = getattr(connector, "changes", None)
    return found
