"""Compares two versions of an endpoint: what is said of them, and the rows they answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.errors import no_version
from hedgerow.endpoints.reading import Reading
from hedgerow.endpoints.records import LATEST, Endpoint
from hedgerow.endpoints.run.memory import Definition, Definitions
from hedgerow.endpoints.run.running import bound
from hedgerow.endpoints.versions.differences import differences
from hedgerow.endpoints.versions.multisets import Side, compared
from hedgerow.engine.base import Engine, Limits, Query
from hedgerow.kit.errors import HedgerowError, InvalidInput, NotFound
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, Value, compile_query
from hedgerow.queries.kinds import Kinds
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.web.access import Access
from hedgerow.web.limits.slots import Slots

_MOST_SAMPLED = 1_000


class DiffBody(BaseModel):
    """Two versions, and the values to run both with."""

    model_config = ConfigDict(extra="ignore")
    from_: VersionReference | None = Field(None, alias="from", description="A version's number, or an alias.")
    to: VersionReference | None = Field(None, description="A version's number, or an alias; `latest` unless given.")
    variables: dict[str, JsonValue] | None = Field(None, description="Values by code name; `{}` runs with defaults.")
    sample: Annotated[int, Field(ge=0, le=_MOST_SAMPLED)] = 20
    float_digits: Annotated[int, Field(ge=1, le=17)] | None = Field(
        None, description="Significant digits to which floats are rounded before they are compared."
    )


@dataclass(frozen=True, slots=True)
class Backend:
    """What runs are made with."""

    definitions: Definitions
    catalogs: Catalogs
    engine: Engine
    slots: Slots
    settings: Settings
    kinds: Kinds


@dataclass(frozen=True, slots=True)
class Diffs:
    """Compares versions. Rows come from the queries themselves, whether their versions are materialized or not."""

    reading: Reading
    backend: Backend

    async def of(self, access: Access, name: str, pair: tuple[int | str | None, int | str | None]) -> dict[str, Any]:
        """What differs, and nothing is run. Raises `InvalidInput`, `NotFound`, and what an unknown version raises."""
        one, other = await self._pair(access, name, pair)
        return await asyncio.to_thread(differences, one, other)

    async def with_rows(
        self, access: Access, name: str, pair: tuple[int | str | None, int | str | None], body: DiffBody
    ) -> dict[str, Any]:
        """What differs, and which rows: both versions are run with the same values."""
        await self._admit(access, name, running=body.variables is not None)
        one, other = await self._pair(access, name, pair)
        told = await asyncio.to_thread(differences, one, other)
        if body.variables is None:
            return told
        for each in (one, other):
            if not (each.is_active and each.version.is_active):
                raise InvalidInput(f"Version {each.version.number} is inactive: it cannot be run.", attr="variables")
            # A store may hold kinds that this release does not run.
            self.backend.kinds.find(each.version.query.get("kind"), publishable=True)
        left, right = await self._run(access.project_id, (one, other), body.variables)
        return {**told, "rows": await asyncio.to_thread(compared, left, right, body.sample, body.float_digits)}

    async def _pair(
        self, access: Access, name: str, pair: tuple[int | str | None, int | str | None]
    ) -> tuple[Endpoint, Endpoint]:
        if pair[0] is None:
            raise InvalidInput("This field is required.", attr="from", code="required")
        other = await self._find(access, name, "to", LATEST if pair[1] is None else pair[1])
        return await self._find(access, name, "from", pair[0]), other

    async def _find(self, access: Access, name: str, field: str, reference: int | str) -> Endpoint:
        try:
            return await self.reading.find(access.project_id, name, reference)
        except InvalidInput as fault:
            fault.attr = field
            raise

    async def _admit(self, access: Access, name: str, *, running: bool) -> None:
        """Count the request, as a run where it is one; also when there is no such endpoint."""
        bucket = "query" if running else "default"
        try:
            current = await self.backend.definitions.find(access.project_id, name, None)
        except NotFound:
            await access.admit(bucket, ())
            raise
        await access.admit(bucket, current.charges if running and current is not None else ())

    async def _run(self, project_id: int, pair: tuple[Endpoint, Endpoint], given: Mapping[str, Any]) -> list[Side]:
        found = [await self._definition(project_id, each) for each in pair]
        # Each side takes the values of the variables it has; one that neither has is a mistake.
        known = found[0].values.keys() | found[1].values.keys()
        stray = {name: value for name, value in given.items() if name not in known}
        values = [bound(each, stray | {name: given[name] for name in each.values if name in given}) for each in found]
        catalog = await self.backend.catalogs.fetch(project_id)
        async with self.backend.slots.held("query", project_id):
            return [await self._side(each, catalog, own) for each, own in zip(found, values, strict=True)]

    async def _definition(self, project_id: int, shown: Endpoint) -> Definition:
        found = await self.backend.definitions.find(project_id, shown.name, shown.version.number)
        if found is None:
            raise no_version(shown.version.number)
        return found

    async def _side(self, definition: Definition, catalog: Catalog, values: Mapping[str, Value]) -> Side:
        settings, most = self.backend.settings, self.backend.settings.query_max_rows
        try:
            compiled = await asyncio.to_thread(_compiled, definition.endpoint.version.query, catalog, values, most)
            limits = Limits(settings.api_query_timeout, settings.query_memory, most + 1)
            answer = await self.backend.engine.run(Query(compiled.sql, compiled.parameters, limits))
        except HedgerowError as error:
            error.detail = f"Version {definition.endpoint.version.number}: {error.detail}"
            raise
        end = answer.row_count if compiled.row_limit is None else compiled.row_limit
        cut = answer.row_count > end and (compiled.implicit_limit or end >= most)
        return Side(answer, min(answer.row_count, end), not cut)


def _compiled(query: Mapping[str, Any], catalog: Catalog, values: Mapping[str, Value], most: int) -> CompiledQuery:
    """All rows that the query has, as far as one answer may hold them."""
    options = CompileOptions(values, query.get("filters"), limit_default=None, limit_max=most)
    return compile_query(query["query"], catalog, options)
