"""The routes of sources' webhooks: made, told of, given their secrets, deleted."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from hedgerow.sources.form.bodies import WebhookInputs
from hedgerow.sources.opening import Sources
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate

_BASE = "/external_data_sources/{source_id}"


def router(sources: Sources, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    may_read, may_write = gate.project("external_data_source:read"), gate.project("external_data_source:write")
    arranging = sources.arranging

    @routes.get(f"{_BASE}/webhook_info")
    async def tell_webhook(
        request: Request, access: Annotated[Access, Depends(may_read)], source_id: UUID
    ) -> dict[str, Any]:
        """The source's webhook, as it is here and at the remote."""
        return await arranging.info(access.project_id, source_id, pages.site(request))

    @routes.post(f"{_BASE}/create_webhook")
    async def create_webhook(
        request: Request, access: Annotated[Access, Depends(may_write)], source_id: UUID
    ) -> dict[str, Any]:
        """Have the remote tell of changes by itself; where it refuses, the answer says what to do by hand."""
        public = bool(request.app.state.site_url)
        return await arranging.create(access.project_id, source_id, pages.site(request), public=public)

    @routes.post(f"{_BASE}/update_webhook_inputs")
    async def update_webhook_inputs(
        access: Annotated[Access, Depends(may_write)], source_id: UUID, body: WebhookInputs | None = None
    ) -> dict[str, Any]:
        """Give what proves deliveries, where the webhook was registered by hand."""
        return await arranging.give(access.project_id, source_id, body.inputs if body else None)

    @routes.post(f"{_BASE}/delete_webhook")
    async def delete_webhook(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> dict[str, Any]:
        """Take no more events; refused while tables are synced by them."""
        return await arranging.delete(access.project_id, source_id)

    return routes
