"""The handler of a sync: what is read is published together with its cursor, or nothing is."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.checks import Checks
from hedgerow.connectors import Refused, RemoteTable, SourceError
from hedgerow.engine.base import Column
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError, InvalidInput, NotFound
from hedgerow.materialize import Tables
from hedgerow.sources import ledger
from hedgerow.sources.events import records as webhooks
from hedgerow.sources.events.shelf import EventShelf
from hedgerow.sources.form import wishes
from hedgerow.sources.logs.marks import Seeded, Seeding
from hedgerow.sources.records import BOTH, COMPLETED, CONSOLIDATED, FAILED, HISTORY, PENDING, RUNNING, Schema, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync import cursors
from hedgerow.sources.sync.checkpoints import Abandoned
from hedgerow.sources.sync.filling import Filled, Remote
from hedgerow.sources.sync.loading import Loading
from hedgerow.sources.sync.planning import Plan, plan, settled
from hedgerow.sources.sync.snapshots import SnapshotReader, Snapshots
from hedgerow.store import Store
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.synced import Synced, SyncedTables
from hedgerow.warehouse.types import kept

T = TypeVar("T")
POLICY = Policy(tries=9, first_wait=timedelta(seconds=2), longest_wait=timedelta(minutes=10))
# What a sync is made by: when one of these is changed while it runs, its rows are not those that are wanted.
_SETTINGS = (
    "sync_type",
    "incremental_field",
    "primary_key_columns",
    "enabled_columns",
    "evolution",
    "reset",
    "cursor",
    "table_id",
    "history_id",
    "cdc_table_mode",
)


_DEADLY = (
    "The server's process stopped again and again while it synced this table, as it does where memory is short. "
    "Its log tells more; sync the table again once that is mended."
)
_SWITCHED_OFF = "The table is not synced any more: mend that, then switch it on again (should_sync)."


class Unwanted(Exception):
    """The run was cancelled, or its schema is no more."""


class SettingsChanged(Exception):
    """The schema was changed while it was synced: begin anew."""


class Unchecked(Exception):
    """There are data checks by now, and they have not looked at the rows."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one run has to do. `present` is the table as it is served, `history` that of all its changes.

    `checked`: data checks look at the rows before they are served. `begun` is in seconds since 1970.
    """

    schema: Schema
    source: Source
    present: TableRecord | None
    history: TableRecord | None = None
    checked: bool = False
    begun: int = field(default_factory=lambda: int(time.time()))


@dataclass(frozen=True, slots=True)
class Made:
    """What a run has read, and the table of changes that was begun with it."""

    filled: Filled
    history: Seeded | None = None

    def tables(self, work: Work) -> list[tuple[TableRecord | None, str, Sequence[Column]]]:
        """The physical tables that are to be served, with the tables whose places they take."""
        found: list[tuple[TableRecord | None, str, Sequence[Column]]] = []
        if self.filled.physical is not None:
            found.append((work.present, self.filled.physical, self.filled.columns))
        if self.history is not None:
            found.append((work.history, self.history.physical, self.history.columns))
        return found


@dataclass(frozen=True, slots=True)
class Syncing:
    """The handlers of jobs on schemas."""

    store: Store
    shelf: Shelf
    remotes: Remotes
    synced: SyncedTables
    tables: Tables
    checks: Checks
    loading: Loading
    snapshots: Snapshots
    scheduling: Scheduling
    seeding: Seeding
    events: EventShelf

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Do one sync. What its user has to mend fails it at once; anything else is tried again."""
        while True:
            work = await self._write(lambda session: self._begin(session, job, control))
            if work is None:
                return None
            try:
                return await self._sync(work, job, control)
            except (SettingsChanged, Abandoned):
                continue
            except Unwanted:
                return None
            except Exception as fault:
                final = not _may_pass(fault) or job.failures + 1 >= POLICY.tries
                await self._write(partial(self._fail, job, control, fault, final))
                if not final:
                    raise
                return {"error": _reason(fault)}

    def died(self, session: Session, job: Job, error: str) -> None:
        """Fail the run of a job that killed its process again and again."""
        if ledger.runs_still(session, job.id):
            ledger.end(session, job.id, FAILED, {"error": _DEADLY})
            self.shelf.change_schema(session, UUID(job.payload["schema"]), {"status": FAILED, "latest_error": _DEADLY})

    # --- inside

    def _begin(self, session: Session, job: Job, control: Control) -> Work | None:
        control.confirm(session)
        schema_id = UUID(job.payload["schema"])
        try:
            schema = self.shelf.schema(session, job.project_id or 0, schema_id)
            source = self.shelf.get(session, schema.project_id, schema.source_id)
        except NotFound:
            return None
        begun = ledger.begin(session, schema, job.id)
        ledger.close_lost(session, schema, job.id)
        if schema.sync_type is None or begun.status != RUNNING:
            return None
        if schema.following:  # the log brings whatever has changed
            ledger.end(session, job.id, COMPLETED, {"sync_type": schema.sync_type})
            self.shelf.change_schema(session, schema.id, {"status": COMPLETED})
            return None
        schema = self.shelf.change_schema(session, schema.id, {"status": RUNNING})
        if schema.sync_type == "cdc":
            schema = self.snapshots.claim(session, schema)
        present, history = (self._record(session, schema, i) for i in (schema.main_id, schema.history_id))
        return Work(schema, source, present, history, self._checked(session, schema))

    def _checked(self, session: Session, schema: Schema) -> bool:
        ids = [table_id for table_id in (schema.main_id, schema.history_id) if table_id is not None]
        return bool(ids) and self.checks.any_of(session, schema.project_id, ids)

    def _record(self, session: Session, schema: Schema, table_id: UUID | None) -> TableRecord | None:
        if table_id is None:
            return None
        return self.synced.by_ids(session, schema.project_id, [table_id]).get(table_id)

    async def _sync(self, work: Work, job: Job, control: Control) -> dict[str, Any]:
        remote = await self._remote(work)
        remote = replace(remote, table=settled(work.schema, remote.table, work.present))
        chosen, schema = await self._planned(work, remote.table)
        if chosen.whole or work.present is None:
            filled = await self.loading.whole(schema, chosen, remote, control)
        else:
            filled = await self.loading.beyond(schema, chosen, work.present, remote, control)
        made = Made(filled)
        try:
            if filled.physical is not None and schema.table_mode != CONSOLIDATED:
                await filled.tidied()
                made = await self._with_history(work, filled, filled.physical)
            await self._look_and_publish(job, control, (work, remote, made))
        except BaseException:
            await asyncio.shield(filled.tidied(whatever=True))
            for _, physical, _ in made.tables(work):
                await asyncio.shield(self.tables.discard(schema.project_id, physical))
            raise
        self.synced.catalogs.forget(schema.project_id)
        await filled.tidied()
        tally = filled.tally
        return {"rows": tally.rows, "bytes": tally.bytes, "null_cursors": tally.null_cursors}

    async def _look_and_publish(self, job: Job, control: Control, done: tuple[Work, Remote, Made]) -> None:
        work, remote, made = done
        if work.checked:
            for record, physical, columns in made.tables(work):
                if record is not None:
                    await self.checks.looking.inspect(record, physical, columns)
        try:
            await self._write(lambda session: self._publish(session, job, control, done))
        except Unchecked:
            await self._look_and_publish(job, control, (replace(work, checked=True), remote, made))

    async def _with_history(self, work: Work, filled: Filled, physical: str) -> Made:
        """What was read as a table of changes too, or as that alone."""
        seeded = await self.seeding.seed(work.schema, physical, filled.columns)
        if work.schema.table_mode == BOTH:
            return Made(filled, seeded)
        await self.tables.discard(work.schema.project_id, physical)
        return Made(replace(filled, physical=None), seeded)

    async def _remote(self, work: Work) -> Remote:
        connector = self.remotes.connector(work.source.source_type)
        config, version = await asyncio.to_thread(self._opened, work)
        found = await self.remotes.find(work.source.source_type, config, work.schema.name)
        if found is None:
            raise Refused(f"The source has no table {work.schema.name} any more, or its user may not read it.")
        if work.schema.sync_type != "cdc":
            return Remote(connector, config, found, version)
        reader = await self.remotes.work(
            partial(self.snapshots.prepare, work.source, work.schema, connector, config, found)
        )
        return Remote(reader, config, reader.table)

    def _opened(self, work: Work) -> tuple[dict[str, Any], str]:
        """What to connect with, and its version; raises `InvalidInput` when the table cannot be called what it is to
        be."""
        with self.store.read() as session:
            schema = work.schema
            if schema.table_mode != HISTORY:
                self.synced.check_name(session, schema.project_id, schema.table_name, schema.main_id)
            if schema.table_mode != CONSOLIDATED:
                self.synced.check_name(session, schema.project_id, schema.history_name, schema.history_id)
            return self.shelf.opened(session, work.source)

    async def _planned(self, work: Work, table: RemoteTable) -> tuple[Plan, Schema]:
        """What to do, and the schema with the cursor to go on from."""
        chosen, schema = plan(work.schema, table, work.present), work.schema
        if chosen.whole or work.present is None or schema.cursor is not None:
            return chosen, schema
        value = await self.loading.highest(work.present, schema.incremental_field or "")
        if value is None:  # there is nothing to go on from
            return plan(replace(schema, reset=True), table, work.present), schema
        return chosen, replace(schema, cursor=cursors.kept(value))

    def _publish(self, session: Session, job: Job, control: Control, done: tuple[Work, Remote, Made]) -> None:
        """Let the new rows be served and the cursor move, in one transaction."""
        work, remote, made = done
        filled = made.filled
        control.confirm(session)
        if not ledger.runs_still(session, job.id):
            raise Unwanted
        schema = self.shelf.schema(session, work.schema.project_id, work.schema.id)
        if any(getattr(schema, name) != getattr(work.schema, name) for name in _SETTINGS):
            raise SettingsChanged
        if not work.checked and self._checked(session, schema):
            raise Unchecked
        tally = filled.tally
        values: dict[str, Any] = {
            "status": COMPLETED,
            "latest_error": None,
            "last_synced_at": now(),
            "reset": False,
            "stopped": False,
            "remote": wishes.remote_of(remote.table),
            "cursor": _cursor(work, remote, filled),
        }
        if tally.swept:
            values["swept_at"] = now()
        self.loading.memory.checkpoints.forget(session, [schema.id])
        values |= self._serve(session, work, made)
        changed = self.shelf.change_schema(session, schema.id, values)
        if changed.following:
            self.scheduling.follow_log(session, changed.project_id, changed.source_id)
        self._take_up(session, changed)
        told = {"rows_synced": tally.rows, "bytes_synced": tally.bytes, "null_cursors": tally.null_cursors}
        told["rows_deleted"] = tally.deleted
        ledger.end(session, job.id, COMPLETED, {**told, "error": None, "sync_type": schema.sync_type})

    def _take_up(self, session: Session, schema: Schema) -> None:
        """The events that came while the table was read; those from before that are in it."""
        if (covered := webhooks.covered(schema.cursor)) is not None:
            self.events.expire(session, schema.id, covered)
            if self.events.any_waiting(session, schema.id):
                self.scheduling.apply_events(session, schema)

    def _serve(self, session: Session, work: Work, made: Made) -> dict[str, Any]:
        """Let the new tables be served, and what is not wanted any more go; which are the schema's from now on."""
        schema, filled, seeded = work.schema, made.filled, made.history
        values: dict[str, Any] = {}
        if filled.physical is not None:
            figures = filled.rows, filled.bytes_on_disk
            table = Synced(schema.id, schema.table_name, filled.physical, kept(filled.columns), *figures)
            values["table_id"] = self._replace(session, schema, work.present, table).id
        if seeded is not None:
            figures = seeded.rows, seeded.bytes_on_disk
            table = Synced(schema.id, schema.history_name, seeded.physical, kept(seeded.columns), *figures)
            values["history_id"] = self._replace(session, schema, work.history, table).id
        if schema.table_mode == HISTORY and seeded is not None:
            self._remove(session, work.present)
            values["table_id"] = values["history_id"]
        elif schema.table_mode == CONSOLIDATED and work.history is not None:
            self._remove(session, work.history)
            values["history_id"] = None
        return values

    def _replace(self, session: Session, schema: Schema, present: TableRecord | None, made: Synced) -> TableRecord:
        self.tables.publish(session, [made.physical])
        if present is not None and present.physical:
            self.tables.retire(session, [present.physical])
        return self.synced.publish(session, schema.project_id, present, made)

    def _remove(self, session: Session, record: TableRecord | None) -> None:
        if record is None:
            return
        physical = self.synced.remove(session, record.project_id, record.id, None)
        if physical is not None:
            self.tables.retire(session, [physical])

    def _fail(self, job: Job, control: Control, fault: Exception, final: bool, session: Session) -> None:
        """The last good rows go on being served; unless it is final, the run is tried again."""
        control.confirm(session)
        if not ledger.runs_still(session, job.id):
            return
        text = _reason(fault)
        if final:
            ledger.end(session, job.id, FAILED, {"error": text})
        told = {"latest_error": text, **({"status": FAILED} if final else {})}
        schema = self.shelf.change_schema(session, UUID(job.payload["schema"]), told)
        if final and not _may_pass(fault):
            self.loading.memory.checkpoints.forget(session, [schema.id])
        if final and schema.cursor == PENDING:
            self.scheduling.tidy_log(session, schema.project_id, schema.source_id)
        if isinstance(fault, SourceError) and not fault.retryable and schema.should_sync:
            self._switch_off(session, schema, text)

    def _switch_off(self, session: Session, schema: Schema, text: str) -> None:
        """What its user has to mend is not tried again by a schedule."""
        off = {"should_sync": False, "stopped": True, "latest_error": f"{text} {_SWITCHED_OFF}"}
        self.scheduling.follow(session, self.shelf.change_schema(session, schema.id, off))
        source = self.shelf.get(session, schema.project_id, schema.source_id)
        self.shelf.change(session, source, {"status": FAILED}, None)  # what is told where nothing else is synced

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _cursor(work: Work, remote: Remote, filled: Filled) -> dict[str, Any] | None:
    """Where the next sync goes on: in the remote's log, at events of that time, or beyond the highest value."""
    if work.schema.sync_type == "webhook":
        return webhooks.cursor(work.begun)
    if isinstance(remote.connector, SnapshotReader):
        return remote.connector.cursor.kept() if remote.connector.cursor is not None else None
    return cursors.kept(filled.tally.cursor) if filled.tally.cursor is not None else None


def _may_pass(fault: Exception) -> bool:
    if isinstance(fault, SourceError):
        return fault.retryable
    return not isinstance(fault, InvalidInput)


def _reason(fault: Exception) -> str:
    """What its users are told of a sync that failed."""
    if isinstance(fault, SourceError):
        return fault.text
    if isinstance(fault, HedgerowError):
        return fault.detail
    return f"The sync failed: {type(fault).__name__}."
