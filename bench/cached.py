"""Cached runs: against a constant JSON answer of the same server and framework, and with 1,000 endpoints beside."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.load import Load, measure, post
from bench.processes import hedgerow, running
from bench.table import Measured, show
from hedgerow.kit.ids import token

_PORT, _FLOOR_PORT = 18_477, 18_478
_ROUNDS, _SECONDS = 7, 1.0
_QUERY = (
    "SELECT number % 50 AS country, count() AS n, sum(number) AS total FROM numbers(100000) "
    "WHERE number % 100 = {variables.customer} GROUP BY country ORDER BY country"
)
_ENDPOINTS, _VERSIONS = 1_000, 3
_RUN = "/api/projects/1/endpoints/{}/run"
_ASKED = b'{"variables":{"customer":%d}}'
Ask = Callable[[int], bytes]


def main() -> None:
    """One endpoint against the constant answer; then all endpoints and versions in turn; the time of their list."""
    key = token("phx_")
    headers = {"Authorization": f"Bearer {key}"}
    with tempfile.TemporaryDirectory() as home, hedgerow(home, _PORT, key):
        base = f"http://127.0.0.1:{_PORT}/api/projects/1"
        with httpx.Client(base_url=base, headers=headers, timeout=60) as api:
            _check(api.post("/insight_variables", json={"name": "customer", "type": "Number", "default_value": 1}))
            _make(api, "e0")
            content = _check(api.post("/endpoints/e0/run", json={"variables": {"customer": 1}})).content
            with _floor(content):
                _report_one(key)
            _report_many(api, key)


def _report_one(key: str) -> None:
    def ours(number: int) -> bytes:
        return post(_RUN.format("e0"), _ASKED % (number % 10), key)

    def floor(_: int) -> bytes:
        return post("/constant", _ASKED % 1, key)

    lines = []
    for connections in (1, 16):
        rounds = [_pair(ours, floor, connections) for _ in range(_ROUNDS)]
        mine, other = (sorted((r[i] for r in rounds), key=lambda load: load.rate)[_ROUNDS // 2] for i in (0, 1))
        ratio = statistics.median(r[0].rate / r[1].rate for r in rounds)
        late = statistics.median(r[0].p99 / r[1].p99 for r in rounds)
        name = f"{connections} connection{'s' * (connections > 1)}"
        lines += [
            Measured(f"{name}, answers a second", mine.rate, other.rate, "", ">= 0.7", ratio >= 0.7),
            Measured("  p50", mine.p50, other.p50, "ms", ""),
            Measured("  p99", mine.p99, other.p99, "ms", "<= 3", late <= 3),
        ]
    show("A cached run, authenticated; floor: the same bytes as a constant, unauthenticated", lines)


def _pair(ours: Ask, floor: Ask, connections: int) -> tuple[Load, Load]:
    return measure(_PORT, ours, connections, _SECONDS), measure(_FLOOR_PORT, floor, connections, _SECONDS)


def _report_many(api: httpx.Client, key: str) -> None:
    for number in range(1, _ENDPOINTS):
        _make(api, f"e{number}")
    for number in range(_ENDPOINTS):
        for version in range(2, _VERSIONS + 1):
            query = {"kind": "HogQLQuery", "query": f"{_QUERY} LIMIT {version * 10}"}
            _check(api.patch(f"/endpoints/e{number}", json={"query": query}))
    answers = len(api.get("/endpoints?limit=100").json()["results"])
    listed = statistics.median(_seconds(lambda: api.get("/endpoints?limit=100")) for _ in range(15)) * 1e3

    def one(_: int) -> bytes:
        return post(_RUN.format("e0"), b'{"version":3,"variables":{"customer":1}}', key)

    def all_of_them(number: int) -> bytes:
        body = b'{"version":%d,"variables":{"customer":1}}' % (number // _ENDPOINTS % _VERSIONS + 1)
        return post(_RUN.format(f"e{number * 7 % _ENDPOINTS}"), body, key)

    measure(_PORT, all_of_them, 1, 30.0)  # each once, and some twice: all are known from here on
    rounds = [(measure(_PORT, all_of_them, 1, 2.0), measure(_PORT, one, 1, 2.0)) for _ in range(_ROUNDS)]
    ratio = statistics.median(mine.rate / alone.rate for mine, alone in rounds)
    mine, alone = (statistics.median(r[i].rate for r in rounds) for i in (0, 1))
    show(
        f"{_ENDPOINTS:,} endpoints with {_VERSIONS} versions each",
        [
            Measured("cached runs of all in turn a second; floor: of one", mine, alone, "", ">= 0.9", ratio >= 0.9),
            Measured(f"a list of {answers}", listed, 50.0, "ms", "<= 50 ms", listed <= 50),
        ],
    )


def _make(api: httpx.Client, name: str) -> None:
    _check(api.post("/endpoints", json={"name": name, "query": {"kind": "HogQLQuery", "query": _QUERY}}))


def _check(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, answer.text
    return answer


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _floor(content: bytes) -> Iterator[None]:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        command = [sys.executable, "-m", "bench.cached", file.name]
        with running(command, f"http://127.0.0.1:{_FLOOR_PORT}/ready"):
            yield


def _serve_floor(content: bytes) -> None:
    """In a process of its own: the same bytes from FastAPI's plainest route, behind the same HTTP server."""
    import uvicorn
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    async def constant(request: Request) -> Response:
        await request.body()
        return Response(content, media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response()

    app = FastAPI()
    app.add_route("/constant", constant, methods=["POST"])
    app.add_route("/ready", ready)
    uvicorn.run(app, port=_FLOOR_PORT, log_level="error", access_log=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve_floor(Path(sys.argv[1]).read_bytes())
    else:
        main()
