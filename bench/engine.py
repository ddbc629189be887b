"""The engine pool alone: a trivial query, sixteen at once, and a large answer against the engine's own writing."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.table import Measured, show
from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import Query
from hedgerow.kit.values import Bound

_LARGE = "SELECT number, toString(number) AS s, number * 1.5 AS f, toDateTime(number) AS t FROM numbers(10000)"


async def _measure(engine: ChdbEngine) -> list[Measured]:
    async def small(value: int) -> float:
        began = time.perf_counter()
        await engine.run(Query("SELECT {v:Int64}", {"v": Bound("Int64", value)}))
        return time.perf_counter() - began

    async def worker(count: int) -> None:
        for i in range(count):
            await small(i)

    await worker(50)
    # In turns, so that what else the machine does is on both sides.
    small_pairs = [(await small(i), await asyncio.to_thread(_raw, engine, "SELECT {v:Int64}")) for i in range(300)]
    alone, raw = (statistics.median(column) * 1000 for column in zip(*small_pairs, strict=True))
    large_pairs = [(await _large(engine), await asyncio.to_thread(_raw, engine, _LARGE)) for _ in range(100)]
    large, raw_large = (statistics.median(column) * 1000 for column in zip(*large_pairs, strict=True))
    began = time.perf_counter()
    await asyncio.gather(*(worker(100) for _ in range(16)))
    many = 1600 / (time.perf_counter() - began)
    return [
        Measured("a bound query, one after the other", alone, raw, "ms", "close to the raw connection"),
        Measured("queries a second, sixteen at once", many, 1000 / raw, "/s", "above one connection's"),
        Measured("10,000 rows x 4 columns as an answer", large, raw_large, "ms", "<= 1.5", large <= 1.5 * raw_large),
    ]


async def _large(engine: ChdbEngine) -> float:
    began = time.perf_counter()
    (await engine.run(Query(_LARGE))).json_rows()
    return time.perf_counter() - began


def _raw(engine: ChdbEngine, sql: str) -> float:
    connection = engine._connection()
    began = time.perf_counter()
    connection.query(sql, "JSONCompactEachRow", params={"v": "1"}).bytes()
    return time.perf_counter() - began


def main() -> None:
    """Measure on a fresh folder."""

    async def run() -> list[Measured]:
        with tempfile.TemporaryDirectory() as folder:
            engine = ChdbEngine(Path(folder))
            try:
                return await _measure(engine)
            finally:
                await engine.close()

    show("The embedded engine's pool against a raw connection", asyncio.run(run()))


if __name__ == "__main__":
    main()
