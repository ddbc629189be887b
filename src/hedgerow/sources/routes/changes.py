"""The routes of change data capture: what a source's log needs, whether it is read, and how far behind that is."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from hedgerow.sources.form import configuring
from hedgerow.sources.form.bodies import LogSettings, LogWish
from hedgerow.sources.opening import Sources
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.web.access import Access, Gate

_BASE = "/external_data_sources"


def router(sources: Sources, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _checking(routes, sources, gate)
    _switching(routes, sources, gate)
    return routes


def _wish() -> LogWish:
    return LogWish.model_validate({})


def _guards(gate: Gate) -> tuple[Any, Any]:
    return gate.project("external_data_source:read"), gate.project("external_data_source:write")


def _checking(routes: APIRouter, sources: Sources, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.post(f"{_BASE}/check_cdc_prerequisites")
    async def check_prerequisites(
        access: Annotated[Access, Depends(may_write)], body: dict[str, Any]
    ) -> dict[str, Any]:
        """Whether changes of a source with these fields could be followed; nothing is kept.

        The form's fields stand beside `source_type`, or in `payload` as where a source is made.
        """
        for name in ("payload", "job_inputs"):
            if isinstance(nested := body.pop(name, None), dict):
                body |= nested
        source_type = body.get("source_type")
        if not isinstance(source_type, str) or not source_type:
            raise ActionRefused("Missing required parameter: source_type", attr="source_type", code="required")
        wish = sources.settling.wish(source_type, {**body, "cdc_enabled": True})
        said = {name: value for name, value in body.items() if name not in ("source_type", "tables")}
        config = configuring.cleaned(sources.remotes.connector(source_type).declaration, said)
        tables = [str(name) for name in body.get("tables") or ()]
        faults = await sources.settling.faults(source_type, config, wish or _wish(), tables)
        return {"valid": not faults, "errors": faults}

    @routes.post(f"{_BASE}/{{source_id}}/check_cdc_prerequisites_for_source")
    async def check_prerequisites_of_source(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: LogWish | None = None
    ) -> dict[str, Any]:
        """The same for a source that is there, with what it connects with."""
        source, config, _ = await asyncio.to_thread(sources.settling.opened, access.project_id, source_id)
        faults = await sources.settling.faults(source.source_type, config, body or _wish())
        return {"valid": not faults, "errors": faults}

    @routes.get(f"{_BASE}/{{source_id}}/cdc_status")
    async def get_status(access: Annotated[Access, Depends(may_read)], source_id: UUID) -> dict[str, Any]:
        """Slot and publication, and how many bytes the remote keeps for them."""
        return await sources.settling.status(access.project_id, source_id)


def _switching(routes: APIRouter, sources: Sources, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @routes.post(f"{_BASE}/{{source_id}}/enable_cdc")
    async def enable(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: LogWish | None = None
    ) -> dict[str, Any]:
        """Let tables of the source be kept in step by its log of changes."""
        await sources.settling.enable(access.project_id, source_id, body or _wish())
        return await sources.settling.status(access.project_id, source_id)

    @routes.post(f"{_BASE}/{{source_id}}/disable_cdc")
    def disable(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> dict[str, Any]:
        """Follow the log no more; its slot and publication are dropped where this server made them."""
        sources.settling.disable(access.project_id, source_id)
        return {"enabled": False}

    @routes.patch(f"{_BASE}/{{source_id}}/update_cdc_settings")
    async def change_settings(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: LogSettings
    ) -> dict[str, Any]:
        """Set the thresholds of how far behind the log may be read."""
        await asyncio.to_thread(sources.settling.change, access.project_id, source_id, body)
        return await sources.settling.status(access.project_id, source_id)
