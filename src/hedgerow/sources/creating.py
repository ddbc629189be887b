"""Makes sources: every check in the documented order, then all rows in one transaction or none."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.connectors import RemoteTable
from hedgerow.sources import names
from hedgerow.sources.form import configuring, direct, wishes
from hedgerow.sources.form.automatic import everything
from hedgerow.sources.form.bodies import LogWish, NewSource, Setup
from hedgerow.sources.logs.settling import Settling
from hedgerow.sources.parked import credentials
from hedgerow.sources.records import COMPLETED, DIRECT, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.revenue import Revenue, counted
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.store import Store
from hedgerow.warehouse.errors import ActionRefused

NAME_REQUIRED = "Name is required for direct query sources"
_DIRECT = "Direct query mode is currently supported only for Postgres and MySQL sources."


@dataclass(frozen=True, slots=True)
class Creating:
    """Methods raise `ActionRefused` and `InvalidInput`."""

    store: Store
    shelf: Shelf
    remotes: Remotes
    scheduling: Scheduling
    revenue: Revenue
    settling: Settling
    parked: credentials.Parked

    async def create(self, project_id: int, user_id: int, body: NewSource) -> Source:
        """Make a source; its enabled tables are synced as soon as a worker has time."""
        declaration = self.remotes.connector(body.source_type).declaration
        await asyncio.to_thread(self.check_name, project_id, body.source_type, body.prefix, body.access_method)
        given = dict(body.payload if body.payload is not None else body.job_inputs or {})
        wanted = given.pop("schemas", None)
        parked = given.get(credentials.FIELD)
        if parked is not None:
            given = await asyncio.to_thread(self.parked.given, project_id, user_id, body.source_type, given)
            given.pop(credentials.FIELD)
        config = configuring.cleaned(declaration, given)
        log = self.settling.wish(body.source_type, given)
        if log is not None and body.access_method == DIRECT:
            raise ActionRefused(direct.NEVER_SYNCED, attr="payload")
        await self.remotes.check(body.source_type, config)
        tables = await self.remotes.discover(body.source_type, config)
        wanted = everything(tables) if isinstance(body, Setup) else wanted
        if body.access_method == DIRECT:
            chosen = direct.chosen(wanted, tables)
        else:
            chosen = wishes.chosen(wanted, tables, cdc=log is not None)
        for each in chosen.values():
            wishes.check_sweep(declaration, each)
        if log is not None:
            followed = [name for name, values in chosen.items() if values.get("sync_type") == "cdc"]
            await self.settling.check(body.source_type, config, log, followed)
        values = {**_named(body), "created_by": user_id or None}
        try:
            return await asyncio.to_thread(self._add, project_id, (values, log, parked), config, tables, chosen)
        except IntegrityError:
            raise ActionRefused(names.PREFIX_TAKEN, attr="prefix") from None

    def check_name(self, project_id: int, source_type: str, prefix: str | None, access_method: str) -> None:
        """Whether a type and a prefix can be had together. Blocking."""
        if access_method == DIRECT:
            if not self.remotes.connector(source_type).declaration.live:
                raise ActionRefused(_DIRECT, attr="access_method")
            if not (prefix or "").strip():
                raise ActionRefused(NAME_REQUIRED, attr="prefix")
            return
        names.check_prefix(prefix or "")
        with self.store.read() as session:
            self._check_free(session, project_id, source_type, prefix)

    def _check_free(self, session: Session, project_id: int, source_type: str, prefix: str | None) -> None:
        for other in self.shelf.of_project(session, project_id):
            if other.direct or other.source_type != source_type:
                continue
            if names.prefix_key(other.prefix) == names.prefix_key(prefix):
                raise ActionRefused(names.PREFIX_TAKEN if prefix else names.PREFIX_REQUIRED, attr="prefix")

    def _add(
        self,
        project_id: int,
        said: tuple[Mapping[str, Any], LogWish | None, object],
        config: Mapping[str, Any],
        tables: Sequence[RemoteTable],
        chosen: Mapping[str, Mapping[str, Any]],
    ) -> Source:
        values, log, parked = said
        with self.store.write() as session:
            if parked is not None:
                self.parked.use(session, parked)
            if values["access_method"] != DIRECT:
                self._check_free(session, project_id, values["source_type"], values["prefix"])
            source = self.shelf.add(session, project_id, values, config)
            if log is not None:
                self.settling.settle(session, source, log)
            add_schemas(session, self.shelf, source, tables, chosen)
            if source.direct:
                return source
            self.scheduling.look_often(session, source)
            for schema in self.shelf.schemas(session, [source]):
                if schema.should_sync:
                    self.scheduling.follow(session, schema)
                    self.scheduling.trigger(session, schema, values["created_by"])
            self.revenue.follow(session, source)
            return source


def _named(body: NewSource) -> dict[str, Any]:
    """What is said of a source beside what it connects with."""
    live = body.access_method == DIRECT
    return {
        "source_type": body.source_type,
        "prefix": (body.prefix or "").strip() if live else body.prefix or None,
        "prefix_key": names.direct_key() if live else names.prefix_key(body.prefix),
        "description": body.description,
        "created_via": body.created_via or "api",
        "revenue_enabled": counted(body.source_type),
        "access_method": body.access_method,
        **({"status": COMPLETED} if live else {}),
    }


def add_schemas(
    session: Session,
    shelf: Shelf,
    source: Source,
    tables: Sequence[RemoteTable],
    chosen: Mapping[str, Mapping[str, Any]],
) -> None:
    """A schema for each table; those that are not chosen are not synced."""
    taken = shelf.table_names(session, source.project_id)
    for table in tables:
        called = table.name
        if not source.direct:
            called = names.stored_name(source.prefix, source.source_type, table.name, taken)
            taken.add(called)
        values = {
            "name": table.name,
            "label": table.label,
            "description": table.description,
            "table_name": called,
            "remote": wishes.remote_of(table),
        }
        shelf.add_schema(session, source, {**values, **chosen.get(table.name, {})})
