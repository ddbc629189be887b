"""The routes of external data sources."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from hedgerow.connectors.changes import change_source
from hedgerow.sources import shapes
from hedgerow.sources.form import configuring
from hedgerow.sources.form.bodies import (
    BulkChange,
    NewCredentials,
    NewSource,
    PrefixWish,
    RevenueConfig,
    Setup,
    SourceChange,
)
from hedgerow.sources.form.wizard import wizard
from hedgerow.sources.ledger import Chosen
from hedgerow.sources.opening import Sources
from hedgerow.sources.routes import webhooks
from hedgerow.sources.shapes import Shapes
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards
from hedgerow.web.changing import changing

_BASE = "/external_data_sources"
_ASIDE = frozenset({"source_type", "access_method"})
_AFTER = Query(description="Only runs made at this instant or later.")
_BEFORE = Query(description="Only runs made at this instant or earlier.")
_SCHEMAS = Query(description="Only runs of the schemas of these names.")


def router(sources: Sources, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    for register in (_trying, _parking, _listing, _single, _acting, _history):
        register(routes, sources, cards, gate)
    routes.include_router(webhooks.router(sources, gate))
    return routes


def _guards(gate: Gate) -> tuple[Any, Any]:
    return gate.project("external_data_source:read"), gate.project("external_data_source:write")


def _shown(sources: Sources, cards: UserCards, project_id: int, source_id: UUID) -> dict[str, Any]:
    whole = sources.reading.get(project_id, source_id)
    return Shapes(sources.remotes.connectors, cards).sources([whole])[0]


def _trying(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get(f"{_BASE}/wizard")
    def get_wizard(access: Annotated[Access, Depends(may_read)]) -> dict[str, Any]:
        """Every type of source, with its form."""
        return wizard(sources.remotes.connectors, sources.reading.types(access.project_id))

    @routes.get(f"{_BASE}/connections")
    def list_connections(access: Annotated[Access, Depends(may_read)]) -> list[dict[str, Any]]:
        """The sources that are queried directly: a query names one of them as its `connectionId`."""
        return [shapes.connection(source) for source in sources.reading.connections(access.project_id)]

    @routes.post(f"{_BASE}/database_schema")
    async def find_tables(access: Annotated[Access, Depends(may_write)], body: dict[str, Any]) -> list[dict[str, Any]]:
        """The tables that a source of this type and these fields has; nothing is kept."""
        source_type = body.get("source_type")
        if not isinstance(source_type, str) or not source_type:
            raise ActionRefused("Missing required parameter: source_type", attr="source_type", code="required")
        declaration = sources.remotes.connector(source_type).declaration
        config = configuring.cleaned(declaration, {n: v for n, v in body.items() if n not in _ASIDE})
        await sources.remotes.check(source_type, config)
        logs = change_source(sources.remotes.connector(source_type)) is not None
        found = await sources.remotes.discover(source_type, config)
        return [shapes.remote_table(table, logs=logs) for table in found]

    @routes.post(f"{_BASE}/source_prefix")
    def try_prefix(access: Annotated[Access, Depends(may_write)], body: PrefixWish) -> None:
        """Whether a type and a prefix can be had together; nothing is kept."""
        sources.remotes.connector(body.source_type)
        sources.creating.check_name(access.project_id, body.source_type, body.prefix, body.access_method)


def _parking(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.post(f"{_BASE}/store_credentials", status_code=201)
    async def store_credentials(access: Annotated[Access, Depends(may_write)], body: NewCredentials) -> dict[str, Any]:
        """Try credentials out and keep them for a day, until a source is made with their `credential_id`, once."""
        parked = sources.creating.parked
        return await parked.keep(access.project_id, access.principal.user_id, body.source_type, body.payload)

    @routes.get(f"{_BASE}/stored_credentials")
    def list_stored_credentials(access: Annotated[Access, Depends(may_read)]) -> list[dict[str, Any]]:
        """Your own that were not used yet, newest first, without their values."""
        return sources.creating.parked.list(access.project_id, access.principal.user_id)


def _listing(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get(_BASE)
    def list_sources(
        request: Request, access: Annotated[Access, Depends(may_read)], search: str = ""
    ) -> dict[str, Any]:
        """Sources, newest first; `search` looks for words in types, prefixes and descriptions."""
        page = pages.by_offset(request)
        count, wholes = sources.reading.page(access.project_id, search, page.limit, page.offset)
        return page.envelope(count, Shapes(sources.remotes.connectors, cards).sources(wholes))

    @routes.post(_BASE, status_code=201)
    async def create_source(access: Annotated[Access, Depends(may_write)], body: NewSource) -> dict[str, Any]:
        """Connect a source; the tables that are to be synced are, as soon as a worker has time."""
        source = await sources.creating.create(access.project_id, access.principal.user_id, body)
        return await asyncio.to_thread(_shown, sources, cards, access.project_id, source.id)

    @routes.post(f"{_BASE}/setup", status_code=201)
    async def set_source_up(access: Annotated[Access, Depends(may_write)], body: Setup) -> dict[str, Any]:
        """Connect a source and sync all its tables, each in the way that its columns allow."""
        source = await sources.creating.create(access.project_id, access.principal.user_id, body)
        return await asyncio.to_thread(_shown, sources, cards, access.project_id, source.id)


def _single(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get(f"{_BASE}/{{source_id}}")
    def get_source(access: Annotated[Access, Depends(may_read)], source_id: UUID) -> dict[str, Any]:
        """One source with its schemas."""
        return _shown(sources, cards, access.project_id, source_id)

    @changing(routes, f"{_BASE}/{{source_id}}")
    async def change_source(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: SourceChange
    ) -> dict[str, Any]:
        """Set what is said; secrets that are left out stay."""
        await sources.changing.change(access.project_id, access.principal.user_id, source_id, body)
        return await asyncio.to_thread(_shown, sources, cards, access.project_id, source_id)

    @routes.delete(f"{_BASE}/{{source_id}}", status_code=204)
    def delete_source(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> None:
        """Forget a source, its schemas and its tables; the remote is left alone."""
        sources.changing.delete(access.project_id, access.principal.user_id, source_id)


def _acting(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @routes.post(f"{_BASE}/{{source_id}}/reload")
    async def reload_source(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> dict[str, Any]:
        """Sync every enabled table now; of a direct source, look for tables that have come or gone."""
        await sources.changing.reload(access.project_id, access.principal.user_id, source_id)
        return await asyncio.to_thread(_shown, sources, cards, access.project_id, source_id)

    @routes.post(f"{_BASE}/{{source_id}}/refresh_schemas")
    async def refresh_schemas(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> dict[str, int]:
        """Look for tables that have come or gone."""
        return await sources.changing.refresh(access.project_id, source_id)

    @routes.patch(f"{_BASE}/{{source_id}}/revenue_analytics_config")
    def change_revenue_config(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: RevenueConfig | None = None
    ) -> dict[str, Any]:
        """Set whether revenue analytics count this source."""
        said = body or RevenueConfig()
        sources.changing.count_revenue(access.project_id, access.principal.user_id, source_id, said)
        return _shown(sources, cards, access.project_id, source_id)

    @routes.patch(f"{_BASE}/{{source_id}}/bulk_update_schemas")
    def change_schemas(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: BulkChange
    ) -> dict[str, Any]:
        """Change several schemas: all or none."""
        sources.editing.change_all(access.project_id, access.principal.user_id, source_id, body.schemas)
        return _shown(sources, cards, access.project_id, source_id)


def _history(routes: APIRouter, sources: Sources, cards: UserCards, gate: Gate) -> None:
    may_read, _ = _guards(gate)

    @routes.get(f"{_BASE}/{{source_id}}/jobs")
    def list_jobs(
        access: Annotated[Access, Depends(may_read)],
        source_id: UUID,
        after: Annotated[datetime | None, _AFTER] = None,
        before: Annotated[datetime | None, _BEFORE] = None,
        schemas: Annotated[list[str] | None, _SCHEMAS] = None,
    ) -> list[dict[str, Any]]:
        """The last 50 runs, newest first."""
        chosen = Chosen(schemas or (), after, before)
        runs, known = sources.reading.runs(access.project_id, source_id, chosen)
        makers = cards.cards({run.created_by for run, _ in runs if run.created_by is not None})
        return [shapes.run(now, known.get(now[0].schema_id), makers.get(now[0].created_by or 0)) for now in runs]
