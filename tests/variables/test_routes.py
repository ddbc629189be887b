"""Insight variables over HTTP."""

from uuid import uuid4

import pytest

from hedgerow.variables import Variables
from tests.support.apps import Api


def _made(api: Api, **fields: object) -> dict[str, object]:
    answer = api.post("/insight_variables", json={"name": "Test 1", "type": "String", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


def test_code_name_is_made_once(api: Api) -> None:
    made = _made(api, name="Test 1", default_value="x")
    assert made["code_name"] == "test_1"
    renamed = api.patch(f"/insight_variables/{made['id']}", json={"name": "Other"}).json()
    assert renamed == made | {"name": "Other"}


@pytest.mark.parametrize(
    ("name", "code_name"), [("Añb  c", "añb__c"), ("a-b.c", "abc"), ("A_b 2", "a_b_2"), ("!!", "")]
)
def test_code_names(api: Api, name: str, code_name: str) -> None:
    assert _made(api, name=name)["code_name"] == code_name


def test_a_code_name_is_taken_once(api: Api) -> None:
    _made(api, name="Test 1")
    again = api.post("/insight_variables", json={"name": "test 1!", "type": "Number"})
    assert again.status_code == 400
    assert again.json()["detail"] == "Variable with name already exists"
    assert again.json()["attr"] is None
    _made(api.other_project(), name="Test 1")


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({"type": "String"}, "name", "required"),
        ({"name": "x"}, "type", "required"),
        ({"name": "", "type": "String"}, "name", "blank"),
        ({"name": "x" * 401, "type": "String"}, "name", "max_length"),
        ({"name": "x", "type": "Text"}, "type", "invalid_choice"),
        ({"name": "x", "type": "List", "values": [{}]}, "values", "invalid_input"),
        ({"name": "x", "type": "List", "values": "a"}, "values", "not_a_list"),
    ],
)
def test_what_is_refused(api: Api, body: dict[str, object], attr: str, code: str) -> None:
    answer = api.post("/insight_variables", json=body)
    assert answer.status_code == 400, answer.text
    assert (answer.json()["attr"], answer.json()["code"]) == (attr, code)
    assert api.get("/insight_variables").json()["count"] == 0


@pytest.mark.parametrize("default", [None, 1, 1.5, True, "x", ["a", "b"], {"a": 1}])
def test_any_json_is_a_default(api: Api, default: object) -> None:
    made = _made(api, default_value=default)
    assert api.get(f"/insight_variables/{made['id']}").json()["default_value"] == default


def test_numbers_of_a_list_become_texts(api: Api) -> None:
    assert _made(api, type="List", values=[1, "b"])["values"] == ["1", "b"]


def test_they_are_listed_in_order_and_deleted(api: Api) -> None:
    first, second = _made(api, name="b"), _made(api, name="a")
    listed = api.get("/insight_variables/").json()
    assert [v["id"] for v in listed["results"]] == [first["id"], second["id"]]
    assert api.delete(f"/insight_variables/{first['id']}").status_code == 204
    assert api.get(f"/insight_variables/{first['id']}").status_code == 404


def test_other_projects_do_not_see_them(api: Api) -> None:
    path = f"/insight_variables/{_made(api)['id']}"
    other = api.other_project()
    assert other.get(path).status_code == 404
    assert other.patch(path, json={"name": "x"}).status_code == 404
    assert other.delete(path).status_code == 404
    assert other.get("/insight_variables").json()["results"] == []
    assert api.get(path).status_code == 200


def test_unknown_ids_are_not_found(api: Api) -> None:
    assert api.get(f"/insight_variables/{uuid4()}").status_code == 404
    assert api.get("/insight_variables/x").status_code == 404


def test_a_lists_default_is_one_of_its_values(api: Api) -> None:
    made = _made(api, type="List", values=["a", 1], default_value="a")
    path = f"/insight_variables/{made['id']}"
    refused = api.patch(path, json={"default_value": "c"})
    assert (refused.status_code, refused.json()["attr"]) == (400, "default_value")
    assert api.get(path).json() == made
    assert api.patch(path, json={"default_value": "1"}).json()["default_value"] == "1"


def test_newer_clients_find_their_keys(api: Api) -> None:
    made = _made(api)
    assert {key: made[key] for key in ("is_multi", "values_query", "values_query_connection_id")} == {
        "is_multi": False,
        "values_query": None,
        "values_query_connection_id": None,
    }
    assert isinstance(made["created_by"], int)


def test_a_page_has_five_hundred(api: Api) -> None:
    with api.house.store.write() as session:
        for i in range(600):
            Variables().add(session, api.project_id, 1, {"name": f"v{i}", "type": "String"})
    first = api.get("/insight_variables").json()
    assert (first["count"], len(first["results"])) == (600, 500)
    assert first["next"].endswith("?page=2")
    second = api.get("/insight_variables?page=2").json()
    assert [v["name"] for v in second["results"]] == [f"v{i}" for i in range(500, 600)]
    past = api.get("/insight_variables?page=3")
    assert (past.status_code, past.json()["detail"]) == (404, "Invalid page.")


def test_scopes_part_reading_from_writing(api: Api) -> None:
    reader = api.with_key(api.make_key(["insight_variable:read"]))
    assert reader.get("/insight_variables").status_code == 200
    refused = reader.post("/insight_variables", json={"name": "x", "type": "String"})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "API key missing required scope 'insight_variable:write'"
