"""Physical tables made from queries: built aside, published, retired, and cleaned up after whatever went wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from hedgerow.engine.base import Engine, Limits, Progress, Query
from hedgerow.engine.errors import EngineError
from hedgerow.kit.clock import now
from hedgerow.kit.values import Bound
from hedgerow.materialize import BuildLost, Tables
from hedgerow.materialize.rows import BuiltTableRow
from hedgerow.store import Store
from hedgerow.warehouse.catalog import database

SQUARES = Query("SELECT number AS n, n * n AS square FROM numbers({many:UInt64})", {"many": Bound("UInt64", 100)})
SLOW = Query("SELECT number AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1")

pytestmark = pytest.mark.anyio


@pytest.fixture
def project_id() -> int:
    return uuid4().int % 10**12


@pytest.fixture
async def tables(store: Store, chdb_engine: Engine) -> AsyncIterator[Tables]:
    made = Tables(store, chdb_engine, grace=timedelta(0))
    yield made
    await made.close()


def states(store: Store) -> dict[str, str]:
    with store.read() as session:
        return {row.physical: row.state for row in session.query(BuiltTableRow)}


async def test_what_is_built_and_published_stays(
    tables: Tables, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    built = await tables.build(project_id, SQUARES, ["n"])
    assert (built.rows, [c.name for c in built.columns]) == (100, ["n", "square"])
    with store.write() as session:
        tables.publish(session, [built.physical])
    await tables.sweep(orphans=True)
    assert await chdb_engine.tables(database(project_id)) == {built.physical}


async def test_a_retired_table_goes(tables: Tables, store: Store, chdb_engine: Engine, project_id: int) -> None:
    built = await tables.build(project_id, SQUARES)
    with store.write() as session:
        tables.publish(session, [built.physical])
        tables.retire(session, [built.physical])
    await tables.sweep()
    assert await chdb_engine.tables(database(project_id)) == set()
    assert states(store) == {}


async def test_a_retired_table_stays_for_queries_under_way(store: Store, chdb_engine: Engine, project_id: int) -> None:
    tables = Tables(store, chdb_engine, grace=timedelta(seconds=30))
    built = await tables.build(project_id, SQUARES)
    with store.write() as session:
        tables.retire(session, [built.physical])
    await tables.sweep()
    assert await chdb_engine.tables(database(project_id)) == {built.physical}
    await tables.close()


async def test_a_failed_query_leaves_nothing(
    tables: Tables, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    failing = Query("SELECT throwIf(number = 50, 'no') AS n FROM numbers(100)")
    with pytest.raises(EngineError):
        await tables.build(project_id, failing)
    assert await chdb_engine.tables(database(project_id)) == set()
    assert states(store) == {}


async def test_a_cancelled_build_leaves_nothing(
    tables: Tables, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    building = asyncio.create_task(tables.build(project_id, SLOW))
    await asyncio.sleep(0.5)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert await chdb_engine.tables(database(project_id)) == set()
    assert states(store) == {}


async def test_a_build_cancelled_at_its_very_beginning_leaves_nothing(
    tables: Tables, store: Store, project_id: int
) -> None:
    for steps in range(6):
        building = asyncio.create_task(tables.build(project_id, SQUARES))
        for _ in range(steps):
            await asyncio.sleep(0)
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building
    async with asyncio.timeout(10):
        while states(store):
            await asyncio.sleep(0.05)


async def test_a_build_whose_process_died_is_taken_away(store: Store, chdb_engine: Engine, project_id: int) -> None:
    lease = timedelta(seconds=0.6)
    died, lives = (Tables(store, chdb_engine, lease=lease) for _ in range(2))
    lost, kept = await died.build(project_id, SQUARES), await lives.build(project_id, SQUARES)
    await died.close()
    end = time.monotonic() + 10
    while states(store) != {kept.physical: "building"}:
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
        await lives.sweep()
    assert await chdb_engine.tables(database(project_id)) == {kept.physical}
    with pytest.raises(BuildLost), store.write() as session:
        lives.publish(session, [lost.physical])
    await lives.close()


@pytest.mark.parametrize("by", [timedelta(days=1), -timedelta(days=1)], ids=["ahead", "behind"])
async def test_a_machine_with_another_time_of_day_takes_nothing_away(
    by: timedelta, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    tables = Tables(store, chdb_engine)
    built, retired = await tables.build(project_id, SQUARES), await tables.build(project_id, SQUARES)
    with store.write() as session:
        tables.retire(session, [retired.physical])
        session.query(BuiltTableRow).update({"at": now() + by})
    other = Tables(store, chdb_engine)
    await other.sweep()
    assert states(store) == {built.physical: "building", retired.physical: "retired"}
    await tables.close()


async def test_a_build_under_way_is_left_alone(
    tables: Tables, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    built = await tables.build(project_id, SQUARES)
    await tables.sweep()
    assert states(store) == {built.physical: "building"}
    await tables.sweep(orphans=True)
    assert states(store) == {}


async def test_a_transaction_that_fails_publishes_nothing(tables: Tables, store: Store, project_id: int) -> None:
    built = await tables.build(project_id, SQUARES)
    with pytest.raises(BuildLost), store.write() as session:
        tables.publish(session, [built.physical, "m_of_nobody"])
    assert states(store) == {built.physical: "building"}


async def test_a_build_tells_how_far_it_is(tables: Tables, project_id: int) -> None:
    heard: list[Progress] = []
    slow = Query("SELECT sum(sipHash64(number)) AS n FROM numbers(1000000000000)", limits=Limits(seconds=2))
    with pytest.raises(EngineError):
        await tables.build(project_id, slow, report=heard.append)
    assert heard
    assert heard[-1].rows_read > 0
