"""The composition root: opens what the settings name, introduces the rooms to each other, mounts their routes."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from hedgerow import __version__
from hedgerow.cache import open_cache
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.rates import Rate
from hedgerow.kit.settings import Settings
from hedgerow.web import health, logs, schema, serving
from hedgerow.web.application import create
from hedgerow.web.metrics import Metrics
from hedgerow.web.throttles import Throttles


def build(settings: Settings) -> FastAPI:
    """The whole application. Nothing is opened before its lifespan begins; all is closed when it ends."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            cache = open_cache(settings.cache_url.get_secret_value())
            opened.push_async_callback(cache.close)
            throttles = Throttles(cache, _rates(settings))
            app.include_router(health.router({"cache": cache.ready}, metrics))
            app.include_router(schema.router(app))
            yield

    return create(settings, metrics, lifespan)


def _rates(settings: Settings) -> dict[str, list[Rate]]:
    if not settings.throttle:
        return {}
    texts = {
        "default": (settings.throttle_burst, settings.throttle_sustained),
        "query": (settings.throttle_query_burst, settings.throttle_query_sustained),
    }
    return {bucket: [rate for text in each if (rate := Rate.parse(text))] for bucket, each in texts.items()}


def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit status. Says where it listens, or in one line why it cannot."""
    logs.configure(settings.log_level, settings.log_format)
    try:
        bound = serving.listen(settings.host, settings.port)
        app = build(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serving.serve(app, bound, lambda: _announce(app, serving.address(bound))))
    except (serving.CannotListen, HedgerowError) as error:
        print(f"hedgerow: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _announce(app: FastAPI, address: str) -> None:
    lines = [f"Hedgerow {__version__} listens on {address}", f"  docs  {address}/api/docs/"]
    if first_key := getattr(app.state, "first_key", None):
        lines += [f"  key   {first_key}", "        (of project 1, with every scope; it is not shown again)"]
        app.state.first_key = None
    print("\n".join(lines), flush=True)
