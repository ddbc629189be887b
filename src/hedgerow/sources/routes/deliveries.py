"""The route that remotes post their events to: without a key, each proven by its webhook's secret."""

import asyncio
import time
from uuid import UUID

from fastapi import APIRouter, Request

from hedgerow.connectors.webhooks import Delivery
from hedgerow.kit.errors import NotFound
from hedgerow.sources.opening import Sources
from hedgerow.sources.webhooks.receiving import DeliveryRefused
from hedgerow.web.limits.refusals import Refusals


def router(sources: Sources, refusals: Refusals) -> APIRouter:
    """Paths are absolute. Bodies are bounded before they come here, and read as they are: signatures are of bytes."""
    routes = APIRouter()

    @routes.post("/public/webhooks/dwh/{webhook_id}", include_in_schema=False)
    async def deliver(request: Request, webhook_id: str) -> dict[str, bool]:
        """Take an event; what is answered with 200 is kept."""
        refusals.check(request)
        delivery = Delivery(dict(request.headers), await request.body(), time.time())
        try:
            await asyncio.to_thread(sources.receiving.take, _id(webhook_id), delivery)
        except (NotFound, DeliveryRefused):
            await refusals.note(request)
            raise
        return {"received": True}

    return routes


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None
