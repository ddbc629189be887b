"""The routes of external data schemas: how each remote table is synced."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from hedgerow.sources.form.bodies import SchemaChange
from hedgerow.sources.opening import Sources
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate
from hedgerow.web.changing import changing

_BASE = "/external_data_schemas"


def router(sources: Sources, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    for register in (_reading, _changing, _acting):
        register(routes, sources, gate)
    return routes


def _guards(gate: Gate) -> tuple[Any, Any]:
    return gate.project("external_data_source:read"), gate.project("external_data_source:write")


def _reading(routes: APIRouter, sources: Sources, gate: Gate) -> None:
    may_read, _ = _guards(gate)

    @routes.get(_BASE)
    def list_schemas(request: Request, access: Annotated[Access, Depends(may_read)]) -> dict[str, Any]:
        """Schemas of all sources, newest first."""
        page = pages.by_offset(request)
        count, found = sources.reading.schemas(access.project_id, page.limit, page.offset)
        return page.envelope(count, found)

    @routes.get(f"{_BASE}/{{schema_id}}")
    def get_schema(access: Annotated[Access, Depends(may_read)], schema_id: UUID) -> dict[str, Any]:
        """One schema."""
        return sources.reading.schema(access.project_id, schema_id)


def _changing(routes: APIRouter, sources: Sources, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @changing(routes, f"{_BASE}/{{schema_id}}")
    def change_schema(
        access: Annotated[Access, Depends(may_write)], schema_id: UUID, body: SchemaChange
    ) -> dict[str, Any]:
        """Set what is said. Another sync type or other columns make the next run read everything anew."""
        sources.editing.change(access.project_id, access.principal.user_id, schema_id, body)
        return sources.reading.schema(access.project_id, schema_id)

    @routes.delete(f"{_BASE}/{{schema_id}}", status_code=204)
    def delete_schema(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> None:
        """Forget a schema and its table."""
        sources.editing.delete(access.project_id, access.principal.user_id, schema_id)

    @routes.delete(f"{_BASE}/{{schema_id}}/delete_data")
    def delete_data(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> dict[str, Any]:
        """Let the table go; the schema stays, and its next sync reads everything."""
        sources.editing.delete_data(access.project_id, access.principal.user_id, schema_id)
        return sources.reading.schema(access.project_id, schema_id)


def _acting(routes: APIRouter, sources: Sources, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @routes.post(f"{_BASE}/{{schema_id}}/reload")
    def reload_schema(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> dict[str, Any]:
        """Sync now."""
        sources.editing.reload(access.project_id, access.principal.user_id, schema_id)
        return sources.reading.schema(access.project_id, schema_id)

    @routes.post(f"{_BASE}/{{schema_id}}/resync")
    def resync_schema(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> dict[str, Any]:
        """Read everything anew; the rows that are there serve until then."""
        sources.editing.reload(access.project_id, access.principal.user_id, schema_id, anew=True)
        return sources.reading.schema(access.project_id, schema_id)

    @routes.post(f"{_BASE}/{{schema_id}}/cancel")
    def cancel_sync(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> dict[str, Any]:
        """End the sync that is under way; the last good rows go on serving."""
        sources.editing.cancel(access.project_id, schema_id)
        return sources.reading.schema(access.project_id, schema_id)

    @routes.post(f"{_BASE}/{{schema_id}}/incremental_fields")
    async def find_incremental_fields(access: Annotated[Access, Depends(may_write)], schema_id: UUID) -> dict[str, Any]:
        """How the remote's table, as it is now, can be synced."""
        return await sources.editing.incremental_fields(access.project_id, schema_id)
