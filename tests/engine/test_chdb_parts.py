"""How rows lie in the embedded engine: those of a file, and those that come by little pieces."""

import asyncio
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import Column, LocalFile, Query


@pytest.mark.anyio
async def test_a_small_file_lies_in_one_part(chdb_engine: ChdbEngine, tmp_path: Path) -> None:
    count = 200_000
    parquet.write_table(pa.table({"id": range(count)}), tmp_path / "ids.parquet")
    file = LocalFile(tmp_path / "ids.parquet", "Parquet")
    await chdb_engine.create_database("parts")
    columns = await chdb_engine.describe_file(file)
    await chdb_engine.create_table("parts", "ids", columns, ("id",))
    assert await chdb_engine.insert_file("parts", "ids", file, columns) == count
    size = await chdb_engine.size("parts", "ids")
    await chdb_engine.drop_table("parts", "ids")
    assert (size.rows, size.parts) == (count, 1)


async def _add(engine: ChdbEngine, table: str, pieces: int) -> None:
    for number in range(pieces):
        await engine.insert_arrow("parts", table, [pa.record_batch({"id": pa.array([number], pa.int64())})])


@pytest.mark.anyio
async def test_pieces_of_a_small_table_are_merged_soon_and_of_a_large_one_as_usual(chdb_engine: ChdbEngine) -> None:
    engine = chdb_engine
    await engine.create_database("parts")
    await engine.create_table("parts", "whole", [Column("id", "Int64")], ("id",))
    await engine.hold_merges("parts", "whole")
    await _add(engine, "whole", 3)
    await engine.clone_table("parts", "small", "whole", merging=False)
    await engine.clone_table("parts", "large", "small", merging=False)
    assert [(await engine.size("parts", table)).parts for table in ("small", "large")] == [3, 3]
    await engine.let_merge("parts", "large", 1 << 40)
    await engine.let_merge("parts", "small", 1_000)
    end = time.monotonic() + 30
    while (await engine.size("parts", "small")).parts == 3 and time.monotonic() < end:
        await asyncio.sleep(0.05)
    sizes = [await engine.size("parts", table) for table in ("small", "large")]
    assert [size.rows for size in sizes] == [3, 3]
    assert (sizes[0].parts < 3, sizes[1].parts) == (True, 3)
    await engine.let_merge("parts", "small", 1 << 40)  # it has grown
    made = await engine.run(Query("SELECT create_table_query FROM system.tables WHERE name = 'small'"))
    for table in ("whole", "small", "large"):
        await engine.drop_table("parts", table)
    assert b"merge_selector_base" not in made.rows
