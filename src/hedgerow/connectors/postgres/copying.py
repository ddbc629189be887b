"""Rows of a COPY in PostgreSQL's binary format, as the bytes they came in: an ask's batch of them at a time."""

from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import psycopg
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.waiting import Wait

from hedgerow.connectors.base import Ask, Refused
from hedgerow.connectors.postgres.faults import working

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEAD = len(_SIGNATURE) + 8
_END = b"\xff\xff"
_EARLY_ROWS, _EARLY = 4_096, 9  # so many small batches: of a short read, little is left to decode when all has come
_UNSEEN, _LONG = 64, 16_384  # so many rows, none of them longer, are taken before their bytes are counted


@dataclass(slots=True)
class Lines:
    """Rows one behind the other in `content`, and how long each of them is."""

    content: bytearray = field(default_factory=bytearray)
    sizes: list[int] = field(default_factory=list)

    def without_frame(self, first: bool) -> "Lines":
        """Without what stands before the first row and after the last: in a message of its own or in that of a row."""
        if first:
            if not self.content.startswith(_SIGNATURE) or self.content[len(_SIGNATURE) : _HEAD] != bytes(8):
                raise Refused("The server's rows came in a form that is not known here.")
            del self.content[:_HEAD]
            self.sizes[0] -= _HEAD
        if self.sizes and self.sizes[-1] == len(_END) and self.content.endswith(_END):
            del self.content[-len(_END) :]
            self.sizes.pop()
        if self.sizes and not self.sizes[0]:
            del self.sizes[0]
        return self


def copied(connection: psycopg.Connection[Any], statement: sql.Composed, ask: Ask) -> Generator[Lines]:
    """The rows of a `COPY … TO STDOUT (FORMAT binary)`, in batches of the size asked for, after some small ones; none
    is empty.
    """
    small = repeat(_EARLY_ROWS, _EARLY)
    with working(), connection.cursor() as cursor, cursor.copy(statement):
        first, more = True, True
        while more:
            lines, most = Lines(), min(next(small, ask.batch_rows), ask.batch_rows)
            more = connection.wait(_fill(connection.pgconn, lines, most, ask.batch_bytes))
            if lines.sizes and lines.without_frame(first).sizes:
                yield lines
            first = False


def _fill(connection: psycopg.pq.abc.PGconn, lines: Lines, most: int, most_bytes: int) -> PQGen[bool]:
    """Take rows until there are so many, or so many bytes; whether there are more.

    One message of the protocol is one row. psycopg's own loop takes twice the time for each.
    """
    take, content, sizes = connection.get_copy_data, lines.content, lines.sizes
    while len(sizes) < most and len(content) < most_bytes:
        for _ in range(min(_UNSEEN, most - len(sizes))):
            size, row = take(1)
            if size <= 0:
                break
            content += row
            sizes.append(size)
            if size > _LONG:
                break
        if size < 0:
            _end(connection)
            return False
        if size == 0:
            while not (yield Wait.R):
                continue
            connection.consume_input()
    return True


def _end(connection: psycopg.pq.abc.PGconn) -> None:
    """Take what comes after the last row; raises the error that ended them."""
    error: Exception | None = None
    while (result := connection.get_result()) is not None:
        if result.status != ExecStatus.COMMAND_OK:
            error = error or psycopg.errors.error_from_result(result)
    if error is not None:
        raise error
