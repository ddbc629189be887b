"""Tables read in the order in which their rows lie, one range of blocks after another: what was read is known.

A row that is not written stays where it is. One that is written since gets a transaction's number that is at least the
oldest that was under way when the first read began: by that such rows are found, wherever they lie by now.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from hedgerow.connectors.base import Ask
from hedgerow.connectors.batches import joined
from hedgerow.connectors.postgres.catalog import PgTable
from hedgerow.connectors.postgres.faults import working
from hedgerow.connectors.resuming import Moved, Onward, Place, Step

_SINCE = 140_000
"""Older servers would look through the whole table for each range."""
_FIRST_BLOCKS, _MOST_BLOCKS = 256, 1 << 20
_SHORT, _LONG = 0.5, 2.0
"""Seconds: a range that takes less is followed by a longer one, one that takes more by a shorter one."""
_XIDS = 1 << 32
_MOST_XIDS = 1 << 30
"""So many transactions later their numbers can no longer be compared with certainty."""
_SYSTEM = "SELECT c.system_identifier, p.timeline_id FROM pg_control_system() c, pg_control_checkpoint() p"
_PARTS = """
    WITH RECURSIVE part AS (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = %s AND has_table_privilege(c.oid, 'SELECT')
        UNION SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid
    )
    SELECT c.oid, c.relkind = 'p', c.relkind = 'p' OR (c.relkind IN ('r', 'm') AND coalesce(a.amname, '') = 'heap'),
           pg_relation_filenode(c.oid),
           CASE WHEN c.relkind = 'p' THEN 0
                ELSE pg_relation_size(c.oid) / current_setting('block_size')::bigint END
    FROM part JOIN pg_class c USING (oid) LEFT JOIN pg_am a ON a.oid = c.relam ORDER BY c.oid
"""

Rows = Callable[[sql.Composable], Iterator[pa.RecordBatch]]
"""Reads the rows of which a condition is true, in small batches; the table is called `t` in it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies. `identity` is another once it was written anew; `horizon` is the oldest transaction that was
    under way; no row lies beyond `blocks`."""

    identity: str
    horizon: int
    blocks: int


def opened(connection: psycopg.Connection[Any], table: PgTable) -> Layout | None:
    """Begin a transaction that shows one moment, and see how the table lies; `None`, and none is begun, where its rows
    cannot be read by ranges."""
    if connection.info.server_version < _SINCE or not table.remote.primary_key:
        return None
    system: tuple[Any, ...] | None = None
    with suppress(psycopg.Error):  # it may be forbidden
        system = connection.execute(_SYSTEM).fetchone()
    if system is None or not _readable(_parts(connection, table)):
        return None
    with working():
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # Before the transaction has its moment: what was written anew between the two would look empty.
        place = sql.Identifier(table.schema, table.name)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(place))
        ((horizon,),) = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchall()
    parts = _parts(connection, table)
    told = repr((system, [(oid, filenode) for oid, _, _, filenode, _ in parts]))
    return Layout(sha256(told.encode()).hexdigest(), horizon, max(part[4] for part in parts))


def _parts(connection: psycopg.Connection[Any], table: PgTable) -> list[tuple[Any, ...]]:
    with working():
        return connection.execute(_PARTS, [table.schema, table.name]).fetchall()


def _readable(parts: list[tuple[Any, ...]]) -> bool:
    return all(part[2] for part in parts) and any(not part[1] for part in parts)


@dataclass(slots=True)
class Ranges:
    """One read of a table. `block` is where it has come to, `None` at the end."""

    rows: Rows
    layout: Layout
    onward: Onward
    block: int | None = field(default=0)
    width: int = field(default=_FIRST_BLOCKS)

    def steps(self, ask: Ask) -> Iterator[Step]:
        """All of it, or what is left and what was written since; raises `Moved`."""
        place = self.onward.place
        horizon = self.layout.horizon
        if place is not None:
            horizon, self.block = place["horizon"], place["block"]
            self._check(place)
            written = sql.SQL("age(t.xmin) <= {}").format(_age(horizon))
            yield from (Step(batch, changed=True) for batch in joined(self.rows(written), ask))
        while self.block is not None:
            yield from (Step(batch) for batch in joined(self._some(horizon), ask))
            if self.block is not None:
                yield Step(None, {"identity": self.layout.identity, "horizon": horizon, "block": self.block})

    def _check(self, place: Place) -> None:
        if place["identity"] != self.layout.identity:
            raise Moved("The table was written anew, or lies on another server.")
        if not 0 <= self.layout.horizon - place["horizon"] < _MOST_XIDS:
            raise Moved("Too many transactions came between.")

    def _some(self, horizon: int) -> Iterator[pa.RecordBatch]:
        """Range after range, until a place is wanted."""
        while self.block is not None:
            began, end = time.monotonic(), self.block + self.width
            last = end >= self.layout.blocks
            yield from self.rows(self._condition(self.block, None if last else end, horizon))
            self.block = None if last else end
            taken = time.monotonic() - began
            self.width = self._next_width(taken)
            if self.onward.due():
                return

    def _next_width(self, taken: float) -> int:
        if taken < _SHORT:
            return min(2 * self.width, _MOST_BLOCKS)
        return max(1, self.width // 2) if taken > _LONG else self.width

    def _condition(self, first: int, end: int | None, horizon: int) -> sql.Composable:
        parts = [sql.SQL("t.ctid >= {}::tid").format(sql.Literal(f"({first},0)"))]
        if end is not None:
            parts.append(sql.SQL("t.ctid < {}::tid").format(sql.Literal(f"({end},0)")))
        if self.onward.place is not None:
            parts.append(sql.SQL("age(t.xmin) > {}").format(_age(horizon)))
        return sql.SQL(" AND ").join(parts)


def _age(horizon: int) -> sql.Composable:
    return sql.SQL("age({}::xid)").format(sql.Literal(str(horizon % _XIDS)))
