"""Running endpoints over 1,000,000 rows: the whole server against bare Starlette over the same engine pool."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq

from bench.load import Load, measure, post
from bench.payments import CUSTOMERS, payments
from bench.processes import hedgerow, running
from bench.table import Measured, show
from hedgerow.kit.ids import token
from hedgerow.kit.settings import Settings

_SORTED = ["customer_id"]
_PORT, _FLOOR_PORT = 18_475, 18_476
_ROUNDS, _SECONDS = 7, 1.0
_COLD = (
    "SELECT country, count() AS n, sum(amount) AS total, max(ts) AS last_ts FROM payments "
    "WHERE customer_id = {variables.customer} GROUP BY country ORDER BY country"
)
_WIDE = "SELECT id, country, amount, ts FROM payments LIMIT 10000"
_RUN = "/api/projects/1/endpoints/{}/run"


def main() -> None:
    """Load the rows into both servers, measure them in turns."""
    key = token("phx_")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "payments.parquet")
        pq.write_table(payments(), file)
        with hedgerow(Path(folder, "home"), _PORT, key, upload_max_bytes=str(1 << 30)), _floor(file):
            _load(file, key)
            _report(key)


def _report(key: str) -> None:
    rounds = [_round(key) for _ in range(_ROUNDS)]
    one, one_floor, pool, many, many_floor, wide, wide_floor = (_middle([r[i] for r in rounds]) for i in range(7))
    # Of rounds, not of medians: what else the machine does then is on both sides.
    added = statistics.median(r[0].p50 - r[2].p50 for r in rounds)
    over = statistics.median(r[0].p50 - r[1].p50 for r in rounds)
    ratio = statistics.median(r[3].rate / r[4].rate for r in rounds)
    wider = statistics.median(r[5].p50 / r[6].p50 for r in rounds)
    show(
        "A run of a parametrised query over 1,000,000 rows",
        [
            Measured("1 connection; floor: bare Starlette over the pool", one.p50, one_floor.p50, "ms", ""),
            Measured("1 connection; floor: the engine pool alone, no HTTP", one.p50, pool.p50, "ms", ""),
            Measured("  added to the pool alone", added, 1.0, "ms", "<= 1.0 ms", added <= 1.0),
            Measured("  added to bare Starlette", over, 1.0, "ms", ""),
            Measured("16 connections, answers a second; floor: Starlette", many.rate, many_floor.rate, "",
                     ">= 0.75", ratio >= 0.75),
            Measured("10,000 rows x 4; floor: the engine alone", wide.p50, wide_floor.p50, "ms", "<= 1.5",
                     wider <= 1.5),
        ],
    )  # fmt: skip


def _round(key: str) -> tuple[Load, ...]:
    """Ours, Starlette and the pool at one connection; ours and Starlette at sixteen; many rows, ours and the pool."""

    def ours(number: int) -> bytes:
        body = b'{"refresh":"force","variables":{"customer":%d}}' % (number * 7919 % CUSTOMERS)
        return post(_RUN.format("cold"), body, key)

    def floor(number: int) -> bytes:
        return post("/run", b"%d" % (number * 7919 % CUSTOMERS), key)

    def wide(_: int) -> bytes:
        return post(_RUN.format("wide"), b'{"refresh":"force"}', key)

    alone = measure(_PORT, ours, 1, _SECONDS), measure(_FLOOR_PORT, floor, 1, _SECONDS), _direct("cold")
    many = measure(_PORT, ours, 16, _SECONDS), measure(_FLOOR_PORT, floor, 16, _SECONDS)
    return *alone, *many, measure(_PORT, wide, 1, _SECONDS), _direct("wide")


def _direct(what: str) -> Load:
    """The engine pool alone, measured inside the floor's process."""
    p50: float = httpx.get(f"http://127.0.0.1:{_FLOOR_PORT}/direct/{what}", timeout=60).json()
    return Load(1e3 / p50, p50)


def _middle(loads: list[Load]) -> Load:
    return sorted(loads, key=lambda load: load.p50)[len(loads) // 2]


def _load(file: Path, key: str) -> None:
    """The rows as one Parquet file through the public API, then a variable and two endpoints."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{_PORT}/api/projects/1", headers=headers, timeout=300) as api:
        with file.open("rb") as content:
            form = {"name": "payments", "format": "Parquet", "options": json.dumps({"order_by": _SORTED})}
            _made(api.post("/warehouse_tables/file", data=form, files={"file": ("payments.parquet", content)}))
        _made(api.post("/insight_variables", json={"name": "customer", "type": "Number", "default_value": 1}))
        for name, query in {"cold": _COLD, "wide": _WIDE}.items():
            _made(api.post("/endpoints", json={"name": name, "query": {"kind": "HogQLQuery", "query": query}}))


def _made(answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text


@contextmanager
def _floor(file: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.run", str(file)]
    with running(command, f"http://127.0.0.1:{_FLOOR_PORT}/ready"):
        yield


def _serve_floor(file: Path) -> None:
    """In a process of its own: the same SQL over the same pool, behind Starlette and the same HTTP server."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from hedgerow.engine.base import Query
    from hedgerow.engine.opening import open_engine

    engine = open_engine(Settings(home=file.parent / "floor"))
    cold, wide = asyncio.run(_compiled(engine, file))
    carrier = cold.variable_parameters["customer"][0]
    kind = type(cold.parameters[carrier])

    def query(customer: int) -> Query:
        bound = kind(cold.parameters[carrier].type, customer)
        return Query(cold.sql, {**cold.parameters, carrier: bound})

    async def run(request: Request) -> Response:
        answer = await engine.run(query(int(await request.body())))
        return Response(b'{"results":' + answer.json_rows() + b"}", media_type="application/json")

    async def direct(request: Request) -> Response:
        asked = query if request.path_params["what"] == "cold" else lambda _: Query(wide.sql, wide.parameters)
        found = await _median(lambda n: engine.run(asked(n * 7919 % CUSTOMERS)), 150)
        return Response(json.dumps(found), media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response()

    routes = [Route("/run", run, methods=["POST"]), Route("/direct/{what}", direct), Route("/ready", ready)]
    uvicorn.run(Starlette(routes=routes), port=_FLOOR_PORT, log_level="error")


async def _median(ask: Callable[[int], Any], times: int) -> float:
    taken = []
    for number in range(times):
        began = time.perf_counter()
        await ask(number)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2] * 1e3


async def _compiled(engine: Any, file: Path) -> tuple[Any, Any]:
    """Load the file as a table; both endpoints' SQL as the server makes it."""
    from hedgerow.engine.result import LocalFile
    from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
    from hedgerow.language.query.pipeline import CompileOptions, compile_query

    columns = await engine.describe_file(LocalFile(file, "Parquet"))
    await engine.create_database("p1")
    await engine.create_table("p1", "t", columns, _SORTED, looked_up=True)
    await engine.insert_file("p1", "t", LocalFile(file, "Parquet"), columns)
    kept = tuple(TableColumn(column.name, column.type, column.name) for column in columns)
    catalog = Catalog(1, "p1", {"payments": Table("payments", PhysicalTable("p1", "t"), kept)})
    cold = compile_query(_COLD, catalog, CompileOptions({"customer": 1}))
    return cold, compile_query(_WIDE, catalog, CompileOptions(look_ahead=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve_floor(Path(sys.argv[1]))
    else:
        main()
