"""What is done with sources that are there: changed, reloaded, looked through for new tables, deleted."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.connectors import RemoteTable
from hedgerow.jobs import Control, Job
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.materialize import Tables
from hedgerow.sources.creating import NAME_REQUIRED, add_schemas
from hedgerow.sources.events.shelf import EventShelf, WebhookShelf
from hedgerow.sources.form import configuring, direct, guarding, wishes
from hedgerow.sources.form.bodies import RevenueConfig, SourceChange
from hedgerow.sources.logs.shelf import LogShelf
from hedgerow.sources.records import COMPLETED, RUNNING, Schema, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.revenue import Revenue
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync.checkpoints import Checkpoints
from hedgerow.store import Store
from hedgerow.store.secrets import SecretUnreadable
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.warehouse.synced import SyncedTables

_LONGEST_NAME = 100
_FIXED = "Access method cannot be changed. Create a new source instead."


@dataclass(frozen=True, slots=True)
class Changing:
    """Methods raise `ActionRefused`, `InvalidInput` and `NotFound`."""

    store: Store
    shelf: Shelf
    remotes: Remotes
    scheduling: Scheduling
    synced: SyncedTables
    tables: Tables
    revenue: Revenue
    logs: LogShelf
    hooks: WebhookShelf
    events: EventShelf

    async def change(self, project_id: int, user_id: int, source_id: UUID, body: SourceChange) -> Source:
        """Set what is said. New values of the form are tried out first; a secret that is left out stays."""
        source, kept = await asyncio.to_thread(self.opened, project_id, source_id)
        if body.access_method not in (None, source.access_method):
            raise InvalidInput(_FIXED, attr="access_method")
        config = None
        if body.job_inputs is not None:
            config = await self._tried(source, kept, body.job_inputs)
        values = {"description": body.description} if "description" in body.model_fields_set else {}
        if source.direct and "prefix" in body.model_fields_set:
            values["prefix"] = _display_name(body.prefix)

        def write() -> Source:
            with self.store.write() as session:
                changed = self.shelf.change(session, source, values, user_id, config)
                if config is not None:
                    self._revive(session, source, user_id)
                return changed

        changed = await asyncio.to_thread(write)
        if source.direct and config is not None:  # what may be queried is what is there now
            await self.refresh(project_id, source_id)
        return changed

    def _revive(self, session: Session, source: Source, user_id: int) -> None:
        """Sync again what a fault had switched off: what is connected with now was let in."""
        for schema in self.shelf.schemas(session, [source]):
            if schema.stopped and schema.sync_type is not None:
                on = self.shelf.change_schema(session, schema.id, {"should_sync": True, "stopped": False})
                self.scheduling.follow(session, on)
                self.scheduling.trigger(session, on, user_id or None)

    async def _tried(self, source: Source, kept: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        declaration = self.remotes.connector(source.source_type).declaration
        try:
            config = configuring.merged(declaration, kept, given)
            guarding.check(declaration, kept, given, config)
            await self.remotes.check(source.source_type, config)
        except ActionRefused as fault:
            raise InvalidInput(fault.detail, attr="job_inputs", code=fault.code) from fault
        return config

    def opened(self, project_id: int, source_id: UUID) -> tuple[Source, dict[str, Any]]:
        """A source and what it connects with. Blocking."""
        with self.store.read() as session:
            source = self.shelf.get(session, project_id, source_id)
            return source, self.shelf.config(session, source)

    def count_revenue(self, project_id: int, user_id: int, source_id: UUID, body: RevenueConfig) -> Source:
        """Set what is said of revenue analytics. Blocking."""
        said = {"revenue_enabled": body.enabled, "revenue_invoiceless": body.include_invoiceless_charges}
        with self.store.write() as session:
            source = self.shelf.get(session, project_id, source_id)
            values = {name: value for name, value in said.items() if value is not None}
            changed = self.shelf.change(session, source, values, user_id)
            self.revenue.follow(session, changed)
        self.synced.catalogs.forget(project_id)
        return changed

    async def reload(self, project_id: int, user_id: int, source_id: UUID) -> None:
        """Sync every enabled table as soon as a worker has time; look for the tables of a direct source."""
        if (await asyncio.to_thread(self.opened, project_id, source_id))[0].direct:
            await self.refresh(project_id, source_id)
        else:
            await asyncio.to_thread(self._reload, project_id, user_id, source_id)

    def _reload(self, project_id: int, user_id: int, source_id: UUID) -> Source:
        with self.store.write() as session:
            source = self.shelf.get(session, project_id, source_id)
            chosen = [schema for schema in self.shelf.schemas(session, [source]) if schema.should_sync]
            for schema in chosen:
                self.scheduling.trigger(session, schema, user_id or None)
            return self.shelf.change(session, source, {"status": RUNNING} if chosen else {}, user_id)

    def delete(self, project_id: int, user_id: int, source_id: UUID) -> None:
        """Forget a source with its schemas and tables; jobs see to what is left at the remote. Blocking."""
        with self.store.write() as session:
            source = self.shelf.get(session, project_id, source_id)
            for schema in self.shelf.schemas(session, [source]):
                self.drop(session, schema, user_id)
            self.scheduling.look_no_more(session, source)
            if self.logs.get(session, source.id) is not None:
                said = {"source_type": source.source_type, "config": self._last_config(session, source)}
                self.logs.leave(session, source.id, said)
                self.scheduling.tidy_log(session, project_id, source.id)
            if (hook := self.hooks.of_source(session, source.id)) is not None:
                said = {"source_type": source.source_type, "config": self._last_config(session, source)}
                self.hooks.leave(session, hook.id, said)
                self.scheduling.unhook(session, project_id, hook.id)
            self.shelf.delete(session, source, user_id)
            self.revenue.follow(session, source)
        self.synced.catalogs.forget(project_id)

    def drop(self, session: Session, schema: Schema, by: int | None) -> None:
        """Forget a schema and its table."""
        self.scheduling.forget(session, schema)
        self.drop_table(session, schema, by)
        self.shelf.change_schema(session, schema.id, {"deleted": True, "should_sync": False, "cursor": None})
        self.events.forget(session, [schema.id])
        self.tend(session, schema)

    def tend(self, session: Session, schema: Schema) -> None:
        """After a change of a schema that was, or is, kept in step by the source's log."""
        if schema.sync_type == "cdc" and self.logs.get(session, schema.source_id) is not None:
            self.scheduling.tidy_log(session, schema.project_id, schema.source_id)

    def _last_config(self, session: Session, source: Source) -> dict[str, Any]:
        try:
            return self.shelf.config(session, source)
        except SecretUnreadable:
            return {}

    def drop_table(self, session: Session, schema: Schema, by: int | None) -> None:
        """Let a schema's table go, and forget how far it was."""
        Checkpoints(self.tables).forget(session, [schema.id])
        for table_id in {schema.table_id, schema.history_id}:
            self.drop_physical(session, schema, table_id, by)
        none = {"table_id": None, "history_id": None, "cursor": None, "last_synced_at": None, "reset": False}
        self.shelf.change_schema(session, schema.id, none)

    def drop_physical(self, session: Session, schema: Schema, table_id: UUID | None, by: int | None) -> None:
        """Let one of a schema's tables go."""
        physical = self.synced.remove(session, schema.project_id, table_id, by) if table_id is not None else None
        if physical is not None:
            self.tables.retire(session, [physical])

    async def refresh(self, project_id: int, source_id: UUID) -> dict[str, int]:
        """Look for tables that have come or gone; new ones are not synced until somebody says so."""
        source, config = await asyncio.to_thread(self.opened, project_id, source_id)
        if not config and self.remotes.connector(source.source_type).declaration.fields:
            raise ActionRefused("Source has no configuration.")
        tables = await self.remotes.discover(source.source_type, config)
        return await asyncio.to_thread(self._refreshed, source, tables)

    async def look(self, job: Job, _control: Control) -> dict[str, Any] | None:
        """The handler of the job that looks for tables now and then; a remote that is away is looked at next time."""
        try:
            return dict(await self.refresh(job.project_id or 0, UUID(job.payload["source"])))
        except NotFound:
            return None
        except ActionRefused as fault:
            return {"error": fault.detail}

    def _refreshed(self, source: Source, tables: Iterable[RemoteTable]) -> dict[str, int]:
        there = {table.name: table for table in tables}
        with self.store.write() as session:
            self.shelf.get(session, source.project_id, source.id)
            known = {schema.name: schema for schema in self.shelf.schemas(session, [source])}
            for name in there.keys() & known.keys():
                self.shelf.change_schema(session, known[name].id, {"remote": wishes.remote_of(there[name])})
            vanished = [schema for name, schema in known.items() if name not in there]
            for schema in vanished:
                self._vanish(session, schema)
            new = {name: table for name, table in there.items() if name not in known}
            old = self.shelf.deleted_schemas(session, source)
            for name in new.keys() & old.keys():
                back = {"deleted": False, "should_sync": False, "remote": wishes.remote_of(new[name])}
                self.shelf.change_schema(session, old[name], back)
            add_schemas(session, self.shelf, source, [t for name, t in new.items() if name not in old], {})
        return {
            "added": len(new),
            "deleted": sum(s.table_id is None for s in vanished),
            "total_tables_seen": len(there),
        }

    def refuse_direct(self, session: Session, schema: Schema) -> None:
        """Raises `ActionRefused` where a schema is of a source that is queried directly."""
        direct.refuse(self.shelf.get(session, schema.project_id, schema.source_id))

    def _vanish(self, session: Session, schema: Schema) -> None:
        """A table that the remote has no more: what was synced of it stays."""
        self.scheduling.forget(session, schema)
        if schema.table_id is None:
            self.shelf.change_schema(session, schema.id, {"deleted": True, "should_sync": False})
        else:
            self.shelf.change_schema(session, schema.id, {"should_sync": False, "status": COMPLETED})


def _display_name(given: str | None) -> str:
    """What a direct source is to be called; raises `InvalidInput`."""
    name = (given or "").strip()
    if not name:
        raise InvalidInput(NAME_REQUIRED, attr="prefix")
    if len(name) > _LONGEST_NAME:
        text = f"Ensure this field has no more than {_LONGEST_NAME} characters."
        raise InvalidInput(text, attr="prefix", code="max_length")
    return name
