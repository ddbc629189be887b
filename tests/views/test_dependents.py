"""What depends on views and tables besides views: endpoints, and saved joins."""

from typing import Any

from tests.support.apps import Api
from tests.views.conftest import Save, query

PATH = "/warehouse_saved_queries"


def endpoint(api: Api, name: str, text: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/endpoints", json={"name": name, "query": {"kind": "HogQLQuery", "query": text, **more}})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_endpoints_are_told_and_hinder_a_deletion(sales: Api, save: Save) -> None:
    top, leaf = save("top", "select id, city from sales"), save("leaf", "select id from top")
    direct = endpoint(sales, "direct", "with x as (select id from top) select id from x")
    endpoint(sales, "below", "select id from leaf")
    endpoint(sales, "other", "select city from sales")

    def names(view: dict[str, Any], **body: Any) -> tuple[list[str], list[str]]:
        found = sales.post(f"{PATH}/{view['id']}/descendants", json=body or None).json()
        return found["descendants"], [each["name"] for each in found["endpoints"]]

    assert names(top) == ([leaf["id"]], ["below", "direct"])
    assert names(top, level=1) == ([leaf["id"]], ["direct"])
    assert names(leaf) == ([], ["below"])
    counts = sales.get(f"{PATH}/{top['id']}/dependencies").json()
    assert (counts["downstream_count"], counts["endpoint_count"]) == (1, 1)
    refused = sales.delete(f"{PATH}/{top['id']}")
    assert refused.status_code == 400
    assert "it is read by leaf, the endpoint direct (version 1)" in refused.json()["detail"]
    told = refused.json()["extra"]["dependents"]
    assert told == [
        {"id": leaf["id"], "name": "leaf", "kind": "view"},
        {"id": direct["id"], "name": "direct", "kind": "endpoint", "version": 1},
    ]
    # A version that nobody gets unless he asks for its number hinders nothing.
    body = {"query": {"kind": "HogQLQuery", "query": "select id from sales"}}
    assert sales.put("/endpoints/direct", json=body).status_code == 200
    assert names(top, level=1) == ([leaf["id"]], [])
    assert sales.delete(f"{PATH}/{leaf['id']}").status_code == 400
    assert sales.delete(f"{PATH}/{leaf['id']}?force=true").status_code == 204
    assert sales.delete(f"{PATH}/{top['id']}").status_code == 204


def test_a_plan_tells_what_becomes_of_endpoints(sales: Api, save: Save) -> None:
    top = save("top", "select id, city from sales")
    save("leaf", "select city from top")
    for name, text in (("ids", "select id from top"), ("stars", "select * from top"), ("cities", "select * from leaf")):
        endpoint(sales, name, text)
    plan = sales.post(f"{PATH}/{top['id']}/plan", json={"query": query("select id, 1 as n from sales")}).json()
    effects = {each["name"]: each["effect"] for each in plan["endpoints"]}
    assert effects == {"ids": "unchanged", "stars": "changes", "cities": "breaks"}
    renamed = sales.post(f"{PATH}/{top['id']}/plan", json={"name": "peak"}).json()
    broken = {each["name"]: each["error"] for each in renamed["endpoints"]}
    assert "Unknown table `top`" in broken["ids"]
    assert plan["endpoints"][0]["version"] == 1


def test_a_deleted_table_takes_its_joins_and_checks_along(sales: Api, save: Save) -> None:
    view = save("cities", "select city, count() as n from sales group by city")
    keys = {"source_table_name": "cities", "source_table_key": "city"}
    join = {**keys, "joining_table_name": "sales", "joining_table_key": "city", "field_name": "sold"}
    assert sales.post("/warehouse_view_links", json=join).status_code == 201
    table = sales.get("/warehouse_tables").json()["results"][0]
    checks = f"/warehouse_tables/{table['id']}/data_checks"
    assert sales.post(checks, json={"kind": "not_null", "config": {"column": "id"}}).status_code == 201
    assert sales.delete(f"/warehouse_tables/{table['id']}").status_code == 204
    assert sales.get("/warehouse_view_links").json()["count"] == 0
    with sales.house.store.read() as session:
        assert sales.house.checks.enabled(session, sales.project_id) == {}
    assert sales.get(f"{PATH}/{view['id']}").status_code == 200
