"""Saving, changing and deleting queries over HTTP."""

from uuid import uuid4

import pytest

from hedgerow.warehouse.records import ManagedView
from tests.support.apps import Api
from tests.views.conftest import Save, query, rows

PATH = "/warehouse_saved_queries"


def test_a_saved_query_has_the_columns_the_engine_tells(sales: Api, save: Save) -> None:
    made = save("totals", "select city as city, sum(amount) as total from sales group by city")
    shown = {"schema_valid": True, "fields": None, "table": None, "chain": None}
    assert made["columns"] == [
        {"key": "city", "name": "city", "type": "string", **shown},
        {"key": "total", "name": "total", "type": "integer", **shown},
    ]
    assert made["latest_history_id"]
    assert (made["is_materialized"], made["sync_frequency"], made["status"]) == (False, None, None)
    one = sales.get(f"{PATH}/{made['id']}").json()
    listed = sales.get(PATH).json()["results"][0]
    assert one["columns"] == listed["columns"] == made["columns"]
    assert "query" in one
    assert "query" not in listed


def test_a_name_that_is_there_is_changed(sales: Api, save: Save) -> None:
    made = save("v", "select id from sales")
    body = {"name": "v", "query": query("select city from sales"), "soft_update": True}
    again = sales.post(PATH, json=body)
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert [column["name"] for column in again.json()["columns"]] == ["city"]
    assert sales.get(PATH).json()["count"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select * from sales where {filters}", "Filters and placeholder expressions are not allowed in views"),
        ("select {1 + 2}", "Filters and placeholder expressions are not allowed in views"),
        ("select {variables.x}", "Variables like {variables.x} are not allowed in views"),
        ("select 1 from nowhere", "Invalid query: Unknown table `nowhere`."),
        ("select 1 from itself", "Invalid query: Unknown table `itself`."),
        ("select nothing from sales", "Invalid query: Unable to resolve field: nothing"),
        ("select from where", ""),
    ],
)
def test_a_query_that_cannot_be_a_view_is_refused(sales: Api, text: str, said: str) -> None:
    answer = sales.post(PATH, json={"name": "itself", "query": query(text)})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "validation_error"
    assert answer.json()["attr"] == "query"
    assert said in answer.json()["detail"]
    assert sales.get(PATH).json()["count"] == 0


def test_what_the_engine_refuses_is_refused_unless_types_are_given(sales: Api) -> None:
    body = {"name": "bad", "query": query("select dateDiff('nonsense', now(), now()) as d")}
    refused = sales.post(PATH, json=body)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Failed to retrieve types for view")
    typed = sales.post(PATH, json={**body, "types": [["d", "Int64"]]})
    assert typed.status_code == 201, typed.text
    assert [(c["name"], c["type"]) for c in typed.json()["columns"]] == [("d", "integer")]


def test_names(sales: Api, save: Save) -> None:
    def refused(name: str) -> str:
        answer = sales.post(PATH, json={"name": name, "query": query("select 1 as one")})
        assert answer.status_code == 400, answer.text
        return str(answer.json()["detail"])

    assert refused("sales") == refused("events") == "A table with this name already exists."
    assert "is not a valid view name" in refused("1st")
    refused("n" * 129)
    save("n" * 128, "select 1 as one")
    save("finance.daily.$x", "select 1 as one")
    assert rows(sales, "select one from finance.daily.$x") == [[1]]
    csv = {"file": ("x.csv", b"a\n1\n", "text/csv")}
    assert sales.post("/warehouse_tables/file", data={"name": "n" * 128}, files=csv).status_code == 400


def test_only_another_text_conflicts(sales: Api, save: Save) -> None:
    made = save("v", "select id from sales")
    path = f"{PATH}/{made['id']}"
    new = {"query": query("select city from sales")}
    none = sales.patch(path, json=new)
    assert (none.status_code, none.json()["detail"]) == (400, "The query was modified by someone else.")
    assert sales.patch(path, json={**new, "edited_history_id": str(uuid4())}).status_code == 400
    renamed = sales.patch(path, json={"name": "w"})
    assert renamed.json()["latest_history_id"] == made["latest_history_id"]
    done = sales.patch(path, json={**new, "edited_history_id": made["latest_history_id"].upper()})
    assert done.status_code == 200, done.text
    assert done.json()["latest_history_id"] != made["latest_history_id"]
    assert done.json()["status"] == "Modified"
    assert [column["name"] for column in done.json()["columns"]] == ["city"]
    same = sales.patch(path, json={**new, "edited_history_id": "old"})
    assert (same.status_code, same.json()["latest_history_id"]) == (200, done.json()["latest_history_id"])
    assert sales.patch(path, json={"query": query("select 1 as a"), "soft_update": True}).status_code == 200


def test_what_is_deleted_is_gone_and_its_name_free(sales: Api, save: Save) -> None:
    made = save("v", "select id from sales")
    assert sales.delete(f"{PATH}/{made['id']}").status_code == 204
    assert sales.get(f"{PATH}/{made['id']}").status_code == 404
    assert sales.get(PATH).json()["count"] == 0
    assert sales.post("/query", json={"query": query("select id from v")}).status_code == 400
    assert save("v", "select city from sales")["id"] != made["id"]
    assert sales.other_project().get(f"{PATH}/{made['id']}").status_code == 404


def test_dependents_refuse_a_deletion(sales: Api, save: Save) -> None:
    parent = save("parent", "select id from sales")
    child = save("child", "select id from parent")
    refused = sales.delete(f"{PATH}/{parent['id']}")
    assert refused.status_code == 400
    assert refused.json()["extra"]["dependents"] == [{"id": child["id"], "name": "child", "kind": "view"}]
    assert sales.delete(f"{PATH}/{parent['id']}?force=true").status_code == 204
    broken = sales.post("/query", json={"query": query("select id from child")})
    assert broken.status_code == 400
    assert "Unknown table `parent`" in broken.text


def test_pages_and_search(sales: Api, save: Save) -> None:
    for name in ("alpha", "beta", "alphabet"):
        save(name, "select 1 as one")
    assert [view["name"] for view in sales.get(PATH).json()["results"]] == ["alphabet", "beta", "alpha"]
    assert sales.get(f"{PATH}?search=alpha").json()["count"] == 2
    assert sales.get(f"{PATH}?page=2").json()["detail"] == "Invalid page."


def test_frequencies(sales: Api, save: Save) -> None:
    path = f"{PATH}/{save('v', 'select 1 as one')['id']}"
    assert sales.patch(path, json={"sync_frequency": "24hour"}).json()["sync_frequency"] == "24hour"
    assert sales.patch(path, json={"sync_frequency": "never"}).json()["sync_frequency"] is None
    assert sales.patch(path, json={"sync_frequency": "3min"}).status_code == 400


def test_every_change_is_told(sales: Api, save: Save) -> None:
    made = save("v", "select 1 as one")
    body = {"query": query("select 2 as two"), "edited_history_id": made["latest_history_id"]}
    assert sales.patch(f"{PATH}/{made['id']}", json=body).status_code == 200
    told = sales.get(f"{PATH}/{made['id']}/activity").json()["results"]
    assert [entry["activity"] for entry in told] == ["updated", "created"]
    change = {"type": "DataWarehouseSavedQuery", "action": "changed", "field": "query"}
    assert told[0]["detail"]["changes"] == [
        {**change, "before": query("select 1 as one"), "after": query("select 2 as two")}
    ]
    assert all(each["before"] is None for each in told[1]["detail"]["changes"])


def test_managed_views_are_hidden_and_guarded(sales: Api, save: Save) -> None:
    from hedgerow.views.rows import ViewRow

    made = save("charges", "select 1 as one")
    with sales.house.store.write() as session:
        for row in session.query(ViewRow):
            row.managed_viewset_kind = "revenue_analytics"
    view = ManagedView("charges", "select 1 as one", (), ())
    sales.house.views.managed.makers["revenue_analytics"] = lambda _session, _project: [view]
    assert sales.get(PATH).json()["count"] == 0
    assert sales.get(f"{PATH}/{made['id']}").status_code == 404
    assert sales.put("/managed_viewsets/revenue_analytics", json={"enabled": True}).json() == {
        "enabled": True,
        "kind": "revenue_analytics",
    }
    assert sales.get("/managed_viewsets/revenue_analytics").json()["count"] == 1
    assert sales.get("/managed_viewsets/nonsense").status_code == 400
    assert sales.get(PATH).json()["count"] == 1
    patched = sales.patch(f"{PATH}/{made['id']}", json={"name": "x"})
    assert (patched.status_code, patched.json()["detail"]) == (400, "Cannot update a query from a managed viewset")
    assert "Disable the managed viewset instead." in sales.delete(f"{PATH}/{made['id']}").json()["detail"]


def test_a_description_is_kept_and_told(sales: Api, save: Save) -> None:
    view = save("v", "select id from sales", description="Who bought what.")
    path = f"/warehouse_saved_queries/{view['id']}"
    assert sales.get(path).json()["description"] == "Who bought what."
    assert save("w", "select id from sales")["description"] == ""
    assert sales.patch(path, json={"sync_frequency": "never"}).json()["description"] == "Who bought what."
    changed = sales.patch(path, json={"description": "What was bought."}).json()
    assert (changed["description"], changed["latest_history_id"]) == ("What was bought.", view["latest_history_id"])
    told = sales.get(f"{path}/activity").json()["results"][0]["detail"]["changes"]
    assert [(each["field"], each["before"], each["after"]) for each in told] == [
        ("description", "Who bought what.", "What was bought.")
    ]
    refused = sales.patch(path, json={"description": "x" * 4_001})
    assert (refused.status_code, refused.json()["attr"]) == (400, "description")
    assert sales.patch(path, json={"description": None}).json()["description"] == ""
