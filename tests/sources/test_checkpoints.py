"""What is written down of long reads: who may go on from it, how long, and what becomes of the tables it keeps."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from hedgerow.engine.base import Column, Engine
from hedgerow.kit.clock import now
from hedgerow.materialize import BuildLost, Tables
from hedgerow.sources.sync.checkpoints import Abandoned, Checkpoint, Checkpoints
from hedgerow.sources.sync.stepping import Pace
from hedgerow.store import Store
from hedgerow.warehouse.catalog import database

pytestmark = pytest.mark.anyio


@pytest.fixture
def schema() -> Any:
    return SimpleNamespace(id=uuid4(), project_id=uuid4().int % 10**12)


@pytest.fixture
async def tables(store: Store, chdb_engine: Engine) -> AsyncIterator[Tables]:
    made = Tables(store, chdb_engine, grace=timedelta(0))
    yield made
    await made.close()


async def _piece(tables: Tables, engine: Engine, project_id: int) -> str:
    async def make(physical: str) -> None:
        await engine.create_table(database(project_id), physical, [Column("n", "Int64")], ["n"])

    async with tables.making(project_id, make) as physical:
        return physical


def _checkpoint(*pieces: str, changed: str | None = None) -> Checkpoint:
    return Checkpoint("maker", {"block": 1}, pieces, changed, {"rows": 1}, now(), now())


async def test_pieces_outlive_their_process_until_they_are_forgotten(
    tables: Tables, store: Store, chdb_engine: Engine, schema: Any
) -> None:
    checkpoints, place = Checkpoints(tables), (chdb_engine, schema.project_id)
    first, second, changed, lost = [await _piece(tables, *place) for _ in range(4)]
    one, two = _checkpoint(first, changed=changed), _checkpoint(first, second)
    with store.write() as session:
        checkpoints.save(session, schema, None, one)
    with store.write() as session:
        checkpoints.save(session, schema, one, two)
    await tables.sweep(orphans=True)
    assert await chdb_engine.tables(database(schema.project_id)) == {first, second}
    with store.write() as session:
        found = checkpoints.find(session, schema.id)
        assert found is not None
        assert (found.pieces, found.changed, found.place) == ((first, second), None, {"block": 1})
        assert checkpoints.unfit(session, found, "maker") is None
        checkpoints.forget(session, [schema.id])
        assert checkpoints.find(session, schema.id) is None
        assert checkpoints.unfit(session, found, "maker") == "what was read is not there any more"
    await tables.sweep()
    assert await chdb_engine.tables(database(schema.project_id)) == set()
    with pytest.raises(BuildLost), store.write() as session:
        tables.keep(session, [lost])


async def test_who_may_go_on(tables: Tables, store: Store, chdb_engine: Engine, schema: Any) -> None:
    checkpoints = Checkpoints(tables)
    found = _checkpoint(await _piece(tables, chdb_engine, schema.project_id))
    with store.write() as session:
        checkpoints.save(session, schema, None, found)
        assert checkpoints.unfit(session, found, "another") is not None
        assert checkpoints.unfit(session, replace(found, at=now() - timedelta(hours=25)), "maker") is not None
        assert checkpoints.unfit(session, replace(found, begun_at=now() - timedelta(days=8)), "maker") is not None
        assert checkpoints.unfit(session, replace(found, begun_at=now() - timedelta(days=6)), "maker") is None
        checkpoints.forget(session, [schema.id])


async def test_a_read_that_was_let_go_keeps_nothing_more(
    tables: Tables, store: Store, chdb_engine: Engine, schema: Any
) -> None:
    checkpoints = Checkpoints(tables)
    first, second = [await _piece(tables, chdb_engine, schema.project_id) for _ in range(2)]
    one = _checkpoint(first)
    with store.write() as session:
        checkpoints.save(session, schema, None, one)
        checkpoints.forget(session, [schema.id])
    with pytest.raises(Abandoned), store.write() as session:
        checkpoints.save(session, schema, one, _checkpoint(first, second))
    await tables.discard(schema.project_id, second)
    await tables.sweep()
    assert await chdb_engine.tables(database(schema.project_id)) == set()


async def test_places_become_rarer_the_longer_a_read_takes() -> None:
    moment = 0.0
    pace, places = Pace(5, lambda: moment), 0
    for second in range(36_000):
        moment = float(second)
        places += pace.due()
    assert not pace.due()
    assert 100 < places < 200  # in ten hours
    moment += 300
    assert pace.due()
