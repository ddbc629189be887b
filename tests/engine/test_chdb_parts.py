"""How a file's rows lie in the embedded engine."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import LocalFile


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
