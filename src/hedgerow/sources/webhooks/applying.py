"""The handler that applies events: what waits goes into a clone of the table, which is published with their states."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pyarrow as pa
from sqlalchemy.orm import Session

from hedgerow.checks import Checks
from hedgerow.connectors import Refused, SourceError
from hedgerow.connectors.webhooks import Row, WebhookSource, webhook_source
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound
from hedgerow.materialize import Tables
from hedgerow.sources.changes.applying import Applying, Working
from hedgerow.sources.changes.packing import FEWEST, LOOK_SECONDS, MORE
from hedgerow.sources.events import records
from hedgerow.sources.events.deciding import Decision, decide
from hedgerow.sources.events.records import KeptEvent, digest
from hedgerow.sources.events.shelf import EventShelf, WebhookShelf
from hedgerow.sources.records import Schema
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync.batches import conformed
from hedgerow.sources.sync.planning import Target
from hedgerow.store import Store
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.synced import Synced, SyncedTables

T = TypeVar("T")
POLICY = Policy(
    tries=10,
    first_wait=timedelta(seconds=1),
    longest_wait=timedelta(minutes=1),
    keep=20,
    # What events told waits until it can be applied, however long that takes.
    is_outage=lambda fault: not isinstance(fault, SourceError) or fault.retryable,
)
_MERGE_SECONDS, _QUIET_LOOKS = 60.0, 2
_SETTINGS = ("sync_type", "should_sync", "primary_key_columns", "enabled_columns", "reset", "cursor", "table_id")


class _Changed(Exception):
    """The schema is not what it was: begin anew."""


class _ReadAnew(Exception):
    """The table cannot hold what comes: it is to be read whole."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What one step has to do, and with what. `more`: other events wait for the next one."""

    schema: Schema
    present: TableRecord
    webhooks: WebhookSource
    config: Mapping[str, Any]
    decision: Decision
    last: datetime
    more: bool


@dataclass(slots=True)
class _Rows:
    """What the table is to have: rows by their events, keys of rows that are gone, and what cannot be applied."""

    put: dict[int, Row] = field(default_factory=dict)
    gone: dict[int, Row] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def digests(self) -> dict[int, str]:
        return {**{each: digest(row) for each, row in self.put.items()}, **dict.fromkeys(self.gone, digest(None))}


@dataclass(frozen=True, slots=True)
class EventApplying:
    """The handler of `APPLY`. Never does it run while its table is read whole.

    `parts` remembers how many parts tables may have before they are merged.
    """

    store: Store
    shelf: Shelf
    hooks: WebhookShelf
    events: EventShelf
    remotes: Remotes
    synced: SyncedTables
    tables: Tables
    checks: Checks
    applying: Applying
    scheduling: Scheduling
    parts: dict[UUID, int] = field(default_factory=dict)

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Apply what waits; what comes meanwhile has asked for a job of its own."""
        count = 0
        while (work := await self._write(lambda session: self._begin(session, job, control))) is not None:
            try:
                count += await self._step(work, control)
                if not work.more:
                    break
            except _Changed:
                continue
            except _ReadAnew:
                await self._write(lambda session: self._read_anew(session, job, control))
                break
        return {"rows": count}

    # --- inside

    def _begin(self, session: Session, job: Job, control: Control) -> _Work | None:
        control.confirm(session)
        try:
            schema = self.shelf.schema(session, job.project_id or 0, UUID(job.payload["schema"]))
            source = self.shelf.get(session, schema.project_id, schema.source_id)
        except NotFound:
            return None
        covered = records.covered(schema.cursor)
        self.events.trim(session, schema.id)
        webhooks = webhook_source(self.remotes.connector(source.source_type))
        if not schema.pushed or schema.reset or covered is None or schema.table_id is None or webhooks is None:
            return None  # the next whole read takes up what waits
        tables = self.synced.by_ids(session, schema.project_id, [schema.table_id])
        events, more = self.events.waiting(session, schema.id)
        if not events or schema.table_id not in tables:
            return None
        newest = self.events.newest(session, schema.id, {event.row_key for event in events})
        decision, last = decide(events, newest, covered), max(event.received_at for event in events)
        config = self.shelf.config(session, source)
        return _Work(schema, tables[schema.table_id], webhooks, config, decision, last, more)

    async def _step(self, work: _Work, control: Control) -> int:
        rows = await self._rows(work)
        if not rows.put and not rows.gone:
            await self._write(lambda session: self._settle(session, control, work, rows))
            return 0
        schema, columns = work.schema, [column.column for column in work.present.columns]
        targets = [Target(column.name, column.type) for column in columns]
        put, gone = await asyncio.to_thread(_batches, work, rows, targets)
        named = schema.project_id, work.present.physical or ""
        working = await self.applying.clone(*named, columns, schema.key, work.present.row_count)
        try:
            await self._merge(working, put, gone)
            count, size = await self._packed(schema, working)
            await self._write(lambda session: self._publish(session, control, work, rows, (working, (count, size))))
        except BaseException:
            await asyncio.shield(self.tables.discard(schema.project_id, working.physical))
            raise
        self.synced.catalogs.forget(schema.project_id)
        return int(put.num_rows + gone.num_rows)

    async def _merge(self, working: Working, put: pa.RecordBatch, gone: pa.RecordBatch) -> None:
        staged = await self.applying.stage(working)
        try:
            for mark, batch in enumerate((put, gone)):
                if batch.num_rows:
                    await self.applying.put(working, staged, batch, mark)
            await self.applying.merge(working, staged, None, put.num_rows + gone.num_rows)
        finally:
            await asyncio.shield(self.applying.discard(working.project_id, staged))

    async def _packed(self, schema: Schema, working: Working) -> tuple[int, int]:
        """How many rows and bytes there are. Each publication leaves a part more: many are merged before the next.

        Of a table that is served merges would be lost, as the next events take its place.
        """
        await self.applying.let_merge(working)
        count, size, parts = await self.applying.figures(working)
        if parts > max(FEWEST, self.parts.get(schema.id, 0)):
            quiet, end = 0, time.monotonic() + _MERGE_SECONDS
            while quiet < _QUIET_LOOKS and time.monotonic() < end:
                await asyncio.sleep(LOOK_SECONDS)
                quiet = 0 if await self.applying.merging(working) else quiet + 1
            count, size, parts = await self.applying.figures(working)
            self.parts[schema.id] = parts + MORE  # large ones are never merged
        return count, size

    async def _rows(self, work: _Work) -> _Rows:
        rows = _Rows()
        for event in work.decision.gone:
            rows.gone[event.id] = event.key
        for event in work.decision.put:
            rows.put[event.id] = event.row or {}
        for event in work.decision.asked:
            await self._ask(work, event, rows)
        await asyncio.to_thread(_sift, work, rows)
        return rows

    async def _ask(self, work: _Work, event: KeptEvent, rows: _Rows) -> None:
        """A row as it is now; where it may not be read, what the event told of it is all there is."""
        try:
            found = await self.remotes.work(lambda: work.webhooks.fetch(work.config, work.schema.name, event.key))
        except SourceError as fault:
            if fault.retryable:
                raise
            if not event.sure:
                rows.failed[event.id] = fault.text
                return
            found = event.row
        if found is None:
            rows.gone[event.id] = event.key
        else:
            rows.put[event.id] = found

    def _settle(self, session: Session, control: Control, work: _Work, rows: _Rows) -> Schema:
        """Say what became of the events, in the transaction that publishes them."""
        control.confirm(session)
        schema = self.shelf.schema(session, work.schema.project_id, work.schema.id)
        if any(getattr(schema, name) != getattr(work.schema, name) for name in _SETTINGS):
            raise _Changed
        self.events.settle(session, rows.digests, work.decision.passed, rows.failed)
        if (hook := self.hooks.of_source(session, schema.source_id)) is not None:
            self.hooks.change(session, hook.id, {"last_event_at": work.last})
        return schema

    def _publish(
        self, session: Session, control: Control, work: _Work, rows: _Rows, made: tuple[Working, tuple[int, int]]
    ) -> None:
        working, figures = made
        schema = self._settle(session, control, work, rows)
        self.tables.publish(session, [working.physical])
        if work.present.physical:
            self.tables.retire(session, [work.present.physical])
        synced = Synced(schema.id, schema.table_name, working.physical, work.present.columns, *figures)
        self.synced.publish(session, schema.project_id, work.present, synced)
        self.checks.watching.published(session, schema.project_id, work.present.id)
        self.shelf.change_schema(session, schema.id, {"last_synced_at": now()})

    def _read_anew(self, session: Session, job: Job, control: Control) -> None:
        control.confirm(session)
        schema = self.shelf.schema(session, job.project_id or 0, UUID(job.payload["schema"]))
        changed = self.shelf.change_schema(session, schema.id, {"reset": True, "cursor": None})
        self.scheduling.trigger(session, changed)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _sift(work: _Work, rows: _Rows) -> None:
    """Put aside the rows that are not of their columns' types: one of them keeps the others from nothing."""
    try:
        work.webhooks.batch(work.config, work.schema.name, list(rows.put.values()))
    except Refused:
        for each, row in list(rows.put.items()):
            try:
                work.webhooks.batch(work.config, work.schema.name, [row])
            except Refused as fault:
                rows.failed[each] = fault.text
                del rows.put[each]


def _batches(work: _Work, rows: _Rows, targets: Sequence[Target]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows and keys in the columns of the table that is there."""
    batch, name = work.webhooks.batch, work.schema.name
    try:
        put = conformed(batch(work.config, name, list(rows.put.values())), targets)
        gone = conformed(batch(work.config, name, list(rows.gone.values())), targets)
    except Refused as fault:
        raise _ReadAnew from fault
    return put, gone
