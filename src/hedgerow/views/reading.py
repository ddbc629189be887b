"""Reads saved queries and what there is to tell of them: pages, lineage by view and by column."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from hedgerow.language.query.catalog import Catalog, Table, ViewTable
from hedgerow.store import Store
from hedgerow.views import lineage, shelf
from hedgerow.views.memory import lazily
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.records import View
from hedgerow.views.texts.preparing import compiled_text
from hedgerow.warehouse.catalog import Catalogs


@dataclass(frozen=True, slots=True)
class Reading:
    """Methods that are not async block: call them from threads."""

    store: Store
    catalogs: Catalogs
    neighbours: Neighbours

    def page(self, project_id: int, search: str, limit: int, offset: int) -> tuple[int, list[View]]:
        """How many there are, and one page of them."""
        with self.store.read() as session:
            return shelf.page(session, project_id, search, limit, offset)

    def get(self, project_id: int, view_id: UUID) -> View:
        """One; raises `NotFound`."""
        with self.store.read() as session:
            return shelf.get(session, project_id, view_id)

    async def ancestors(self, view: View, level: int | None) -> list[str]:
        """What it reads, up to so many steps away: ids of views and tables, else names."""
        return await self._identified(view, level, lineage.ancestors)

    async def descendants(self, view: View, level: int | None) -> list[str]:
        """What reads it: ids of views."""
        return await self._identified(view, level, lineage.descendants)

    def dependencies(self, view: View) -> tuple[int, int]:
        """How many it reads, and how many read it, each directly."""
        with self.store.read() as session:
            up = lineage.ancestors(session, view.project_id, view.name, 1)
            down = lineage.descendants(session, view.project_id, view.name, 1)
        return sum(map(len, up)), sum(map(len, down))

    def endpoints(self, view: View, level: int | None = 1) -> list[dict[str, Any]]:
        """The endpoints that read it, directly or through the views below it, up to so many steps away."""
        with self.store.read() as session:
            between = None if level is None else level - 1
            below = lineage.descendants(session, view.project_id, view.name, between) if between != 0 else []
            names = {view.name, *(name for names in below for name in names)}
            found = self.neighbours.reading(session, view.project_id, names)
        return [{"id": str(each.id), "name": each.name, "version": each.version} for each in found]

    async def columns(self, view: View) -> list[dict[str, Any]]:
        """Each output column with the tables' columns it is made of, through all views between."""
        catalog = await self.catalogs.fetch(view.project_id)
        seen = await asyncio.to_thread(self._texts, view)
        compiled = await asyncio.to_thread(compiled_text, view.text, _inlined(catalog, seen))
        return [
            {"column": column, "origins": [_origin(catalog, table, name) for table, name in origins]}
            for column, origins in compiled.lineage.items()
        ]

    def _texts(self, view: View) -> Sequence[View]:
        """The views above that are tables now, whose columns have an origin nevertheless."""
        with self.store.read() as session:
            names = [name for level in lineage.ancestors(session, view.project_id, view.name) for name in level]
            return [each for each in shelf.named(session, view.project_id, names).values() if each.physical]

    async def _identified(self, view: View, level: int | None, find: Any) -> list[str]:
        def names() -> tuple[list[str], dict[str, UUID]]:
            with self.store.read() as session:
                found = [name for names in find(session, view.project_id, view.name, level) for name in names]
                return found, lineage.identities(session, view.project_id, found)

        found, views = await asyncio.to_thread(names)
        tables = (await self.catalogs.fetch(view.project_id)).tables
        return [str(views[name]) if name in views else _identity(tables.get(name), name) for name in found]


def _identity(table: Table | None, name: str) -> str:
    return table.id if table is not None and table.id else name


def _origin(catalog: Catalog, table: str, column: str) -> dict[str, Any]:
    return {"table": table, "table_id": _identity(catalog.tables.get(table), table), "column": column}


def _inlined(catalog: Catalog, views: Sequence[View]) -> Catalog:
    again = {view.name: replace(catalog.tables[view.name], backing=ViewTable(lazily(view.text))) for view in views}
    return replace(catalog, tables={**catalog.tables, **again})
