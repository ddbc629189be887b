"""When endpoints last ran."""

from datetime import timedelta

import pytest

from hedgerow.endpoints import shelf
from hedgerow.endpoints.records import Endpoint, Prepared, Wishes
from hedgerow.endpoints.run.usage import Usage
from hedgerow.kit.clock import now
from hedgerow.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def endpoint(sqlite_store: Store) -> Endpoint:
    with sqlite_store.write() as session:
        return shelf.add(session, 1, 7, "e", Wishes(query=Prepared({"query": "select 1"}, None)))


def _last(store: Store) -> object:
    with store.read() as session:
        return shelf.last_executions(session, 1, ["e"]).get("e")


async def test_a_run_is_written_at_a_flush_and_not_again_soon(sqlite_store: Store, endpoint: Endpoint) -> None:
    usage, at = Usage(sqlite_store), now()
    usage.note(endpoint, at)
    assert _last(sqlite_store) is None
    await usage.flush()
    assert _last(sqlite_store) == at
    usage.note(endpoint, at + timedelta(minutes=29))
    await usage.flush()
    assert _last(sqlite_store) == at
    usage.note(endpoint, at + timedelta(minutes=30))
    await usage.close()
    assert _last(sqlite_store) == at + timedelta(minutes=30)


async def test_what_could_not_be_written_is_written_later(sqlite_store: Store, endpoint: Endpoint) -> None:
    usage, at = Usage(sqlite_store), now()
    usage.note(endpoint, at)
    with sqlite_store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE endpoints RENAME TO hidden")
    with pytest.raises(Exception, match="endpoints"):
        await usage.flush()
    with sqlite_store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO endpoints")
    await usage.close()
    assert _last(sqlite_store) == at
