"""A model over 5,000,000 rows made bit by bit after 10,000 more have come, against making all of it."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from httpx import ASGITransport, AsyncClient

from bench.table import Measured, show
from hedgerow.app import build
from hedgerow.kit.ids import token
from hedgerow.kit.settings import Settings

_ROWS, _MORE, _ROUNDS = 5_000_000, 10_000, 3
_PROJECT = "/api/projects/1"
_MODELS = {
    "rows, replaced by range": ("select id, ts, amount * 2 as twice from base", {"incremental_key": "ts"}),
    "rows, by unique key": (
        "select id, ts, amount * 3 as thrice from base",
        {"incremental_key": "ts", "unique_key": "id", "lookback_seconds": 60},
    ),
    "grouped by minute": (
        "select toStartOfMinute(ts) as minute, id % 100 as part, sum(amount) as total, uniq(id) as ids "
        "from base group by minute, part",
        {"incremental_key": "minute"},
    ),
}


def main() -> None:
    """Load, make each model whole, then add rows and make it both ways in turns."""
    asyncio.run(_measured())


async def _measured() -> None:
    key = token("phx_")
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"home": Path(folder, "home"), "throttle": False, "port": 0, "bootstrap_key": key}
        app = build(Settings(**chosen))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app=app), base_url="http://b", headers=headers, timeout=600) as client,
        ):
            await _load(client, Path(folder, "rows.parquet"), _ROWS)
            ids = [await _saved(client, f"m{place}", *model) for place, model in enumerate(_MODELS.values())]
            for view_id in ids:
                await _run(client, view_id, "full")
            lines = await _rounds(client, Path(folder, "rows.parquet"), ids)
    show(f"models over {_ROWS:,} rows after {_MORE:,} more", lines)


async def _rounds(client: AsyncClient, file: Path, ids: list[str]) -> list[Measured]:
    times: dict[str, list[tuple[float, float]]] = {view_id: [] for view_id in ids}
    for number in range(1, _ROUNDS + 1):
        await _load(client, file, _ROWS + number * _MORE)
        for view_id in ids:
            part = await _run(client, view_id, "incremental")
            times[view_id].append((part, await _run(client, view_id, "full", full_refresh=True)))
    lines = []
    for name, pairs in zip(_MODELS, times.values(), strict=True):
        part, whole = (1_000 * statistics.median(each) for each in zip(*pairs, strict=True))
        lines.append(Measured(f"{name}; floor: all of it", part, whole, "ms", "< 1", part < whole))
    return lines


async def _load(client: AsyncClient, file: Path, rows: int) -> None:
    numbers = pa.array(range(rows), pa.int64())
    moments = pa.array([1_700_000_000 + number // 100 for number in range(rows)], pa.timestamp("s", "UTC"))
    pq.write_table(pa.table({"id": numbers, "ts": moments, "amount": numbers}), file)
    uploaded = {"file": ("rows.parquet", file.read_bytes(), "application/octet-stream")}
    path = f"{_PROJECT}/warehouse_tables/file"
    (await client.post(path, data={"name": "base", "format": "Parquet"}, files=uploaded)).raise_for_status()


async def _saved(client: AsyncClient, name: str, text: str, incremental: dict[str, Any]) -> str:
    body = {"name": name, "query": {"kind": "HogQLQuery", "query": text}, "incremental": incremental}
    made = (await client.post(f"{_PROJECT}/warehouse_saved_queries", json=body)).raise_for_status().json()
    return str(made["id"])


async def _run(client: AsyncClient, view_id: str, mode: str, **body: Any) -> float:
    """Seconds from the wish to the table."""
    path = f"{_PROJECT}/warehouse_saved_queries/{view_id}"
    began = time.perf_counter()
    (await client.post(f"{path}/run", json=body or None)).raise_for_status()
    while (view := (await client.get(path)).json())["status"] == "Running":
        await asyncio.sleep(0.01)
    took = time.perf_counter() - began
    newest = (await client.get(f"{path}/run_history")).json()["run_history"][0]
    assert (view["status"], newest["mode"]) == ("Completed", mode), view
    return took
