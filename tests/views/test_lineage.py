"""Views that read views: lineage, cycles, plans, renames, saved joins."""

from typing import Any

import pytest

from tests.support.apps import Api
from tests.views.conftest import Save, query, rows

pytestmark = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)
PATH = "/warehouse_saved_queries"


def cone(api: Api, view: dict[str, Any], side: str, **body: Any) -> set[str]:
    answer = api.post(f"{PATH}/{view['id']}/{side}", json=body or None)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()[side]
    assert len(found) == len(set(found))
    return set(found)


def chain(save: Save) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Three views, each over the one before; the middle one reads the table as well."""
    top = save("top", "select city, amount from sales")
    middle = save("middle", "select t.city, s.id, t.amount from top as t join sales as s on s.city = t.city")
    return top, middle, save("leaf", "with top as (select 1 as x) select city from middle, top")


def test_cones_by_level(sales: Api, save: Save) -> None:
    top, middle, leaf = chain(save)
    table = sales.get("/warehouse_tables").json()["results"][0]["id"]
    assert cone(sales, leaf, "ancestors") == {middle["id"], top["id"], table}
    assert cone(sales, leaf, "ancestors", level=1) == {middle["id"]}
    assert cone(sales, leaf, "ancestors", level=2) == {middle["id"], top["id"], table}
    assert cone(sales, leaf, "ancestors", level=10) == {middle["id"], top["id"], table}
    assert cone(sales, top, "descendants") == {middle["id"], leaf["id"]}
    assert cone(sales, top, "descendants", level=1) == {middle["id"]}
    assert cone(sales, leaf, "descendants") == set()
    for bad in (0, -1, "x"):
        assert sales.post(f"{PATH}/{top['id']}/ancestors", json={"level": bad}).status_code == 400
    counts = sales.get(f"{PATH}/{middle['id']}/dependencies").json()
    assert (counts["upstream_count"], counts["downstream_count"]) == (2, 1)
    assert cone(sales, save("alone", "select 1 as one"), "ancestors") == set()


def test_another_query_moves_the_cones_of_those_below(sales: Api, save: Save) -> None:
    a, b = save("a", "select city from sales"), save("b", "select 'x' as city")
    child = save("child", "select city from a")
    grandchild = save("grandchild", "select city from child")
    sales.patch(f"{PATH}/{child['id']}", json={"query": query("select city from b"), "soft_update": True})
    assert cone(sales, grandchild, "ancestors") == {child["id"], b["id"]}
    assert cone(sales, a, "descendants") == set()


def test_a_cycle_is_refused_and_names_its_path(sales: Api, save: Save) -> None:
    a = save("a", "select city from sales")
    b = save("b", "select city from a")
    body = {"query": query("select city from b"), "edited_history_id": a["latest_history_id"]}
    refused = sales.patch(f"{PATH}/{a['id']}", json=body)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Model contains a cycle: ")
    assert "b → a → b" in refused.json()["detail"]
    own = {"query": query("select city from a"), "edited_history_id": a["latest_history_id"]}
    assert "a → a" in sales.patch(f"{PATH}/{a['id']}", json=own).json()["detail"]
    assert rows(sales, "select count() from b") == [[3]]
    assert sales.get(f"{PATH}/{b['id']}").json()["query"] == b["query"]


def test_a_rename_into_a_cycle_is_refused(sales: Api, save: Save) -> None:
    save("x", "select city from sales")
    save("a", "select city from x")
    x = sales.get(f"{PATH}?search=x").json()["results"][0]
    assert sales.delete(f"{PATH}/{x['id']}?force=true").status_code == 204
    other = save("b", "select 1 as one")
    assert sales.patch(f"{PATH}/{other['id']}", json={"name": "x"}).status_code == 200
    reading = {"query": query("select * from a"), "soft_update": True}
    answer = sales.patch(f"{PATH}/{other['id']}", json=reading)
    assert answer.status_code == 400
    assert "Model contains a cycle" in answer.text


def test_stars_below_follow_a_change_above(sales: Api, save: Save) -> None:
    top = save("top", "select id from sales")
    below = save("below", "select * from top")
    lowest = save("lowest", "select * from below")
    sales.patch(f"{PATH}/{top['id']}", json={"query": query("select id, city from sales"), "soft_update": True})
    for view in (below, lowest):
        shown = sales.get(f"{PATH}/{view['id']}").json()["columns"]
        assert [column["name"] for column in shown] == ["id", "city"]


def test_columns_are_traced_to_tables(sales: Api, save: Save) -> None:
    save("top", "select city as place, amount * 2 as double from sales")
    view = save("sums", "select place, sum(double) + 1 as total, 7 as seven from top group by place")
    found = sales.get(f"{PATH}/{view['id']}/lineage").json()["columns"]
    origins = {each["column"]: [(o["table"], o["column"]) for o in each["origins"]] for each in found}
    assert origins == {"place": [("sales", "city")], "total": [("sales", "amount")], "seven": []}


def test_a_plan_tells_what_a_change_would_do_and_does_nothing(sales: Api, save: Save) -> None:
    top = save("top", "select id, city from sales")
    save("fine", "select id from top")
    save("breaks", "select city from top")
    body = {"query": query("select toString(id) as id, amount from sales where amount > 5")}
    plan = sales.post(f"{PATH}/{top['id']}/plan", json=body)
    assert plan.status_code == 200, plan.text
    told = plan.json()
    assert [c["name"] for c in told["columns"]["added"]] == ["amount"]
    assert [c["name"] for c in told["columns"]["removed"]] == ["city"]
    assert [c["name"] for c in told["columns"]["retyped"]] == ["id"]
    effects = {each["name"]: each["effect"] for each in told["dependents"]}
    assert effects == {"fine": "changes", "breaks": "breaks"}
    assert (told["rows"]["before"], told["rows"]["after"]) == (3, 2)
    renamed = sales.post(f"{PATH}/{top['id']}/plan", json={"name": "other"}).json()
    assert {each["effect"] for each in renamed["dependents"]} == {"breaks"}
    assert sales.get(f"{PATH}/{top['id']}").json() == top


def test_a_plan_samples_the_rows_that_differ(sales: Api, save: Save) -> None:
    top = save("top", "select id, city from sales where id < 3")
    told = sales.post(f"{PATH}/{top['id']}/plan", json={"query": query("select id, city from sales where id > 1")})
    assert told.json()["rows"] == {
        "before": 2,
        "after": 2,
        "columns": ["id", "city"],
        "added": [[3, "Rome"]],
        "removed": [[1, "Rome"]],
    }


def test_a_rename_breaks_those_below_unless_they_are_rewritten(sales: Api, save: Save) -> None:
    top = save("top", "select id, city from sales")
    plain = save("plain", "select id from top -- of top")
    qualified = save("qualified", "select top.id, t2.city from top join top as t2 on t2.id = top.id where top.id > 1")
    before = rows(sales, "select * from qualified order by 1")
    path = f"{PATH}/{top['id']}"
    assert sales.patch(path, json={"name": "ns.base", "rewrite_dependents": True}).status_code == 200
    assert sales.get(f"{PATH}/{plain['id']}").json()["query"]["query"] == "select id from ns.base -- of top"
    assert rows(sales, "select * from qualified order by 1") == before
    assert cone(sales, top, "descendants") == {plain["id"], qualified["id"]}
    assert sales.patch(path, json={"name": "gone"}).status_code == 200
    broken = sales.post("/query", json={"query": query("select * from plain")})
    assert broken.status_code == 400
    assert "Unknown table `ns.base`" in broken.text


def test_a_saved_join_is_walked_and_goes_with_its_view(sales: Api, save: Save) -> None:
    countries = save("countries", "select 'Rome' as city, 'Italy' as country union all select 'Oslo', 'Norway'")
    keys = {
        "source_table_name": "sales",
        "source_table_key": "city",
        "joining_table_name": "countries",
        "joining_table_key": "city",
    }
    tried = sales.post("/warehouse_view_links/validate", json=keys).json()
    assert tried["is_valid"] is True
    assert len(tried["results"]) == 3
    wrong = sales.post("/warehouse_view_links/validate", json={**keys, "joining_table_key": "nope"}).json()
    assert (wrong["is_valid"], wrong["attr"]) == (False, "joining_table_key")
    made = sales.post("/warehouse_view_links", json={**keys, "field_name": "place"})
    assert made.status_code == 201, made.text
    assert rows(sales, "select id, place.country from sales order by id") == [[1, "Italy"], [2, "Norway"], [3, "Italy"]]
    assert sales.post("/warehouse_view_links", json={**keys, "field_name": "place"}).status_code == 400
    path = f"/warehouse_view_links/{made.json()['id']}"
    assert sales.patch(path, json={"field_name": "where_it_is"}).json()["field_name"] == "where_it_is"
    assert rows(sales, "select where_it_is.country from sales where id = 2") == [["Norway"]]
    assert sales.delete(f"{PATH}/{countries['id']}").status_code == 204
    assert sales.get("/warehouse_view_links").json()["count"] == 0
    assert rows(sales, "select count() from sales") == [[3]]


def test_views_nest_deep_and_serve_endpoints(sales: Api, save: Save) -> None:
    save("v0", "select id, city from sales")
    for number in range(1, 51):
        save(f"v{number}", f"select id, city from v{number - 1} where id > 0")
    assert rows(sales, "select count() from v50") == [[3]]
    made = sales.post("/endpoints", json={"name": "deep", "query": query("select id from v50 order by id")})
    assert made.status_code == 201, made.text
    assert sales.post("/endpoints/deep/run", json={}).json()["results"] == [[1], [2], [3]]
