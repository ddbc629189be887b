"""Folders of saved queries over HTTP: made, filled, renamed, and deleted with what is in them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.apps import Api
from tests.views.conftest import Save, query, rows
from tests.views.test_dependents import endpoint

PATH = "/warehouse_saved_query_folders"
VIEWS = "/warehouse_saved_queries"
both_stores = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)


def make(api: Api, name: str) -> dict[str, Any]:
    answer = api.post(PATH, json={"name": name})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _names(api: Api) -> list[str]:
    """The views there are, by name."""
    return sorted(view["name"] for view in api.get(VIEWS).json()["results"])


@both_stores
def test_folders_are_listed_by_name_with_what_is_in_them(sales: Api, save: Save) -> None:
    revenue, finance = make(sales, "Revenue"), make(sales, "  Finance ")
    assert set(finance) == {"id", "name", "created_at", "created_by", "view_count", "user_access_level"}
    assert (finance["name"], finance["view_count"]) == ("Finance", 0)
    assert finance["created_by"]["email"]
    kept = save("kept", "select 1 as one", folder_id=finance["id"])
    gone = save("gone", "select 1 as one", folder_id=finance["id"])
    save("loose", "select 1 as one")
    assert (kept["folder_id"], kept["folder_name"]) == (finance["id"], "Finance")
    assert sales.delete(f"{VIEWS}/{gone['id']}").status_code == 204
    listed = sales.get(PATH + "/").json()
    assert [(each["name"], each["view_count"]) for each in listed] == [("Finance", 1), ("Revenue", 0)]
    assert sales.get(f"{PATH}/{finance['id']}").json() == listed[0]
    assert sales.get(f"/api/environments/{sales.project_id}{PATH}").json() == listed
    assert sales.put(f"{PATH}/{revenue['id']}", json={"name": "x"}).status_code == 405


@both_stores
def test_a_view_goes_from_folder_to_folder(sales: Api, save: Save) -> None:
    one, two = make(sales, "one"), make(sales, "two")
    view = save("v", "select id from sales")
    assert (view["folder_id"], view["folder_name"]) == (None, None)
    path = f"{VIEWS}/{view['id']}"

    def put(folder_id: str | None) -> tuple[str, str]:
        changed = sales.patch(path, json={"folder_id": folder_id}).json()
        listed = sales.get(VIEWS).json()["results"][0]
        assert sales.get(path).json()["folder_name"] == changed["folder_name"] == listed["folder_name"]
        assert changed["folder_id"] == listed["folder_id"]
        # Where it is does not touch its text.
        assert changed["latest_history_id"] == view["latest_history_id"]
        return changed["folder_id"], changed["folder_name"]

    assert put(one["id"]) == (one["id"], "one")
    assert put(two["id"]) == (two["id"], "two")
    assert sales.patch(path, json={"description": "x"}).json()["folder_name"] == "two"
    again = {"name": "v", "query": query("select id from sales"), "folder_id": one["id"]}
    assert sales.post(VIEWS, json=again).json()["folder_name"] == "one"
    assert put(None) == (None, None)
    told = [entry["detail"]["changes"] for entry in sales.get(f"{path}/activity").json()["results"]]
    moves = [(each["before"], each["after"]) for changes in told for each in changes if each["field"] == "folder_id"]
    assert moves == [(one["id"], None), (two["id"], one["id"]), (one["id"], two["id"]), (None, one["id"])]


@both_stores
def test_names_are_had_once(sales: Api) -> None:
    first, second = make(sales, "Finance"), make(sales, "Revenue")
    for answer in (
        sales.post(PATH, json={"name": " Finance "}),
        sales.patch(f"{PATH}/{second['id']}", json={"name": "Finance"}),
    ):
        assert (answer.status_code, answer.json()["attr"]) == (400, "name")
        assert answer.json()["detail"] == "A folder with this name already exists."
    renamed = sales.patch(f"{PATH}/{first['id']}", json={"name": "Money"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Money")
    assert sales.patch(f"{PATH}/{first['id']}", json={"name": "Money"}).status_code == 200
    assert sales.patch(f"{PATH}/{first['id']}", json={}).json()["name"] == "Money"
    assert [each["name"] for each in sales.get(PATH).json()] == ["Money", "Revenue"]
    assert sales.other_project().post(PATH, json={"name": "Money"}).status_code == 201


@pytest.mark.parametrize("name", ["", "   ", "n" * 129, None, 7])
def test_names_that_are_none(api: Api, name: Any) -> None:
    there = make(api, "there")
    for answer in (api.post(PATH, json={"name": name}), api.patch(f"{PATH}/{there['id']}", json={"name": name})):
        assert (answer.status_code, answer.json()["attr"]) == (400, "name"), answer.text
    assert api.post(PATH, json={}).json()["code"] == "required"
    assert [each["name"] for each in api.get(PATH).json()] == ["there"]


@pytest.mark.parametrize("folder_id", [str(uuid4()), "x", 7, "of another project"])
def test_a_folder_that_is_none_takes_no_views(sales: Api, save: Save, folder_id: Any) -> None:
    if folder_id == "of another project":
        folder_id = make(sales.other_project(), "theirs")["id"]
    view = save("v", "select 1 as one")
    body = {"name": "w", "query": query("select 1 as one"), "folder_id": folder_id}
    for answer in (sales.post(VIEWS, json=body), sales.patch(f"{VIEWS}/{view['id']}", json={"folder_id": folder_id})):
        assert (answer.status_code, answer.json()["attr"]) == (400, "folder_id"), answer.text
    assert _names(sales) == ["v"]
    assert sales.get(f"{VIEWS}/{view['id']}").json()["folder_id"] is None


@both_stores
def test_a_folder_is_deleted_with_its_views(sales: Api, save: Save) -> None:
    folder = make(sales, "old")
    top = save("top", "select id from sales", folder_id=folder["id"])
    save("leaf", "select id from top", folder_id=folder["id"])
    save("beside", "select id from sales")
    assert sales.delete(f"{PATH}/{folder['id']}").status_code == 204
    assert _names(sales) == ["beside"]
    assert sales.get(PATH).json() == []
    assert sales.get(f"{PATH}/{folder['id']}").status_code == 404
    assert sales.delete(f"{PATH}/{folder['id']}").status_code == 404
    assert sales.post("/query", json={"query": query("select id from top")}).status_code == 400
    log = sales.get("/activity_log", params={"activity": "deleted"}).json()["results"]
    told = [(entry["scope"], entry["detail"]["name"]) for entry in log]
    view = "DataWarehouseSavedQuery"
    assert sorted(told) == [(view, "leaf"), (view, "top"), ("DataWarehouseSavedQueryFolder", "old")]
    assert save("top", "select city from sales")["id"] != top["id"]  # the name is free


@both_stores
def test_readers_outside_keep_a_folder_with_all_its_views(sales: Api, save: Save) -> None:
    folder = make(sales, "old")
    save("top", "select id from sales", folder_id=folder["id"])
    save("free", "select 1 as one", folder_id=folder["id"])
    save("leaf", "select id from top", folder_id=folder["id"])
    reader = save("reader", "select id from leaf")
    asked = endpoint(sales, "asked", "select id from leaf")
    refused = sales.delete(f"{PATH}/{folder['id']}")
    assert (refused.status_code, refused.json()["code"]) == (400, "has_dependents")
    said = "Cannot delete this folder because these views still have dependencies outside the folder: leaf."
    assert said in refused.json()["detail"]
    assert refused.json()["extra"]["dependents"] == [
        {"id": reader["id"], "name": "reader", "kind": "view"},
        {"id": asked["id"], "name": "asked", "kind": "endpoint", "version": 1},
    ]
    assert _names(sales) == ["free", "leaf", "reader", "top"]
    assert rows(sales, "select count() from reader") == [[3]]
    assert sales.get(f"{PATH}/{folder['id']}").json()["view_count"] == 3
    assert sales.delete(f"{PATH}/{folder['id']}?force=true").status_code == 204
    assert _names(sales) == ["reader"]


def test_what_is_done_to_a_folder_is_told(api: Api) -> None:
    folder = make(api, "one")
    for name in ("two", "two"):
        api.patch(f"{PATH}/{folder['id']}", json={"name": name})
    api.delete(f"{PATH}/{folder['id']}")
    log = api.get("/activity_log", params={"scope": "DataWarehouseSavedQueryFolder"}).json()["results"]
    assert {entry["item_id"] for entry in log} == {folder["id"]}
    told = [
        (entry["activity"], *[(each["before"], each["after"]) for each in entry["detail"]["changes"]]) for entry in log
    ]
    assert told == [("deleted", ("two", None)), ("updated", ("one", "two")), ("created", (None, "one"))]


def test_folders_stay_in_their_project_and_behind_their_scopes(api: Api) -> None:
    folder = make(api, "mine")
    path = f"{PATH}/{folder['id']}"
    other = api.other_project()
    assert other.get(PATH).json() == []
    assert [other.get(path).status_code, other.patch(path, json={"name": "x"}).status_code] == [404, 404]
    assert other.delete(path).status_code == 404
    reader = api.with_key(api.make_key(["warehouse_view:read"]))
    writer = api.with_key(api.make_key(["warehouse_view:write"]))
    stranger = api.with_key(api.make_key(["warehouse_table:write"]))
    assert [reader.get(PATH).status_code, reader.get(path).status_code] == [200, 200]
    assert [stranger.get(PATH).status_code, stranger.get(path).status_code] == [403, 403]
    for refused in (reader, stranger):
        answers = (
            refused.post(PATH, json={"name": "x"}),
            refused.patch(path, json={"name": "x"}),
            refused.delete(path),
        )
        for answer in answers:
            assert answer.status_code == 403
            assert answer.json()["detail"] == "API key missing required scope 'warehouse_view:write'"
    assert writer.patch(path, json={"name": "x"}).status_code == 200
    assert writer.delete(path).status_code == 204
