"""The catalog of a project's tables, made from rows and remembered until they change."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from hedgerow.engine.statements import structure
from hedgerow.kit.outgoing import OutgoingGuard, Refusal, Refused
from hedgerow.language.query.catalog import Catalog, FunctionTable, PhysicalTable, Table, TableColumn
from hedgerow.store import Store, revisions
from hedgerow.warehouse.formats import CSV, LAKES, OWN_TYPES, double_quotes
from hedgerow.warehouse.records import Keys, TableRecord
from hedgerow.warehouse.shelf import Shelf, subject

Contributor = Callable[[Session, int, Mapping[str, Table]], Mapping[str, Table]]
"""Adds another room's tables by name to a project's catalog, given those there are so far; one of a name that is there
takes its place. That room bumps `shelf.subject(project_id)` when they change."""

_CHECK_SECONDS = 5.0


def database(project_id: int) -> str:
    """The engine's database of a project."""
    return f"p{project_id}"


@dataclass(slots=True)
class _Loaded:
    """A catalog, the URLs of its linked tables, and what the guard last said of them."""

    catalog: Catalog
    urls: Mapping[str, str]
    checked_at: float = 0.0
    without: dict[frozenset[str], Catalog] = field(default_factory=dict)
    answer: Catalog | None = None


class Catalogs:
    """Catalogs by project; at most a second behind other processes, never behind this one.

    Hosts of linked tables are checked again every few seconds: a name can be pointed at an internal address after its
    table was saved. Such a table is left out until it is right again.
    """

    def __init__(
        self, store: Store, shelf: Shelf, guard: OutgoingGuard, contributors: Sequence[Contributor] = ()
    ) -> None:
        self._store, self._shelf, self._guard = store, shelf, guard
        self._contributors = tuple(contributors)
        self._memory: revisions.Remembered[int, _Loaded] = revisions.Remembered(self._revision, self._load)

    async def fetch(self, project_id: int) -> Catalog:
        """The project's catalog: the same object as long as nothing has changed."""
        loaded = await self._memory.fetch(project_id)
        if not loaded.urls or self._guard.allow_private:
            return loaded.catalog
        if self._unchecked(loaded):
            await asyncio.to_thread(self._check, loaded)
        return loaded.answer or loaded.catalog

    def peek(self, project_id: int) -> Catalog | None:
        """The same, if it is known without asking anybody."""
        loaded = self._memory.peek(project_id)
        if loaded is None:
            return None
        if not loaded.urls or self._guard.allow_private:
            return loaded.catalog
        return None if self._unchecked(loaded) else loaded.answer

    def forget(self, project_id: int) -> None:
        """Load the project's catalog anew at its next use."""
        self._memory.forget(project_id)

    def _revision(self, project_id: int) -> int:
        with self._store.read() as session:
            return revisions.current(session, subject(project_id))

    def _load(self, project_id: int) -> _Loaded:
        with self._store.read() as session:
            records = self._shelf.live(session, project_id)
            keys = self._shelf.keys(session, [r.credential.id for r in records if r.credential])
            tables = {r.name: _table(r, keys[r.credential.id] if r.credential else None) for r in records}
            for contribute in self._contributors:
                tables.update(contribute(session, project_id, tables))
        urls = {record.name: record.url_pattern for record in records if record.physical is None}
        return _Loaded(Catalog(project_id, database(project_id), tables), urls)

    @staticmethod
    def _unchecked(loaded: _Loaded) -> bool:
        return loaded.answer is None or time.monotonic() - loaded.checked_at > _CHECK_SECONDS

    def _check(self, loaded: _Loaded) -> None:
        refused = frozenset(name for name, url in loaded.urls.items() if self._refuses(url))
        if refused and refused not in loaded.without:
            tables = {name: table for name, table in loaded.catalog.tables.items() if name not in refused}
            loaded.without[refused] = replace(loaded.catalog, tables=tables)
        loaded.answer = loaded.without[refused] if refused else loaded.catalog
        loaded.checked_at = time.monotonic()

    def _refuses(self, url: str) -> bool:
        try:
            self._guard.check(url)
        except Refused as refused:
            return refused.refusal is not Refusal.UNRESOLVABLE  # the engine will not find it either, and says so
        return False


def _table(record: TableRecord, keys: Keys | None) -> Table:
    columns = tuple(TableColumn(column.name, column.clickhouse, column.name) for column in record.columns)
    if record.physical is not None:
        backing: PhysicalTable | FunctionTable = PhysicalTable(database(record.project_id), record.physical)
    else:
        backing = linked(record, keys or Keys("", ""))
    return Table(record.name, backing, columns, id=str(record.id))


def linked(record: TableRecord, keys: Keys) -> FunctionTable:
    """How the engine reads a linked table in place, with the columns the table is kept with."""
    columns = structure([column.column for column in record.columns])
    return reading(Address(record.url_pattern, record.format, double_quotes(record.options)), keys, columns)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a linked table's files are, and how they are read."""

    url: str
    format: str
    double_quotes: bool = True


def reading(address: Address, keys: Keys, columns: str = "") -> FunctionTable:
    """A table function over an address; `columns` empty lets the engine find them out."""
    login = (address.url, keys.access_key, keys.access_secret)
    if address.format in LAKES:
        function, _ = LAKES[address.format]
        if not columns or address.format in OWN_TYPES:
            return FunctionTable(function, login)
        return FunctionTable(function, (*login, "Parquet"), columns)
    quotes = address.double_quotes or address.format not in CSV
    return FunctionTable("s3", (*login, address.format), columns, quotes)
