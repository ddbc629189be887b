"""A DAG of 100 views over 1,000,000 rows, all made into tables in one wave, against the engine's bare statements.

The floor are the same `CREATE TABLE … AS` one after the other, in the order of the DAG.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from httpx import ASGITransport, AsyncClient

from bench.table import Measured, show
from hedgerow.app import House, build
from hedgerow.kit.ids import token
from hedgerow.kit.settings import Settings
from hedgerow.views import shelf
from hedgerow.views.runs import ledger
from hedgerow.views.runs.waves import Waves
from hedgerow.views.texts.preparing import compiled_text

_ROWS, _LAYERS, _WIDE, _ROUNDS = 1_000_000, 10, 10, 3
_PROJECT = "/api/projects/1"


def main() -> None:
    """Load, save the views, then both ways in turns."""
    asyncio.run(_measured())


async def _measured() -> None:
    key = token("phx_")
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"home": Path(folder, "home"), "throttle": False, "port": 0, "bootstrap_key": key}
        app = build(Settings(**chosen))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"}
        async with app.router.lifespan_context(app):
            async with AsyncClient(transport=ASGITransport(app=app), base_url="http://b", headers=headers) as client:
                await _load(client, Path(folder, "rows.parquet"))
            house: House = app.state.house
            rounds = [(await _wave(house), await _bare(house)) for _ in range(_ROUNDS)]
    ours, floor = (statistics.median(each) for each in zip(*rounds, strict=True))
    line = Measured("one wave; floor: CREATE TABLE AS, one by one", ours, floor, "s", "≤ 1.3", ours / floor <= 1.3)
    show("100 views over 1,000,000 rows made into tables", [line])


async def _load(client: AsyncClient, file: Path) -> None:
    numbers = pa.array(range(_ROWS), pa.int64())
    pq.write_table(pa.table({"id": numbers, "amount": numbers}), file)
    uploaded = {"file": ("rows.parquet", file.read_bytes(), "application/octet-stream")}
    path = f"{_PROJECT}/warehouse_tables/file"
    (await client.post(path, data={"name": "base", "format": "Parquet"}, files=uploaded)).raise_for_status()
    for layer in range(_LAYERS):
        for place in range(_WIDE):
            parent = f"v{layer - 1}_{place}" if layer else "base"
            text = (
                f"select id, amount + {place} as amount from {parent} where id % {_WIDE * 3} != {layer * 3 + place % 3}"
            )
            body = {"name": f"v{layer}_{place}", "query": {"kind": "HogQLQuery", "query": text}}
            (await client.post(f"{_PROJECT}/warehouse_saved_queries", json=body)).raise_for_status()


async def _wave(house: House) -> float:
    """Seconds from the wish to the last table."""
    began = time.perf_counter()
    await asyncio.to_thread(_begin, house)
    while await asyncio.to_thread(_left, house):
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


def _names() -> list[str]:
    return [f"v{layer}_{place}" for layer in range(_LAYERS) for place in range(_WIDE)]


def _begin(house: House) -> None:
    with house.store.write() as session:
        sequence = shelf.lock(session, 1)
        Waves(house.jobs.jobs).begin(session, sequence, list(shelf.named(session, 1, _names()).values()))


def _left(house: House) -> bool:
    with house.store.read() as session:
        found = ledger.newest(session, 1)
    assert not [run for run in found if run.status in {ledger.FAILED, ledger.SKIPPED}]
    return any(run.status in ledger.ACTIVE for run in found)


async def _bare(house: House) -> float:
    """The same statements over the tables that the wave has made."""
    house.warehouse.catalogs.forget(1)
    catalog = await house.warehouse.catalogs.fetch(1)
    with house.store.read() as session:
        texts = {name: view.text for name, view in shelf.named(session, 1, _names()).items()}
    compiled = [compiled_text(texts[name], catalog) for name in _names()]
    tables = [f"bare_{uuid4().hex}" for _ in compiled]
    began = time.perf_counter()
    for table, query in zip(tables, compiled, strict=True):
        sql = f"CREATE TABLE p1.{table} ENGINE = MergeTree ORDER BY tuple() AS {query.sql}"
        await house.engine.execute(sql, query.parameters)
    took = time.perf_counter() - began
    for table in tables:
        await house.engine.drop_table("p1", table)
    return took
