"""A query that fails half-way leaves nothing behind: chDB would open its connection's next answer with those rows."""

import asyncio

import pytest

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.errors import EngineError
from hedgerow.engine.result import Query

_FAILS_HALF_WAY = Query(
    "SELECT number, throwIf(number = 150000) FROM numbers(200000)", settings={"max_block_size": 1000}
)


@pytest.mark.anyio
async def test_failed_query_leaves_no_rows_in_the_next_answer(chdb_engine: ChdbEngine) -> None:
    async def fail_then_ask() -> bytes:
        with pytest.raises(EngineError):
            await chdb_engine.run(_FAILS_HALF_WAY)
        return (await chdb_engine.run(Query("SELECT 1"))).rows

    for _ in range(3):
        assert set(await asyncio.gather(*(fail_then_ask() for _ in range(8)))) == {b"[1]\n"}
