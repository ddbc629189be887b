"""A DAG of 100 views over 1,000,000 rows, all made into tables in one wave, against the engine's bare statements.

The floor are the same `CREATE TABLE … AS` one after the other, in the order of the DAG. The peers are dbt-core with
dbt-duckdb, and SQLMesh, on the same texts over the same rows.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from httpx import ASGITransport, AsyncClient

from bench.peers import environment, modelling
from bench.table import Measured, show
from hedgerow.app import House, build
from hedgerow.jobs import Job
from hedgerow.kit.ids import token
from hedgerow.kit.settings import Settings
from hedgerow.views import shelf
from hedgerow.views.runs import ledger
from hedgerow.views.runs.waves import WAVE, Waves
from hedgerow.views.texts.preparing import compiled_text

_ROWS, _LAYERS, _WIDE, _ROUNDS = 1_000_000, 10, 10, 3
_PEER_ROUNDS = 1
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
            idle = [await _idle(house) for _ in range(_ROUNDS)]
        peers = list(_peers(Path(folder)))
    ours, floor = (statistics.median(each) for each in zip(*rounds, strict=True))
    line = Measured("one wave; floor: CREATE TABLE AS, one by one", ours, floor, "s", "≤ 1.3", ours / floor <= 1.3)
    took = 1_000 * statistics.median(idle)
    nothing = Measured("a wave with nothing to do", took, 0.0, "ms", "≤ 100", took <= 100)
    beside = [Measured(f"the same; peer: {name}", ours, took, "s", "< 1", ours < took) for name, took in peers]
    show("100 views over 1,000,000 rows made into tables", [line, nothing, *beside])


def _peers(folder: Path) -> Iterator[tuple[str, float]]:
    """Other tools by name and version, with two threads where they can, and seconds for the same tables."""
    for peer in modelling.PEERS:
        try:
            taken = modelling.seconds(peer, folder / peer, folder / "rows.parquet", _models(), _PEER_ROUNDS)
        except environment.Absent as reason:
            print(f"not compared: {reason}")
        else:
            yield f"{environment.version(peer)} on DuckDB", statistics.median(taken)


async def _load(client: AsyncClient, file: Path) -> None:
    numbers = pa.array(range(_ROWS), pa.int64())
    pq.write_table(pa.table({"id": numbers, "amount": numbers}), file)
    uploaded = {"file": ("rows.parquet", file.read_bytes(), "application/octet-stream")}
    path = f"{_PROJECT}/warehouse_tables/file"
    (await client.post(path, data={"name": "base", "format": "Parquet"}, files=uploaded)).raise_for_status()
    for name, (text, parent) in _models().items():
        body = {"name": name, "query": {"kind": "HogQLQuery", "query": text.format(parent=parent)}}
        (await client.post(f"{_PROJECT}/warehouse_saved_queries", json=body)).raise_for_status()


def _models() -> dict[str, tuple[str, str]]:
    """Texts by name, each with what it reads at `{parent}`."""
    return {
        f"v{layer}_{place}": (
            f"select id, amount + {place} as amount from {{parent}} where id % {_WIDE * 3} != {layer * 3 + place % 3}",
            f"v{layer - 1}_{place}" if layer else "base",
        )
        for layer in range(_LAYERS)
        for place in range(_WIDE)
    }


async def _wave(house: House) -> float:
    """Seconds from the wish to the last table."""
    began = time.perf_counter()
    await asyncio.to_thread(_begin, house)
    while await asyncio.to_thread(_left, house):
        await asyncio.sleep(0.05)  # seldom: looking takes the processor from what is measured
    took = time.perf_counter() - began
    await asyncio.to_thread(_require_success, house)
    return took


async def _idle(house: House) -> float:
    """Seconds from the schedule's wish to the end of a wave in which nothing has changed."""
    began = time.perf_counter()
    wish = await asyncio.to_thread(_schedule, house)
    while (job := await asyncio.to_thread(_job, house, wish)) is None or job.state in {"waiting", "running"}:
        await asyncio.sleep(0.005)
    took = time.perf_counter() - began
    assert job.result == {"views": _LAYERS * _WIDE, "unchanged": _LAYERS * _WIDE}, job
    return took


def _schedule(house: House) -> UUID:
    with house.store.write() as session:
        sequence = shelf.lock(session, 1)
        for view in shelf.named(session, 1, _names()).values():
            if view.sync_frequency is None:
                shelf.change(session, view, sequence, {"sync_frequency": "1hour"})
    with house.store.write() as session:
        return house.jobs.jobs.enqueue(session, WAVE, "views:1:1hour", {"frequency": "1hour"}, project_id=1)


def _job(house: House, wish: UUID) -> Job | None:
    with house.store.read() as session:
        return house.jobs.jobs.get(session, wish)


def _names() -> list[str]:
    return [f"v{layer}_{place}" for layer in range(_LAYERS) for place in range(_WIDE)]


def _begin(house: House) -> None:
    with house.store.write() as session:
        sequence = shelf.lock(session, 1)
        Waves(house.jobs.jobs).begin(session, sequence, list(shelf.named(session, 1, _names()).values()))


def _left(house: House) -> bool:
    with house.store.read() as session:
        return bool(ledger.active(session, 1, ledger.RUNNING)) or bool(ledger.active(session, 1))


def _require_success(house: House) -> None:
    with house.store.read() as session:
        found = ledger.newest(session, 1)
    assert all(run.status == ledger.COMPLETED for run in found)


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
