"""Syncs into a ClickHouse server and into a cluster of two shards: the same rows, by the same steps."""

import pytest

from hedgerow.engine.base import Engine
from tests.sources.conftest import Shop, full, incremental, make, rows, schema, settled
from tests.support.apps import Api


@pytest.fixture(params=["clickhouse_engine", "cluster_engine"])
def chdb_engine(request: pytest.FixtureRequest) -> Engine:
    """What the application runs on here."""
    found: Engine = request.getfixturevalue(request.param)
    return found


def test_rows_come_over_and_are_kept_in_step(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen"), full("orders"))["id"])
    assert (source["status"], source["latest_error"]) == ("Completed", None)
    joined = "sqlite.users u left join sqlite.orders o on o.user_id = u.id"
    query = f"select u.id, u.name, o.price from {joined} order by u.id"
    assert rows(api, query) == [[1, "Ada", 1.5], [2, "Grace", 2.5], [3, "Edsger", None]]
    for number in (4, 5):
        shop.do(
            f"INSERT INTO users VALUES ({number}, 'new', {number * 100 - 1})",
            f"UPDATE users SET name = 'round {number}', seen = {number * 100} WHERE id = 1",
        )
        api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload")
        assert settled(api, source["id"])["status"] == "Completed"
    shop.do("ALTER TABLE users ADD COLUMN colour TEXT", "INSERT INTO users VALUES (6, 'last', 600, 'red')")
    api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload")
    assert settled(api, source["id"])["latest_error"] is None
    assert rows(api, "select id, name, colour from sqlite_users order by id") == [
        [1, "round 5", None],
        [2, "Grace", None],
        [3, "Edsger", None],
        [4, "new", None],
        [5, "new", None],
        [6, "last", "red"],
    ]


def test_deleted_rows_are_found_by_a_sweep(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen", key_sweep="always"))["id"])
    for gone, new in ((1, 4), (2, 5)):
        shop.do(f"DELETE FROM users WHERE id = {gone}", f"INSERT INTO users VALUES ({new}, 'new', {new * 10})")
        api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload")
        assert settled(api, source["id"])["latest_error"] is None
        last = api.get(f"/external_data_sources/{source['id']}/jobs").json()[0]
        assert (last["rows_synced"], last["rows_deleted"]) == (1, 1)
    assert rows(api, "select id from sqlite_users order by id") == [[3], [4], [5]]
