"""The activity log over HTTP, and what rooms write into it."""

from typing import Any

import pytest

from tests.support.apps import Api


def _query(text: str) -> dict[str, str]:
    return {"kind": "HogQLQuery", "query": text}


def _log(api: Api, **filters: Any) -> list[dict[str, Any]]:
    answer = api.get("/activity_log/", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def _fields(entry: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["before"], change["after"]) for change in entry["detail"]["changes"]}


def _made(api: Api, name: str = "e") -> dict[str, Any]:
    answer = api.post("/endpoints", json={"name": name, "query": _query("select 1"), "description": "d"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_an_endpoints_life_is_told(api: Api) -> None:
    made = _made(api)
    assert api.patch("/endpoints/e", json={"query": _query("select 2"), "is_active": True}).status_code == 200
    assert api.patch("/endpoints/e", json={"description": "other"}).status_code == 200
    assert api.patch("/endpoints/e", json={"is_active": False, "tags": ["t"]}).status_code == 200
    assert api.patch("/endpoints/e", json={"is_active": False}).status_code == 200
    assert api.patch("/endpoints/e?version=1", json={"is_active": False}).status_code == 200
    assert api.delete("/endpoints/e").status_code == 204
    entries = _log(api)
    assert [(entry["scope"], entry["activity"]) for entry in entries] == [
        ("Endpoint", "deleted"),
        ("EndpointVersion", "version_updated"),
        ("Endpoint", "updated"),
        ("EndpointVersion", "version_updated"),
        ("Endpoint", "version_created"),
        ("Endpoint", "created"),
    ]
    assert {entry["item_id"] for entry in entries if entry["scope"] == "Endpoint"} == {made["id"]}
    assert {entry["detail"]["name"] for entry in entries} == {"e"}
    deleted, first_version, switched, described, bumped, created = entries
    assert _fields(deleted) == {}
    assert _fields(first_version) == {"is_active": (True, False)}
    assert first_version["detail"]["context"]["version"] == 1
    assert _fields(switched) == {"is_active": (True, False), "tags": ([], ["t"])}
    assert _fields(described) == {"description": ("d", "other")}
    before, after = _fields(bumped).pop("query")
    assert (before["query"], after["query"], list(_fields(bumped))) == ("select 1", "select 2", ["query"])
    assert bumped["detail"]["context"] == {"version": 2, "endpoint_id": made["id"]}
    assert _fields(created)["query"][0] is None
    assert _fields(created)["query"][1]["query"] == "select 1"


def test_deeds_that_fail_or_change_nothing_are_not_told(api: Api) -> None:
    _made(api)
    count = len(_log(api))
    assert api.post("/endpoints", json={"name": "e", "query": _query("select 1")}).status_code == 400
    assert api.patch("/endpoints/e", json={"query": _query("select nowhere")}).status_code == 400
    assert api.patch("/endpoints/e", json={"query": _query("select 1"), "description": "d"}).status_code == 200
    assert api.delete("/endpoints/other").status_code == 404
    assert len(_log(api)) == count


def test_a_variables_life_is_told(api: Api) -> None:
    made = api.post("/insight_variables", json={"name": "A b", "type": "String"}).json()
    path = f"/insight_variables/{made['id']}"
    api.patch(path, json={"default_value": {"x": [1]}})
    api.patch(path, json={"default_value": {"x": [1]}})
    api.delete(path)
    entries = _log(api, scope="InsightVariable", item_id=made["id"])
    assert [entry["activity"] for entry in entries] == ["deleted", "updated", "created"]
    assert _fields(entries[1]) == {"default_value": (None, {"x": [1]})}
    assert _fields(entries[2])["code_name"] == (None, "a_b")


def test_entries_have_the_documented_shape_and_pages(api: Api) -> None:
    for number in range(3):
        _made(api, f"e{number}")
    answer = api.get("/activity_log/", params={"limit": 2}).json()
    assert (answer["total_count"], answer["count"], answer["previous"]) == (3, 3, None)
    assert [entry["detail"]["name"] for entry in answer["results"]] == ["e2", "e1"]
    entry = answer["results"][0]
    me = api.get("/api/users/@me").json()
    assert {entry["user"][name] == me[name] for name in ("id", "first_name", "email")} == {True}
    assert (entry["is_system"], entry["team_id"]) == (False, api.project_id)
    assert {"id", "name", "short_id", "type", "trigger", "merge", "changes"} <= set(entry["detail"])
    assert {"type", "action", "field", "before", "after"} == set(entry["detail"]["changes"][0])
    second = api.get(answer["next"].removeprefix("http://testserver")).json()
    assert [entry["detail"]["name"] for entry in second["results"]] == ["e0"]
    assert second["next"] is None
    assert api.get("/activity_log/", params={"page": 9}).status_code == 404


def test_the_log_is_filtered(api: Api) -> None:
    one, _ = _made(api, "one"), _made(api, "two")
    api.post("/insight_variables", json={"name": "v", "type": "String"})
    me = api.get("/api/users/@me").json()["id"]
    assert len(_log(api, scopes="Endpoint,InsightVariable")) == 3
    assert len(_log(api, scopes=["Endpoint", "InsightVariable"], user=me)) == 3
    assert [entry["item_id"] for entry in _log(api, scope="Endpoint", item_id=one["id"])] == [one["id"]]
    assert _log(api, user=me + 1) == []
    assert _log(api, activity="deleted") == []
    assert _log(api.other_project()) == []
    assert api.get("/activity_log", params={"user": "x"}).status_code == 400


@pytest.mark.parametrize("scopes", [["endpoint:read"], ["endpoint:write"]])
def test_the_log_wants_its_scope(api: Api, scopes: list[str]) -> None:
    answer = api.with_key(api.make_key(scopes)).get("/activity_log/")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "API key missing required scope 'activity_log:read'"


def test_what_happens_to_keys_is_told_and_their_values_are_not(api: Api) -> None:
    values = []
    for path, steps in (("/project_secret_api_keys", ("roll",)), ("/endpoint_signing_keys", ("rotate",))):
        made = api.post(path, json={"label": "backend"}).json()
        values.append(made.get("value") or made["secret"])
        for step in steps:
            assert api.post(f"{path}/{made['id']}/{step}").status_code in {200, 201}
        if path == "/project_secret_api_keys":
            api.patch(f"{path}/{made['id']}", json={"label": "other"})
        assert api.delete(f"{path}/{made['id']}").status_code == 204
    entries = _log(api, limit=50)
    assert [(entry["scope"], entry["activity"]) for entry in entries] == [
        ("EndpointSigningKey", "deleted"),
        ("EndpointSigningKey", "rotated"),
        ("EndpointSigningKey", "created"),
        ("ProjectSecretAPIKey", "deleted"),
        ("ProjectSecretAPIKey", "updated"),
        ("ProjectSecretAPIKey", "rolled"),
        ("ProjectSecretAPIKey", "created"),
    ]
    assert _fields(entries[4]) == {"label": ("backend", "other")}
    assert not [value for value in values if value in str(entries)]


def test_a_tables_life_is_told(api: Api) -> None:
    def upload(rows: bytes) -> dict[str, Any]:
        file = {"file": ("t.csv", b"a,b\n" + rows, "text/csv")}
        answer = api.post("/warehouse_tables/file", data={"name": "t"}, files=file)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    made = upload(b"1,x\n2,y\n")
    assert upload(b"1,x\n")["id"] == made["id"]
    path = f"/warehouse_tables/{made['id']}"
    assert api.post(path + "/update_schema", json={"updates": {"a": "string"}}).status_code == 200
    assert api.patch(path, json={"name": "u"}).status_code == 200
    assert api.delete(path).status_code == 204
    entries = _log(api, scope="DataWarehouseTable")
    assert [entry["activity"] for entry in entries] == ["deleted", "updated", "updated", "updated", "created"]
    assert {entry["user"]["id"] for entry in entries} == {api.get("/api/users/@me").json()["id"]}
    assert _fields(entries[1]) == {"name": ("t", "u")}
    assert _fields(entries[2])["columns"] == ({"a": "integer", "b": "string"}, {"a": "string", "b": "string"})
    assert _fields(entries[3])["row_count"] == (2, 1)
    assert _fields(entries[4])["row_count"] == (None, 2)
