"""The clone that is begun before rows are there: made where some came last time, and left by nobody."""

import time
from typing import Any

import pytest
from sqlalchemy import select

from hedgerow.materialize.rows import BuiltTableRow
from tests.sources.conftest import Shop, full, incremental, make, rows, schema, settled
from tests.support.apps import Api


@pytest.fixture
def clones(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that were cloned, in order."""
    engine: Any = api.house.engine
    really, found = engine.clone_table, []

    async def noted(database: str, table: str, source: str, **more: Any) -> None:
        found.append(source)
        await really(database, table, source, **more)

    monkeypatch.setattr(engine, "clone_table", noted)
    return found


def again(api: Api, source: dict[str, Any], name: str = "users") -> dict[str, Any]:
    api.post(f"/external_data_schemas/{schema(source, name)['id']}/reload")
    return settled(api, source["id"])


def unpublished(api: Api) -> set[str]:
    """What the engine has beside what is, or was, served; whatever was begun by accident had time to go."""
    end = time.monotonic() + 10
    while True:
        with api.house.store.read() as session:
            served = set(session.scalars(select(BuiltTableRow.physical).where(BuiltTableRow.state != "building")))
        left = set(api.call(api.house.engine.tables, f"p{api.project_id}")) - served
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)


def test_where_rows_came_last_time(api: Api, shop: Shop, clones: list[str]) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    assert clones == []
    again(api, source)  # nothing is new, but something was the time before
    assert len(clones) == 1
    again(api, source)
    assert len(clones) == 1
    shop.do("INSERT INTO users VALUES (4, 'Barbara', 40)")
    again(api, source)
    assert len(clones) == 2
    shop.do("UPDATE users SET name = 'Liskov', seen = 50 WHERE id = 4", "ALTER TABLE users ADD COLUMN colour TEXT")
    again(api, source)
    assert len(clones) == 3
    assert rows(api, "select id, name, colour from sqlite.users where id > 2 order by id") == [
        [3, "Edsger", None],
        [4, "Liskov", None],
    ]
    assert unpublished(api) == set()


def test_a_table_that_is_read_whole_needs_none(api: Api, shop: Shop, clones: list[str]) -> None:
    source = settled(api, make(api, full("users"), incremental("orders"))["id"])
    again(api, source)
    api.post(f"/external_data_schemas/{schema(source, 'orders')['id']}/resync")
    settled(api, source["id"])
    assert clones == []


def test_nothing_is_left_where_the_remote_fails(api: Api, shop: Shop, clones: list[str]) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    shop.do("DROP TABLE users")
    found = again(api, source)
    assert "has no table users" in found["latest_error"]
    assert len(clones) == 1
    assert unpublished(api) == set()
    assert len(rows(api, "select id from sqlite.users")) == 3


def test_an_engine_that_makes_none(api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])

    async def fails(*_: Any, **__: Any) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr(api.house.engine, "clone_table", fails)
        assert again(api, source)["latest_error"] is None  # nothing is new
        shop.do("INSERT INTO users VALUES (4, 'Barbara', 40)")
        api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload")
        end = time.monotonic() + 10
        while not (told := api.get(f"/external_data_sources/{source['id']}").json()["latest_error"]):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert "OSError" in told
    assert settled(api, source["id"])["latest_error"] is None
    assert len(rows(api, "select id from sqlite.users")) == 4
    assert unpublished(api) == set()
