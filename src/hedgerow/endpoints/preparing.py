"""A query on its way into a version: parsed, its variables settled, resolved against the catalog, described."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.endpoints.records import Prepared
from hedgerow.endpoints.values import values_of
from hedgerow.engine.base import Engine, Limits, Query
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, find_variables, parse
from hedgerow.language.query.types import api_type
from hedgerow.queries.kinds import HogQLQuery, Kinds, VariableUse
from hedgerow.store import Store
from hedgerow.variables import Variables
from hedgerow.warehouse.catalog import Catalogs

_DIRECT = (
    "Endpoints cannot query an external connection directly: remove connectionId, and query a table that is synced."
)
_DESCRIBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Preparation:
    """Checks queries in the documented order. Every fault is an `InvalidInput` with attr `query`."""

    store: Store
    engine: Engine
    kinds: Kinds
    catalogs: Catalogs
    variables: Variables
    settings: Settings

    async def prepare(self, project_id: int, given: object) -> Prepared:
        """The query normalized, with its columns when the engine can tell them."""
        model = self.kinds.read(given, publishable=True)
        assert isinstance(model, HogQLQuery)
        if model.connectionId is not None:
            raise InvalidInput(_DIRECT, attr="query")
        used = await asyncio.to_thread(self._used, model.query)
        settled = await asyncio.to_thread(self._settle, project_id, model, used)
        query = settled.model_dump(mode="json")
        catalog = await self.catalogs.fetch(project_id)
        compiled = await asyncio.to_thread(_compiled, query, catalog)
        return Prepared(query, await self.describe(compiled))

    async def columns(self, project_id: int, query: Mapping[str, Any]) -> Sequence[Mapping[str, str]] | None:
        """The columns of a query that is kept; `None` when they cannot be told now."""
        catalog = await self.catalogs.fetch(project_id)
        try:
            self.kinds.find(query.get("kind"), publishable=True)
            compiled = await asyncio.to_thread(_compiled, query, catalog)
        except HedgerowError:
            return None
        return await self.describe(compiled)

    async def describe(self, compiled: CompiledQuery) -> Sequence[Mapping[str, str]] | None:
        """The engine's own description, in the API's types."""
        limits = Limits(_DESCRIBE_SECONDS, self.settings.query_memory)
        try:
            found = await self.engine.describe(Query(compiled.sql, compiled.parameters, limits))
        except HedgerowError:
            return None
        return [{"name": column.name, "type": api_type(column.type)} for column in found]

    def _used(self, text: str) -> list[str]:
        if len(text.encode()) > self.settings.query_max_bytes:
            largest = self.settings.query_max_bytes
            raise InvalidInput(f"The query is longer than {largest} bytes.", attr="query", code="query_too_large")
        try:
            return find_variables(parse(text))
        except InvalidInput as fault:
            raise InvalidInput(f"Invalid HogQL query: {fault.detail}", attr="query") from fault

    def _settle(self, project_id: int, model: HogQLQuery, used: Sequence[str]) -> HogQLQuery:
        """Keep the definitions that are used, add those that are not said, fill in values."""
        if not used:
            return model.model_copy(update={"variables": None})
        kept = {key: use for key, use in (model.variables or {}).items() if use.code_name in used}
        defined = {use.code_name for use in kept.values()}
        missing = [name for name in used if name not in defined]
        with self.store.read() as session:
            found = self.variables.by_code_names(session, project_id, missing)
            _refuse_undefined([name for name in missing if name not in found])
            ids = _uuids(kept)
            known = self.variables.by_ids(session, project_id, ids.values())
        unknown = [key for key, identifier in ids.items() if identifier not in known]
        if unknown:
            raise InvalidInput(f"Variables not found: {_listed(unknown)}.", attr="query")
        settled = {
            str(ids[key]): _filled(str(ids[key]), use, known[ids[key]].default_value) for key, use in kept.items()
        }
        for name, variable in found.items():
            blank = VariableUse(code_name=name)
            settled[str(variable.id)] = _filled(str(variable.id), blank, variable.default_value)
        return model.model_copy(update={"variables": settled})


def _compiled(query: Mapping[str, Any], catalog: Catalog) -> CompiledQuery:
    options = CompileOptions(values_of(query), query["filters"])
    try:
        return compile_query(query["query"], catalog, options)
    except InvalidInput as fault:
        fault.attr = "query"
        raise


def _refuse_undefined(names: Sequence[str]) -> None:
    if names:
        raise InvalidInput(f"Query references undefined variable(s): {_listed(names)}.", attr="query")


def _uuids(kept: Mapping[str, VariableUse]) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    bad = []
    for key in kept:
        try:
            found[key] = UUID(key)
        except ValueError:
            bad.append(key)
    if bad:
        raise InvalidInput(f"Variable IDs are not valid UUIDs: {_listed(bad)}.", attr="query")
    return found


def _filled(identifier: str, use: VariableUse, default: Any) -> VariableUse:
    if use.value is not None or use.isNull:
        return use.model_copy(update={"variableId": identifier})
    is_null = True if default is None else use.isNull
    return use.model_copy(update={"variableId": identifier, "value": default, "isNull": is_null})


def _listed(names: Sequence[str]) -> str:
    shown = [name if len(name) <= 60 else f"{name[:60]}…" for name in names[:10]]
    return ", ".join(shown) + (", …" if len(names) > 10 else "")
