"""Physical tables made from queries: built aside, published, retired, and cleaned up after whatever went wrong."""

import asyncio
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
    made = Tables(store, chdb_engine, grace=timedelta(0), dead=timedelta(seconds=60))
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


async def test_a_build_whose_process_died_is_taken_away(
    tables: Tables, store: Store, chdb_engine: Engine, project_id: int
) -> None:
    built = await tables.build(project_id, SQUARES)
    with store.write() as session:
        session.query(BuiltTableRow).update({"at": now() - timedelta(seconds=61)})
    await tables.sweep()
    assert await chdb_engine.tables(database(project_id)) == set()
    with pytest.raises(BuildLost), store.write() as session:
        tables.publish(session, [built.physical])


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
