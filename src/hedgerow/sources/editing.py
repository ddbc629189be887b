"""What is done with schemas: settings, runs, resets; a switch of how a table is synced is one atomic reset."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from hedgerow.connectors.changes import change_source
from hedgerow.kit.errors import BareError, InvalidInput
from hedgerow.sources.changing import Changing
from hedgerow.sources.events.records import FREQUENCY
from hedgerow.sources.form import direct, wishes
from hedgerow.sources.form.bodies import SchemaChange
from hedgerow.sources.records import BOTH, BY_CURSOR, COMPLETED, HISTORY, Schema
from hedgerow.sources.shapes import incremental_fields
from hedgerow.sources.sync.checkpoints import Checkpoints
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.web.fields import from_validation

_KEY_FIXED = "Primary key columns cannot be changed once data has been synced. Delete the table's data first."
# What the rows that are there were read by: another one means reading them all again.
_RESETTING = ("sync_type", "enabled_columns")
_TABLES = ("sync_type", "cdc_table_mode")
_SCHEDULING = ("should_sync", "sync_type", "sync_frequency", "sync_time_of_day")


@dataclass(frozen=True, slots=True)
class Editing:
    """Methods raise `InvalidInput`, `ActionRefused` and `NotFound`."""

    changing: Changing

    def change(self, project_id: int, user_id: int, schema_id: UUID, body: SchemaChange) -> Schema:
        """Set what is said; a schema that becomes enabled is synced at once. Blocking."""
        with self.changing.store.write() as session:
            schema = self.changing.shelf.schema(session, project_id, schema_id)
            return self._change(session, user_id, schema, _said(body))

    def change_all(self, project_id: int, user_id: int, source_id: UUID, given: Sequence[Mapping[str, Any]]) -> None:
        """Change several schemas of a source: all or none. Blocking."""
        changes = [(_id(entry), _body(index, entry)) for index, entry in enumerate(given)]
        if len({schema_id for schema_id, _ in changes}) < len(changes):
            raise InvalidInput("Each schema may be named once.", attr="schemas")
        with self.changing.store.write() as session:
            source = self.changing.shelf.get(session, project_id, source_id)
            known = {schema.id: schema for schema in self.changing.shelf.schemas(session, [source])}
            for schema_id, body in changes:
                if schema_id not in known:
                    text = "One or more schemas could not be found for this source"
                    raise InvalidInput(text, attr="schemas")
                self._change(session, user_id, known[schema_id], _said(body))

    def _change(self, session: Session, user_id: int, schema: Schema, said: Mapping[str, Any]) -> Schema:
        if self.changing.shelf.get(session, schema.project_id, schema.source_id).direct:
            return self.changing.shelf.change_schema(session, schema.id, direct.edited(schema, said))
        log = self.changing.logs.get(session, schema.source_id)
        values = edited(schema, said, cdc=log is not None and log.enabled)
        if "key_sweep" in values:
            source = self.changing.shelf.get(session, schema.project_id, schema.source_id)
            wishes.check_sweep(self.changing.remotes.connector(source.source_type).declaration, values)
        woken = values.get("should_sync") and not schema.should_sync and values.get("sync_type", schema.sync_type)
        if woken == "cdc":  # nobody kept the log for it
            values |= {"reset": schema.table_id is not None, "cursor": None}
        if any(values.get(name, getattr(schema, name)) != getattr(schema, name) for name in _RESETTING):
            values |= {"reset": schema.table_id is not None, "cursor": None}
            Checkpoints(self.changing.tables).forget(session, [schema.id])
        if "should_sync" in values:
            values["stopped"] = False
        values |= self._remade(session, user_id, schema, values)
        changed = self.changing.shelf.change_schema(session, schema.id, values)
        if any(getattr(changed, name) != getattr(schema, name) for name in _SCHEDULING):
            self.changing.scheduling.follow(session, changed)
        if schema.logged and not changed.logged:
            changed = self.changing.shelf.change_schema(session, schema.id, {"reset": True, "cursor": None})
            self.changing.tend(session, schema)
        # Nobody else reads a followed table anew; until then its log goes on without it.
        anew = changed.logged and changed.reset and not schema.reset
        if changed.logged and schema.should_sync and (anew or not schema.logged):
            changed = self.changing.scheduling.trigger(session, changed, user_id or None)
        if schema.pushed and not changed.pushed:
            self.changing.events.forget(session, [schema.id])
        unread = changed.pushed and changed.cursor is None and not (schema.pushed and schema.cursor is None)
        if unread or (changed.should_sync and not schema.should_sync):
            changed = self.changing.scheduling.trigger(session, changed, user_id or None)
        return changed

    def _remade(self, session: Session, user_id: int, schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
        """Drops the tables that a schema is not to have any more; one that it lacks is made by a fresh read."""
        after = replace(schema, **{name: values.get(name, getattr(schema, name)) for name in _TABLES})
        if after.sync_type is None or (after.sync_type == "cdc" and after.table_mode == schema.table_mode):
            return {}
        if after.sync_type == "cdc" and (schema.table_mode != BOTH or schema.history_id is None):
            return {"reset": schema.table_id is not None, "cursor": None}
        if after.table_mode == HISTORY:
            self.changing.drop_physical(session, schema, schema.main_id, user_id)
            return {"table_id": schema.history_id}
        if schema.history_id is None:
            return {}
        self.changing.drop_physical(session, schema, schema.history_id, user_id)
        return {"history_id": None, "table_id": schema.main_id}

    def reload(self, project_id: int, user_id: int, schema_id: UUID, *, anew: bool = False) -> Schema:
        """Sync now; `anew`: read everything, whatever is there. The old rows serve until then. Blocking."""
        with self.changing.store.write() as session:
            schema = self._synced(session, project_id, schema_id)
            if schema.sync_type is None:
                raise ActionRefused(wishes.TYPE_FIRST)
            if anew:
                Checkpoints(self.changing.tables).forget(session, [schema.id])
                schema = self.changing.shelf.change_schema(session, schema.id, {"reset": True, "cursor": None})
            return self.changing.scheduling.trigger(session, schema, user_id or None)

    def cancel(self, project_id: int, schema_id: UUID) -> None:
        """End the run that is under way. Blocking."""
        with self.changing.store.write() as session:
            schema = self._synced(session, project_id, schema_id)
            if not self.changing.scheduling.stop(session, schema):
                raise BareError(400, {"detail": "No running sync to cancel."})
            if schema.pushed:
                self.changing.scheduling.apply_events(session, schema)

    def delete_data(self, project_id: int, user_id: int, schema_id: UUID) -> None:
        """Let the table go; the schema stays. Blocking."""
        with self.changing.store.write() as session:
            schema = self._synced(session, project_id, schema_id)
            self.changing.scheduling.stop(session, schema)
            self.changing.drop_table(session, schema, user_id)
            status = COMPLETED if schema.last_synced_at else None
            self.changing.shelf.change_schema(session, schema.id, {"status": status, "latest_error": None})
        self.changing.synced.catalogs.forget(project_id)

    def delete(self, project_id: int, user_id: int, schema_id: UUID) -> None:
        """Forget a schema and its table. Blocking."""
        with self.changing.store.write() as session:
            self.changing.drop(session, self.changing.shelf.schema(session, project_id, schema_id), user_id)
        self.changing.synced.catalogs.forget(project_id)

    async def incremental_fields(self, project_id: int, schema_id: UUID) -> dict[str, Any]:
        """How the remote's table, as it is now, can be synced."""

        def read() -> tuple[Schema, str, dict[str, Any]]:
            with self.changing.store.read() as session:
                schema = self._synced(session, project_id, schema_id)
                source = self.changing.shelf.get(session, project_id, schema.source_id)
                return schema, source.source_type, self.changing.shelf.config(session, source)

        schema, source_type, config = await asyncio.to_thread(read)
        tables = await self.changing.remotes.discover(source_type, config)
        found = next((table for table in tables if table.name == schema.name), None)
        if found is None:
            raise ActionRefused(f"The source has no table {schema.name} any more.")
        await asyncio.to_thread(self._keep_remote, schema, wishes.remote_of(found))
        logs = change_source(self.changing.remotes.connector(source_type)) is not None
        return incremental_fields(found, logs=logs)

    def _synced(self, session: Session, project_id: int, schema_id: UUID) -> Schema:
        """A schema that can be synced; raises `ActionRefused` for one of a source that is queried directly."""
        schema = self.changing.shelf.schema(session, project_id, schema_id)
        self.changing.refuse_direct(session, schema)
        return schema

    def _keep_remote(self, schema: Schema, remote: Mapping[str, Any]) -> None:
        with self.changing.store.write() as session:
            self.changing.shelf.change_schema(session, schema.id, {"remote": dict(remote)})


def edited(schema: Schema, said: Mapping[str, Any], *, cdc: bool = False) -> dict[str, Any]:
    """The values that a change sets; raises `InvalidInput` for what a schema cannot be.

    `cdc`: the source's log is read.
    """
    given = {name: value for name, value in said.items() if value is not None or name not in _NOT_NULL}
    values = wishes.checked(schema.name, schema.remote, given, cdc=cdc)
    whole = {name: values.get(name, getattr(schema, name)) for name in _CHECKED}
    if whole["should_sync"]:
        wishes.ready(schema.name, whole, schema.remote)
    key = whole["primary_key_columns"] or schema.remote.get("primary_key")
    if schema.table_id is not None and schema.sync_type in ("incremental", "cdc") and list(key or ()) != schema.key:
        raise InvalidInput(_KEY_FIXED, attr="primary_key_columns")
    kind, often = whole["sync_type"], values.get("sync_frequency", schema.sync_frequency)
    if kind == "cdc" and schema.sync_type != "cdc" and "sync_frequency" not in values:
        values["sync_frequency"] = wishes.LOG_FREQUENCY
    elif kind != "cdc" and often == "1min":
        raise InvalidInput("Every minute is for CDC alone.", attr="sync_frequency")
    if kind == "webhook" and schema.sync_type != "webhook" and "sync_frequency" not in values:
        values["sync_frequency"] = FREQUENCY
    moved = values.get("incremental_field", schema.incremental_field) != schema.incremental_field
    if moved and whole["sync_type"] in BY_CURSOR and whole["sync_type"] == schema.sync_type:
        values["cursor"] = None  # the next run goes on from the highest value that is in the table
    return values


_NOT_NULL = ("should_sync", "sync_frequency", "evolution", "key_sweep")
_CHECKED = ("should_sync", "sync_type", "incremental_field", "primary_key_columns")


def _said(body: SchemaChange) -> dict[str, Any]:
    return body.model_dump(include=body.model_fields_set)


def _id(entry: Mapping[str, Any]) -> UUID:
    try:
        return UUID(str(entry.get("id")))
    except ValueError:
        raise InvalidInput("Each schema needs its id.", attr="schemas") from None


def _body(index: int, entry: Mapping[str, Any]) -> SchemaChange:
    try:
        return SchemaChange.model_validate(dict(entry))
    except ValidationError as error:
        raise from_validation(error, entry, ("schemas", str(index))) from None
