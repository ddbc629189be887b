"""Health: the process, its parts, its figures."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hedgerow.kit.settings import Settings
from hedgerow.web.application import create
from hedgerow.web.telemetry import health
from hedgerow.web.telemetry.metrics import Metrics
from tests.support.in_process import InProcess, running


async def good() -> bool:
    return True


async def bad() -> bool:
    return False


async def broken() -> bool:
    raise OSError("gone")


async def stuck() -> bool:
    await asyncio.sleep(60)
    return True


def with_probes(**probes: health.Probe) -> Any:
    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        app.include_router(health.router(probes, app.state.metrics))
        yield

    return running(create(Settings(), Metrics(), lifespan))


@pytest.fixture
def ready() -> Iterator[InProcess]:
    with with_probes(store=good, engine=good) as server:
        yield server


def test_ready_when_all_parts_answer(ready: InProcess) -> None:
    answer = ready.request("GET", "/readyz/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "store": "ok", "engine": "ok"})


def test_alive_whatever_its_parts_do() -> None:
    with with_probes(store=bad) as server:
        assert server.request("GET", "/healthz").status_code == 200
        assert server.request("HEAD", "/healthz").status_code == 200


@pytest.mark.parametrize("probe", [bad, broken, stuck])
def test_not_ready_names_the_part(probe: health.Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PROBE_SECONDS", 0.05)
    with with_probes(store=good, engine=probe) as server:
        answer = server.request("GET", "/readyz")
    expected = {"status": "unavailable", "store": "ok", "engine": "unavailable"}
    assert (answer.status_code, answer.json()) == (503, expected)


def test_metrics_page(ready: InProcess) -> None:
    ready.app.state.metrics.watch("hedgerow_answers", "For the test.", lambda: 42)
    ready.request("GET", "/healthz")
    answer = ready.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "hedgerow_answers 42.0" in answer.text
    assert 'hedgerow_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in answer.text
