"""What a view's table is made from, as a digest: equal digests are equal tables."""

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from hedgerow.checks import Check, Checks
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog, FunctionTable, PhysicalTable, Table
from hedgerow.language.query.pipeline import CompiledQuery
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.records import View
from hedgerow.views.texts.preparing import compiled_text
from hedgerow.warehouse.catalog import Catalogs

_MOST_KEPT = 20_000
_OF_ROWS_ALONE = frozenset({"not_null", "unique", "accepted_values", "row_count"})
_Known = tuple[UUID, Mapping[str, Table | None], str | None]


class Inputs:
    """Makes digests. The compiled query names the physical tables, and a table whose rows change is another one.

    There is none for a query over files outside, whose changes cannot be seen, for one that asks the clock or chance,
    nor for a view with a check on either: those have to be run.
    """

    def __init__(self, store: Store, catalogs: Catalogs, checks: Checks) -> None:
        self._store, self._catalogs, self._checks = store, catalogs, checks
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._lock = threading.Lock()

    async def of_scheduled(self, project_id: int, frequency: str) -> dict[UUID, str | None]:
        """The digests of the views that have that frequency, as of now."""
        self._catalogs.forget(project_id)
        catalog = await self._catalogs.fetch(project_id)
        return await asyncio.to_thread(self._of_scheduled, catalog, frequency)

    def of_run(self, view: View, catalog: Catalog, compiled: CompiledQuery) -> str | None:
        """The digest of a run of that compiled query. Blocking."""
        with self._store.read() as session:
            checks = self._checks.enabled(session, view.project_id).get(view.id, [])
        return _digest(self._remembered(view, catalog, compiled), checks)

    def _of_scheduled(self, catalog: Catalog, frequency: str) -> dict[UUID, str | None]:
        with self._store.read() as session:
            views = shelf.due(session, catalog.project_id, frequency)
            checks = self._checks.enabled(session, catalog.project_id)
        return {view.id: _digest(self._of_view(view, catalog), checks.get(view.id, [])) for view in views}

    def _of_view(self, view: View, catalog: Catalog) -> str | None:
        """Remembered as long as all tables that it reads are what they were."""
        found = self._known.get(view.id)
        if found is not None and found[0] == view.revision and _same(found[1], catalog):
            return found[2]
        try:
            compiled = compiled_text(view.text, catalog)
        except InvalidInput:
            return None  # its run says why
        return self._remembered(view, catalog, compiled)

    def _remembered(self, view: View, catalog: Catalog, compiled: CompiledQuery) -> str | None:
        digest = _of_query(compiled, catalog)
        read = {name: catalog.tables.get(name) for name in compiled.tables}
        with self._lock:
            self._known[view.id] = view.revision, read, digest
            self._known.move_to_end(view.id)
            if len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return digest


def shape(compiled: CompiledQuery, catalog: Catalog, carrying: Collection[str], rebuilt: Mapping[str, str]) -> str:
    """A digest of a query and all it reads but new rows of the tables `carrying` its key.

    `rebuilt`: when older rows were made anew, of those among them that are incremental models themselves.
    """
    sql = compiled.sql
    for name in sorted(carrying):
        backing = catalog.tables[name].backing
        if isinstance(backing, PhysicalTable):
            sql = sql.replace(backing.table, f"<{name} {rebuilt.get(name, '')}>")
    return _hashed((sql, sorted(compiled.parameters.items(), key=str), catalog.timezone))


def _same(read: Mapping[str, Table | None], catalog: Catalog) -> bool:
    now = ((table, catalog.tables.get(name)) for name, table in read.items())
    return all(was is found or was == found for was, found in now)


def _of_query(compiled: CompiledQuery, catalog: Catalog) -> str | None:
    read = (catalog.tables.get(name) for name in compiled.tables)
    if not compiled.repeatable() or any(table is None or isinstance(table.backing, FunctionTable) for table in read):
        return None
    return _hashed((compiled.sql, sorted(compiled.parameters.items(), key=str), catalog.timezone))


def _digest(query: str | None, checks: Sequence[Check]) -> str | None:
    """With what the checks look at: one that has changed since has not looked at the table yet."""
    if query is None or any(check.kind not in _OF_ROWS_ALONE for check in checks):
        return None
    told = sorted((str(check.id), check.severity, sorted(check.config.items(), key=str)) for check in checks)
    return _hashed((query, told))


def _hashed(parts: Iterable[object]) -> str:
    return hashlib.blake2b(repr(tuple(parts)).encode(errors="surrogatepass"), digest_size=20).hexdigest()
