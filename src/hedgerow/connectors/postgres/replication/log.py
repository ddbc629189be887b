"""A replication connection: the log as events, and answers that keep it alive and free what is confirmed."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import pq

from hedgerow.connectors.base import Refused, Unreachable
from hedgerow.connectors.changes import (
    Begin,
    Change,
    Commit,
    Event,
    Idle,
    LogLost,
    LogPlace,
    Truncate,
)
from hedgerow.connectors.postgres.replication import wire
from hedgerow.connectors.postgres.replication.relations import PgLogged

# As a read of the table writes them; values of money are the server's to write, and only C's are read again.
OPTIONS = (
    "-c datestyle=ISO,YMD -c timezone=UTC -c extra_float_digits=1 -c intervalstyle=iso_8601 "
    "-c bytea_output=hex -c lc_monetary=C"
)
_ANSWER_SECONDS = 5.0
_IDLE_SECONDS = 0.1
_FREE_SECONDS = 10.0
"""How long a slot may be in use by a reader of ours that has only just left."""
_IN_USE = b"55006"
_LOST = ("42704", "55000", "58P01")  # no such slot; it can no longer be read; its files are gone

Lookup = Callable[[wire.WireRelation], PgLogged | None]
"""A table of the log as sources know it; `None` for one that is none of theirs."""


class PgLog:
    """Keeps `changes.Log`."""

    def __init__(self, connection: psycopg.Connection[Any], lookup: Lookup, system: str, start: int) -> None:
        self._raw, self._lookup, self.system = connection.pgconn, lookup, system
        self.confirmed = self._received = start
        self._answered, self._answered_at = start, time.monotonic()
        self._tables: dict[int, PgLogged | None] = {}
        self._poll = select.poll()
        self._poll.register(self._raw.socket, select.POLLIN)

    def events(self) -> Iterator[Event]:
        while True:
            size, data = self._raw.get_copy_data(1)
            if size > 0:
                yield from self._told(bytes(data))
                self._answer()
            elif size == 0:
                self._answer()
                if not self._poll.poll(0):
                    yield Idle(self._received)
                    self._poll.poll(_IDLE_SECONDS * 1000)
                self._raw.consume_input()
            else:
                raise _ended(self._raw.get_result())

    def keep_alive(self) -> None:
        self._answer()

    def _answer(self) -> None:
        late = time.monotonic() - self._answered_at
        if self.confirmed > self._answered or late > _ANSWER_SECONDS:
            self._answered, self._answered_at = self.confirmed, time.monotonic()
            self._raw.put_copy_data(wire.status(self._answered, datetime.now(UTC)))
            self._raw.flush()

    def _told(self, data: bytes) -> Iterator[Event]:
        if data[:1] == b"k":
            self._received = max(self._received, int.from_bytes(data[1:9], "big"))
            if data[17]:
                self._answered_at = float("-inf")
            return
        try:
            message = wire.decode(data[25:])
        except (ValueError, IndexError) as error:
            raise Refused(f"The server's log could not be read: {error}") from error
        event = self._event(message, len(data)) if message is not None else None
        if event is not None:
            yield event

    def _event(self, message: wire.Message, size: int) -> Event | None:
        if isinstance(message, wire.WireChange):
            table = self._tables[message.number]
            return Change(table, message.old, message.new, message.whole, size, message.inserted) if table else None
        if isinstance(message, wire.WireBegin):
            return Begin(message.lsn, message.xid, message.at)
        if isinstance(message, wire.WireCommit):
            self._received = max(self._received, message.end)
            return Commit(message.end)
        if isinstance(message, wire.WireTruncate):
            return Truncate(tuple(t for n in message.numbers if (t := self._tables[n]) is not None))
        self._tables[message.number] = found = self._lookup(message)
        return found


@contextmanager
def reading(connection: psycopg.Connection[Any], place: LogPlace, start: int, lookup: Lookup) -> Iterator[PgLog]:
    """Begin to read a slot's log over a replication connection, which stays the caller's to close."""
    raw = connection.pgconn
    raw.nonblocking = 0
    known = raw.exec_(b"IDENTIFY_SYSTEM")
    if known.status != pq.ExecStatus.TUPLES_OK:
        raise _ended(known)
    system = (known.get_value(0, 0) or b"").decode()
    slot, publication = (_quoted(name) for name in (place.slot, place.publication))
    names = "'" + publication.replace("'", "''") + "'"
    begin = (
        f"START_REPLICATION SLOT {slot} LOGICAL {wire.lsn_text(start)} "
        f"(proto_version '1', publication_names {names})".encode()
    )
    end = time.monotonic() + _FREE_SECONDS
    while (begun := raw.exec_(begin)).status != pq.ExecStatus.COPY_BOTH:
        if begun.error_field(pq.DiagnosticField.SQLSTATE) != _IN_USE or time.monotonic() > end:
            raise _ended(begun)
        time.sleep(_IDLE_SECONDS)
    yield PgLog(connection, lookup, system, start)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _ended(result: Any) -> Exception:
    """Why the server sends no more."""
    if result is None or result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.COPY_IN):
        return Unreachable("The server ended the connection.")
    code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    text = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode(errors="replace")
    text = text.strip().rstrip(".")
    if code in _LOST and "slot" in text:
        return LogLost(f"The server has lost the changes: {text}.")
    if code in ("", "55006") or code.startswith(("08", "57P", "53")):
        return Unreachable(f"The connection to the server's log was lost: {text}.")
    return Refused(f"The server refused to send its log: {text}.")
