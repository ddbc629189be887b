"""The composition root: opens what the settings name, introduces the rooms to each other, mounts their routes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from hedgerow.cache import open_cache
from hedgerow.kit.settings import Settings
from hedgerow.web import health, schema
from hedgerow.web.application import create
from hedgerow.web.metrics import Metrics


def build(settings: Settings) -> FastAPI:
    """The whole application. Nothing is opened before its lifespan begins; all is closed when it ends."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            cache = open_cache(settings.cache_url.get_secret_value())
            opened.push_async_callback(cache.close)
            app.include_router(health.router({"cache": cache.ready}, metrics))
            app.include_router(schema.router(app))
            yield

    return create(settings, metrics, lifespan)
