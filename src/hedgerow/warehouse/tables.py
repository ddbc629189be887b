"""What can be done with tables: link, change, delete, find columns out again, give columns other types."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.warehouse import credentials, formats
from hedgerow.warehouse.catalog import Address, Catalogs, linked
from hedgerow.warehouse.errors import ActionRefused, NameTaken
from hedgerow.warehouse.linked import LinkedTables
from hedgerow.warehouse.names import check_linked
from hedgerow.warehouse.records import KeptColumn, Keys, TableRecord
from hedgerow.warehouse.shelf import Shelf
from hedgerow.warehouse.types import NAMED_TYPES
from hedgerow.warehouse.uploads import Leavings, Retirement, Uploads


@dataclass(frozen=True, slots=True)
class Draft:
    """A table to link, or changes to one: `None` where nothing was said."""

    name: str | None = None
    format: str | None = None
    url_pattern: str | None = None
    credential: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None
    given: frozenset[str] = field(default=frozenset())


Farewell = Callable[[Session, TableRecord], None]
"""What another room does, in the same transaction, when a table is deleted."""


class Tables:
    """The tables of all projects. Methods raise `InvalidInput` and `NotFound`; nothing is half-stored."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        catalogs: Catalogs,
        linked_tables: LinkedTables,
        uploads: Uploads,
        retirement: Retirement,
    ) -> None:
        self._store, self._shelf, self._catalogs = store, shelf, catalogs
        self._linked, self._uploads, self._retirement = linked_tables, uploads, retirement
        self.farewells: list[Farewell] = []

    def page(self, project_id: int, search: str, limit: int, offset: int) -> tuple[int, list[TableRecord]]:
        """How many tables there are, and one page of them. Blocking."""
        with self._store.read() as session:
            return self._shelf.page(session, project_id, search, limit, offset)

    def get(self, project_id: int, table_id: UUID) -> TableRecord:
        """One table; raises `NotFound`. Blocking."""
        with self._store.read() as session:
            return self._shelf.get(session, project_id, table_id)

    def named(self, session: Session, project_id: int, name: str) -> bool:
        """Whether a table has the name: other rooms ask before they take it."""
        return self._shelf.named(session, project_id, name) is not None

    async def create(self, project_id: int, user_id: int, draft: Draft) -> TableRecord:
        """Link a table: its address is checked and its columns are read first."""
        keys = credentials.whole(draft.credential)
        name, url, file_format = check_linked(draft.name or ""), draft.url_pattern or "", draft.format or ""
        await asyncio.to_thread(self._linked.check_url, url)
        await asyncio.to_thread(self._check_name, project_id, name, None)
        chosen = formats.merged({}, draft.options)
        formats.check_linked(chosen)
        columns = await self._linked.detect(Address(url, file_format, formats.double_quotes(chosen)), keys)
        values = {
            "name": name,
            "url_pattern": url,
            "format": file_format,
            "columns": columns,
            "options": chosen,
            "created_by": user_id,
        }
        record = await asyncio.to_thread(self._add, project_id, user_id, values, keys)
        self._catalogs.forget(project_id)
        return record

    async def change(self, project_id: int, user_id: int, table_id: UUID, draft: Draft) -> TableRecord:
        """Set what was said; a changed address, format or credential is tried out first."""
        record = await asyncio.to_thread(self.get, project_id, table_id)
        if record.schema_id is not None:
            raise ActionRefused("A table of a source is changed by its source.")
        values: dict[str, Any] = {}
        if draft.name is not None and draft.name != record.name:
            values["name"] = check_linked(draft.name)
            await asyncio.to_thread(self._check_name, project_id, draft.name, table_id)
        chosen = formats.merged(record.options, draft.options)
        keys = None
        if record.physical is not None:
            _check_uploaded(record, draft)
            if not formats.same_rows(chosen, record.options):
                return await self._reloaded(record, chosen, values, user_id)
        else:
            formats.check_linked(chosen)
            keys = await self._relink(record, draft, chosen, values)
        if chosen != record.options:
            values["options"] = chosen
        if values or keys:
            record = await asyncio.to_thread(self._change, record, values, keys, user_id)
            self._catalogs.forget(project_id)
        return record

    async def delete(self, project_id: int, table_id: UUID, by: int | None = None) -> TableRecord:
        """Delete a table, its uploaded rows and its credential."""
        record = await asyncio.to_thread(self._delete, project_id, table_id, by)
        self._catalogs.forget(project_id)
        if record.physical is not None:
            self._retirement.soon(Leavings(project_id, record.physical, record.file_key))
        return record

    async def refresh(self, project_id: int, table_id: UUID, by: int | None = None) -> TableRecord:
        """Find the columns out again; those of a synced table are as its last sync found them."""
        record = await asyncio.to_thread(self.get, project_id, table_id)
        if record.schema_id is not None:
            return record
        if record.physical is not None:
            found = await self._uploads.described(record, record.options)
            return record if found == record.columns else await self._uploads.reload(record, found, record.options, by)
        await asyncio.to_thread(self._linked.check_url, record.url_pattern)
        keys = await asyncio.to_thread(self._keys, record)
        columns = await self._linked.detect(_address(record), keys)
        return await self._with_columns(record, columns, by)

    async def update_schema(
        self, project_id: int, table_id: UUID, updates: Mapping[str, Any], by: int | None = None
    ) -> TableRecord:
        """Give columns other types, by name; queries read them so from then on."""
        record = await asyncio.to_thread(self.get, project_id, table_id)
        if not updates:
            return record
        if record.schema_id is not None:
            raise ActionRefused("The columns of a table of a source have the types of its source.", attr="updates")
        columns = _retyped(record, updates)
        if record.format in formats.OWN_TYPES:
            raise ActionRefused(f"The columns of {record.format} tables have the types of the table.", attr="updates")
        if record.physical is not None:
            return await self._uploads.reload(record, columns, record.options, by)
        await asyncio.to_thread(self._linked.check_url, record.url_pattern)
        table = linked(replace(record, columns=columns), await asyncio.to_thread(self._keys, record))
        checked = []
        for column in columns:
            fits = await self._linked.fits(table, column.name) if column.name in updates else column.valid
            checked.append(replace(column, valid=fits))
        return await self._with_columns(record, tuple(checked), by)

    async def _reloaded(
        self, record: TableRecord, chosen: Mapping[str, Any], values: Mapping[str, Any], by: int
    ) -> TableRecord:
        """An uploaded table under other options: read differently, its file may have other columns."""
        columns = record.columns
        if formats.double_quotes(chosen) != formats.double_quotes(record.options):
            columns = await self._uploads.described(record, chosen)
        return await self._uploads.reload(record, columns, chosen, by, values)

    async def _relink(
        self, record: TableRecord, draft: Draft, chosen: Mapping[str, Any], values: dict[str, Any]
    ) -> Keys | None:
        """Try a changed address, format or credential out; adds to `values`. The new keys, if any."""
        stored = await asyncio.to_thread(self._keys, record)
        keys = credentials.changed(draft.credential, stored) if "credential" in draft.given else stored
        url, file_format = draft.url_pattern or record.url_pattern, draft.format or record.format
        said = Address(url, file_format, formats.double_quotes(chosen))
        moved = said != _address(record)
        if not moved and keys == stored:
            return None
        await asyncio.to_thread(self._linked.check_url, url)
        columns = await self._linked.detect(said, keys)
        if moved:
            values |= {"url_pattern": url, "format": file_format, "columns": columns}
        return keys if keys != stored else None

    async def _with_columns(self, record: TableRecord, columns: tuple[KeptColumn, ...], by: int | None) -> TableRecord:
        changed = await asyncio.to_thread(self._change, record, {"columns": columns}, None, by)
        self._catalogs.forget(record.project_id)
        return changed

    def _keys(self, record: TableRecord) -> Keys:
        with self._store.read() as session:
            credential = record.credential.id if record.credential else None
            return self._shelf.keys(session, [credential])[credential] if credential else Keys("", "")

    def _check_name(self, project_id: int, name: str, own: UUID | None) -> None:
        with self._store.read() as session:
            self._shelf.check_name(session, project_id, name, own)

    def _add(self, project_id: int, user_id: int, values: dict[str, Any], keys: Keys) -> TableRecord:
        try:
            with self._store.write() as session:
                self._shelf.check_name(session, project_id, values["name"])
                credential = self._shelf.add_keys(session, project_id, user_id, keys)
                return self._shelf.add(session, project_id, {**values, "credential_id": credential})
        except IntegrityError:
            raise NameTaken() from None

    def _change(
        self, record: TableRecord, values: dict[str, Any], keys: Keys | None, user_id: int | None
    ) -> TableRecord:
        try:
            with self._store.write() as session:
                if "name" in values:
                    self._shelf.check_name(session, record.project_id, values["name"], record.id)
                if keys is not None:
                    if record.credential is not None:
                        self._shelf.drop_keys(session, record.credential.id)
                    values["credential_id"] = self._shelf.add_keys(session, record.project_id, user_id, keys)
                return self._shelf.change(session, record.project_id, record.id, values, user_id)
        except IntegrityError:
            raise NameTaken() from None

    def _delete(self, project_id: int, table_id: UUID, by: int | None) -> TableRecord:
        with self._store.write() as session:
            record = self._shelf.get(session, project_id, table_id)
            if record.schema_id is not None:
                raise ActionRefused("Can't delete a sourced table")
            self._shelf.change(session, project_id, table_id, {"deleted": True, "credential_id": None}, by)
            if record.credential is not None:
                self._shelf.drop_keys(session, record.credential.id)
            for farewell in self.farewells:
                farewell(session, record)
        return record


def _address(record: TableRecord) -> Address:
    return Address(record.url_pattern, record.format, formats.double_quotes(record.options))


def _check_uploaded(record: TableRecord, draft: Draft) -> None:
    """An uploaded table has no address of its own to change; saying what is so already is fine."""
    if draft.format is not None and draft.format != record.format:
        raise InvalidInput("The format of an uploaded table cannot be changed. Upload the file again.", attr="format")
    if draft.url_pattern is not None and not draft.url_pattern.endswith(f"/{record.id}/file/{record.file_name}"):
        raise InvalidInput("An uploaded table cannot be given another address.", attr="url_pattern")
    if draft.credential:
        raise InvalidInput("An uploaded table needs no credential.", attr="credential")


def _retyped(record: TableRecord, updates: Mapping[str, Any]) -> tuple[KeptColumn, ...]:
    there = {column.name for column in record.columns}
    for name, kind in updates.items():
        if name not in there:
            raise ActionRefused(f"Column {name} does not exist on table", attr="updates")
        if not isinstance(kind, str) or kind.lower() not in NAMED_TYPES:
            raise ActionRefused(f"Can not parse type {kind} for column {name} - type does not exist", attr="updates")
    return tuple(
        KeptColumn(c.name, NAMED_TYPES[updates[c.name].lower()], updates[c.name].lower()) if c.name in updates else c
        for c in record.columns
    )
