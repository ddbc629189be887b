"""`/healthz`, `/readyz` and `/metrics`: what machines ask a server about itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from hedgerow.web.telemetry.metrics import CONTENT_TYPE, Metrics

Probe = Callable[[], Awaitable[bool]]
_PROBE_SECONDS = 3.0
_log = structlog.get_logger("hedgerow.health")


def router(probes: Mapping[str, Probe], metrics: Metrics) -> APIRouter:
    """`probes` by the name of what they ask; one that raises or takes over 3 s counts as not ready."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @routes.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        answers = await asyncio.gather(*(_ask(name, probe) for name, probe in probes.items()))
        parts = dict(zip(probes, answers, strict=True))
        ready = all(parts.values())
        words = {name: "ok" if good else "unavailable" for name, good in parts.items()}
        return JSONResponse({"status": "ok" if ready else "unavailable", **words}, 200 if ready else 503)

    @routes.get("/metrics")
    def read_metrics() -> Response:
        return Response(metrics.page(), media_type=CONTENT_TYPE)

    return routes


async def _ask(name: str, probe: Probe) -> bool:
    try:
        return await asyncio.wait_for(probe(), _PROBE_SECONDS)
    except Exception as error:
        _log.warning("not ready", part=name, error=repr(error))
        return False
