"""What a change would do before it is made: columns, the views below that break, a sample of the rows that differ."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query
from hedgerow.queries.readers import Reader
from hedgerow.store import Store
from hedgerow.views import errors, lineage, shelf
from hedgerow.views.names import check_name
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.records import Draft, View
from hedgerow.views.texts.preparing import Preparation, checked, compiled_text, overlaid
from hedgerow.views.texts.rewriting import quoted
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.types import hogql_type

_Compiling = Callable[[Catalog], CompiledQuery]
_SECONDS = 10.0
_SAMPLE = 10
_BELOW = 200
_OLD, _NEW = "hedgerow_plan.old", "hedgerow_plan.new"


@dataclass(frozen=True, slots=True)
class Planning:
    """Nothing of a plan is kept."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    preparation: Preparation
    neighbours: Neighbours
    settings: Settings

    async def plan(self, view: View, draft: Draft) -> dict[str, Any]:
        """`{name, columns, dependents, rows}`; raises `InvalidInput` for a change that would be refused."""
        catalog = await self.catalogs.fetch(view.project_id)
        name = check_name(draft.name) if "name" in draft.given else view.name
        if name != view.name and name in catalog.tables:
            raise InvalidInput("A table with this name already exists.", attr="name")
        asked = draft if "query" in draft.given else Draft(frozenset({"query"}), query=view.query)
        prepared = await self.preparation.prepare(view.project_id, asked, view.name)
        await asyncio.to_thread(self._refuse_cycle, view, name, prepared.parents)
        text = str(prepared.query["query"])
        after = await asyncio.to_thread(_after, catalog, view.name, name, text)
        new = tuple(Column(column.name, column.clickhouse) for column in prepared.columns)
        old = await self._columns(view.text, catalog)
        dependents = await self._dependents(view, catalog, after)
        same = text == view.text or isinstance(old, str)
        rows = None if same else await self._rows(catalog, view.text, text, _common(old, new))
        columns = {"added": [], "removed": [], "retyped": []} if isinstance(old, str) else _differences(old, new)
        return {
            "name": {"before": view.name, "after": name},
            "columns": columns,
            "dependents": dependents,
            "endpoints": await self._endpoints(view, catalog, after),
            "rows": rows,
        }

    def _refuse_cycle(self, view: View, name: str, parents: Sequence[str]) -> None:
        with self.store.read() as session:
            path = lineage.path_back(session, view.project_id, name, parents)
        if path is not None:
            raise errors.cycle(" → ".join(path))

    async def _dependents(self, view: View, before: Catalog, after: Catalog) -> list[dict[str, Any]]:
        """The views below, those above first, each with what becomes of it."""
        found = []
        for child in await asyncio.to_thread(self._below, view):
            old, new = await self._columns(child.text, before), await self._columns(child.text, after)
            found.append({"id": str(child.id), "name": child.name, **_effect(old, new)})
        return found

    async def _endpoints(self, view: View, before: Catalog, after: Catalog) -> list[dict[str, Any]]:
        """The endpoints that read it or a view below, each with what becomes of it."""
        found = []
        for reader in await asyncio.to_thread(self._reading, view):
            old, new = await self._outcome(reader.compiled, before), await self._outcome(reader.compiled, after)
            told = {"id": str(reader.id), "name": reader.name, "version": reader.version}
            found.append({**told, **_effect(old, new)})
        return found

    def _reading(self, view: View) -> list[Reader]:
        with self.store.read() as session:
            below = lineage.descendants(session, view.project_id, view.name)
            names = {view.name, *(name for level in below for name in level)}
            return self.neighbours.reading(session, view.project_id, names)[:_BELOW]

    def _below(self, view: View) -> list[View]:
        with self.store.read() as session:
            names = lineage.ordered(session, view.project_id, view.name)[:_BELOW]
            found = shelf.named(session, view.project_id, names)
        return [found[name] for name in names if name in found]

    async def _columns(self, text: str, catalog: Catalog) -> tuple[Column, ...] | str:
        """The columns of a text, or why it cannot be run."""
        return await self._outcome(partial(compiled_text, text), catalog)

    async def _outcome(self, compiling: _Compiling, catalog: Catalog) -> tuple[Column, ...] | str:
        try:
            compiled = await asyncio.to_thread(compiling, catalog)
            return await self.preparation.described(compiled)
        except InvalidInput as fault:
            return fault.detail

    async def _rows(self, catalog: Catalog, old: str, new: str, names: Sequence[str]) -> dict[str, Any]:
        """How many rows there were and would be, and some that only one of both has, over the columns of both."""
        both = await asyncio.to_thread(overlaid, catalog, {_OLD: checked(old), _NEW: checked(new)})
        listed = ", ".join(quoted(name, whole=True) for name in names)
        try:
            counted = await self._answer(f"SELECT (SELECT count() FROM {_OLD}), (SELECT count() FROM {_NEW})", both)
            told: dict[str, Any] = {"before": counted[0][0], "after": counted[0][1], "columns": list(names)}
            for key, one, other in (("added", _NEW, _OLD), ("removed", _OLD, _NEW)):
                text = f"SELECT * FROM (SELECT {listed} FROM {one} EXCEPT SELECT {listed} FROM {other}) LIMIT {_SAMPLE}"
                told[key] = await self._answer(text, both) if names else []
        except HedgerowError as fault:
            return {"error": fault.detail}
        return told

    async def _answer(self, text: str, catalog: Catalog) -> list[Any]:
        options = CompileOptions(look_ahead=False)
        compiled = await asyncio.to_thread(compile_query, text, catalog, options)
        limits = Limits(_SECONDS, self.settings.query_memory)
        answer = await self.engine.run(Query(compiled.sql, compiled.parameters, limits, uuid4().hex))
        rows: list[Any] = orjson.loads(answer.json_rows())
        return rows


def _effect(old: tuple[Column, ...] | str, new: tuple[Column, ...] | str) -> dict[str, Any]:
    """What becomes of a dependent, from its columns before and after, or why it cannot be run."""
    told: dict[str, Any] = {"error": None, "columns": None}
    if isinstance(new, str):
        # What is broken already is not this change's doing.
        return told | {"effect": "breaks" if not isinstance(old, str) else "broken", "error": new}
    if isinstance(old, str):
        return told | {"effect": "repaired"}
    return told | {"effect": "unchanged" if old == new else "changes", "columns": _differences(old, new)}


def _after(catalog: Catalog, old: str, new: str, text: str) -> Catalog:
    changed = overlaid(catalog, {new: checked(text)})
    return replace(
        changed, tables={name: table for name, table in changed.tables.items() if name in {new} or name != old}
    )


def _common(old: tuple[Column, ...] | str, new: tuple[Column, ...]) -> list[str]:
    """The columns that both have with one type: the others differ in every row."""
    return [] if isinstance(old, str) else [column.name for column in old if column in new]


def _differences(old: Sequence[Column], new: Sequence[Column]) -> Mapping[str, Any]:
    before, after = {c.name: c.type for c in old}, {c.name: c.type for c in new}
    return {
        "added": [{"name": name, "type": hogql_type(kind)} for name, kind in after.items() if name not in before],
        "removed": [{"name": name, "type": hogql_type(kind)} for name, kind in before.items() if name not in after],
        "retyped": [
            {"name": name, "before": before[name], "after": kind}
            for name, kind in after.items()
            if name in before and before[name] != kind
        ],
    }
