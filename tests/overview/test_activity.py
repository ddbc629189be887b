"""Syncs and runs of views in one list: their facts, the order, parts of it, and what is left out."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hedgerow.kit.clock import now
from tests.sources.conftest import Shop, full, make, schema, settled
from tests.support.apps import Api

BASE = "/data_warehouse"
LONG = "select count() as n from numbers(1000000000000)"
ITEM = {
    "id",
    "type",
    "name",
    "status",
    "rows",
    "created_at",
    "finished_at",
    "latest_error",
    "workflow_run_id",
    "origin",
}
both_stores = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)


def view(api: Api, name: str, query: str) -> str:
    """The id of a view that is being made into a table."""
    body = {"name": name, "query": {"kind": "HogQLQuery", "query": query}}
    made = api.post("/warehouse_saved_queries", json=body)
    assert made.status_code == 201, made.text
    view_id: str = made.json()["id"]
    assert api.post(f"/warehouse_saved_queries/{view_id}/materialize").status_code == 200
    return view_id


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def made(api: Api, name: str, query: str) -> str:
    """The id of a view whose first run has ended."""
    view_id = view(api, name, query)
    until(lambda: api.get(f"/warehouse_saved_queries/{view_id}").json()["status"] != "Running")
    return view_id


def told(api: Api, which: str, **wishes: Any) -> dict[str, Any]:
    answer = api.get(f"{BASE}/{which}", params=wishes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(api: Api, which: str, **wishes: Any) -> list[str]:
    return [each["name"] for each in told(api, which, **wishes)["results"]]


@both_stores
def test_syncs_and_runs_are_told_together(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    view_id = made(api, "named", "select name from sqlite_users where id > 1")
    shop.do("DROP TABLE users")
    assert api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload").status_code == 200
    settled(api, source["id"])
    recent = told(api, "recent_activity")
    assert (recent["next"], recent["previous"]) == (None, None)
    assert [set(each) for each in recent["results"]] == [ITEM, ITEM, ITEM]
    failed, run, sync = recent["results"]
    first = api.get(f"/external_data_sources/{source['id']}/jobs").json()[-1]
    assert sync == {
        "id": first["id"],
        "type": "SQLite",
        "name": "users",
        "status": "Completed",
        "rows": 3,
        "created_at": first["created_at"],
        "finished_at": first["finished_at"],
        "latest_error": None,
        "workflow_run_id": first["id"],
        "origin": None,
    }
    job = api.get("/data_modeling_jobs", params={"saved_query_id": view_id}).json()["results"][0]
    assert run.items() >= {"id": job["id"], "type": "Materialized view", "name": "named", "status": "Completed"}.items()
    assert (run["rows"], run["origin"], run["workflow_run_id"]) == (2, "data_warehouse", job["workflow_run_id"])
    assert (run["created_at"], run["finished_at"]) == (job["created_at"], job["last_run_at"])
    assert (failed["status"], failed["rows"]) == ("Failed", 0)
    assert "has no table users" in failed["latest_error"]
    assert told(api, "completed_activity")["results"] == [run, sync]
    assert told(api, "running_activity")["results"] == []
    assert told(api, "completed_activity/") == told(api, "completed_activity")
    assert api.get(f"/api/environments/{api.project_id}{BASE}/recent_activity").json() == recent
    assert api.delete(f"/external_data_sources/{source['id']}").status_code == 204
    assert names(api, "recent_activity") == ["users", "named", "users"]


@both_stores
def test_what_runs_or_waits_is_under_way(api: Api, shop: Shop) -> None:
    shop.do("CREATE TABLE many (id INTEGER PRIMARY KEY)")
    shop.do("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5) INSERT INTO many SELECT i FROM n")
    settled(api, make(api, full("many"))["id"])
    parent = view(api, "parent", LONG)
    child = api.post(
        "/warehouse_saved_queries",
        json={"name": "child", "query": {"kind": "HogQLQuery", "query": "select n from parent"}},
    ).json()["id"]
    # The child of a wave waits for its parent.
    assert api.post("/warehouse_saved_queries/run", json={"view_ids": [parent, child]}).status_code == 200
    running = told(api, "running_activity")["results"]
    assert [(each["name"], each["status"], each["finished_at"]) for each in running] == [
        ("child", "Running", None),
        ("parent", "Running", None),
    ]
    assert names(api, "completed_activity") == ["many"]
    stats = told(api, "job_stats")
    assert stats["modeling_jobs"] == {"total": 2, "running": 2, "successful": 0, "failed": 0}
    assert api.post(f"/warehouse_saved_queries/{parent}/cancel").status_code == 200
    assert names(api, "running_activity") == []
    assert sorted(each["status"] for each in told(api, "recent_activity")["results"]) == [
        "Cancelled",
        "Completed",
        "Skipped",
    ]


@both_stores
def test_parts_come_in_order_and_lose_nothing(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"), full("orders"))["id"])
    for number in range(3):
        made(api, f"v{number}", "select 1 as one")
    api.post(f"/external_data_schemas/{source['schemas'][0]['id']}/reload")
    settled(api, source["id"])
    whole = told(api, "recent_activity")["results"]
    assert [each["created_at"] for each in whole] == sorted((each["created_at"] for each in whole), reverse=True)
    assert len({each["id"] for each in whole}) == 6
    for which in ("recent_activity", "completed_activity"):
        seen, link = [], "?limit=4"
        while link:
            answer = api.get(f"{BASE}/{which}{link}").json()
            seen += answer["results"]
            link = answer["next"]
        assert seen == whole
    days = "&cutoff_days=30"
    first, last = told(api, "completed_activity", limit=4), told(api, "completed_activity", limit=4, offset=4)
    assert (first["next"], first["previous"]) == (f"?limit=4&offset=4{days}", None)
    assert (last["next"], last["previous"]) == (None, f"?limit=4&offset=0{days}")
    assert told(api, "recent_activity", limit=2, offset=3)["previous"] == "?limit=2&offset=1"
    assert told(api, "recent_activity", limit=999, offset=-3)["results"] == whole
    assert told(api, "recent_activity", offset=10**17)["results"] == []


@both_stores
def test_what_is_older_than_the_cutoff_is_left_out(api: Api, shop: Shop) -> None:
    settled(api, make(api, full("users"), full("orders"))["id"])
    made(api, "old", "select 1 as one")
    made(api, "new", "select 1 as one")
    past = now() - timedelta(days=35)
    with api.house.store.write() as session:
        schema, saved = "SELECT id FROM external_data_schemas WHERE name = 'orders'", "SELECT id FROM saved_queries"
        of_old = {"past": past}
        session.execute(text(f"UPDATE external_data_jobs SET created_at = :past WHERE schema_id IN ({schema})"), of_old)
        chosen = f"UPDATE data_modeling_jobs SET created_at = :past WHERE view_id IN ({saved} WHERE name = 'old')"
        session.execute(text(chosen), of_old)
    assert names(api, "completed_activity") == ["new", "users"]
    assert sorted(names(api, "completed_activity", cutoff_days=40)) == ["new", "old", "orders", "users"]
    assert names(api, "completed_activity", cutoff_days=0) == []
    assert len(names(api, "recent_activity")) == 4


@pytest.mark.parametrize(
    ("which", "wish", "field"),
    [
        ("running_activity", "limit=x", "limit"),
        ("running_activity", "limit=0", "limit"),
        ("completed_activity", "offset=1.5", "offset"),
        ("completed_activity", "limit=-1", "limit"),
        ("running_activity", "cutoff_days=soon", "cutoff_days"),
        ("running_activity", "cutoff_days=-1", "cutoff_days"),
        ("completed_activity", "cutoff_days=99999999999999999999", "cutoff_days"),
        ("recent_activity", "limit=", "limit"),
        ("recent_activity", "offset=%D9%A3", "offset"),
        ("job_stats", "days=14", "days"),
        ("job_stats", "days=all", "days"),
    ],
)
def test_parameters_that_make_no_sense(api: Api, which: str, wish: str, field: str) -> None:
    answer = api.get(f"{BASE}/{which}?{wish}")
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert (body["type"], body["attr"]) == ("validation_error", field)
    assert body["error"] == body["detail"]
    assert field in body["error"]


def test_other_projects_and_other_scopes_see_nothing(api: Api, shop: Shop) -> None:
    settled(api, make(api, full("users"))["id"])
    made(api, "v", "select 1 as one")
    other = api.other_project()
    assert names(other, "recent_activity") == names(other, "completed_activity") == []
    stats = told(other, "job_stats")
    assert (stats["total_jobs"], stats["external_data_jobs"]["total"], stats["modeling_jobs"]["total"]) == (0, 0, 0)
    assert told(other, "total_rows_stats")["total_rows"] == 0
    viewer = api.with_key(api.make_key(["warehouse_view:read"]))
    stranger = api.with_key(api.make_key(["warehouse_table:read", "query:read"]))
    for which in ("running_activity", "completed_activity", "recent_activity", "job_stats", "total_rows_stats"):
        assert viewer.get(f"{BASE}/{which}").status_code == 200
        refused = stranger.get(f"{BASE}/{which}")
        assert refused.status_code == 403
        assert refused.json()["detail"] == "API key missing required scope 'warehouse_view:read'"
        assert api.with_key(None).get(f"{BASE}/{which}").status_code == 401
    assert stranger.get(f"{BASE}/property_values?key=one&table_name=v").status_code == 200
    assert viewer.get(f"{BASE}/property_values?key=one&table_name=v").status_code == 403


def test_rows_of_a_running_sync_are_those_read_so_far(api: Api, shop: Shop) -> None:
    series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)"
    shop.do(
        "CREATE TABLE many (id INTEGER PRIMARY KEY, word TEXT)", f"INSERT INTO many {series} SELECT i, 'row' FROM n"
    )
    source = make(api, full("many"))
    until(lambda: any(each["rows"] for each in told(api, "running_activity")["results"]))
    assert told(api, "job_stats")["external_data_jobs"] == {"total": 0, "running": 1, "successful": 0, "failed": 0}
    assert api.post(f"/external_data_schemas/{schema(source, 'many')['id']}/cancel").status_code == 200
    stopped = told(api, "recent_activity")["results"][0]
    assert (stopped["status"], stopped["rows"], stopped["latest_error"]) == ("Failed", 0, "The sync was cancelled.")
