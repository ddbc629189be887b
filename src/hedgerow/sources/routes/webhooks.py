"""The routes of sources' webhooks: this server takes none, and says so to whoever asks."""

from typing import Annotated, Any, NoReturn
from uuid import UUID

from fastapi import APIRouter, Depends

from hedgerow.sources.opening import Sources
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.web.access import Access, Gate

_BASE = "/external_data_sources/{source_id}"
_ACTIONS = ("create_webhook", "update_webhook_inputs", "delete_webhook")


def router(sources: Sources, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    may_read, may_write = gate.project("external_data_source:read"), gate.project("external_data_source:write")

    def refuse(access: Access, source_id: UUID) -> NoReturn:
        source, _ = sources.changing.opened(access.project_id, source_id)
        text = f"{source.source_type} sources take no webhooks on this server: their tables are kept in step by syncs."
        raise ActionRefused(text, code="webhooks_unsupported")

    @routes.get(f"{_BASE}/webhook_info")
    def tell_webhook(access: Annotated[Access, Depends(may_read)], source_id: UUID) -> dict[str, Any]:
        """The source's webhook: there is none."""
        sources.changing.opened(access.project_id, source_id)
        return {"supports_webhooks": False, "exists": False, "webhook_url": None}

    for action in _ACTIONS:

        @routes.post(f"{_BASE}/{action}", name=action)
        def act(access: Annotated[Access, Depends(may_write)], source_id: UUID) -> None:
            """Refused: this server takes no webhooks."""
            refuse(access, source_id)

    return routes
