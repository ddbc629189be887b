"""Users, organizations, projects and keys over HTTP."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.support.apps import Api


def refusal(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    detail: str = answer.json()["detail"]
    return detail


def test_the_asker_is_told_as_clients_read_it(api: Api) -> None:
    for path in ("/api/users/@me/", "/api/users/@me"):
        me = api.get(path).json()
        assert set(me) >= {"id", "uuid", "distinct_id", "email", "first_name", "team", "organization", "organizations"}
        assert me["team"]["id"] == api.project_id
        assert me["team"]["api_token"].startswith("phc_")
        assert me["team"]["organization"] == me["organization"]["id"]
        assert [o["id"] for o in me["organizations"]] == [me["organization"]["id"]]
        assert [t["id"] for t in me["organization"]["teams"]] == [api.project_id]


def test_the_asker_changes_names_and_the_current_project(api: Api) -> None:
    other = api.other_project()
    changed = api.patch("/api/users/@me", json={"first_name": "Ada", "set_current_team": other.project_id}).json()
    assert (changed["first_name"], changed["team"]["id"]) == ("Ada", other.project_id)
    assert api.get("/api/projects/@current").json()["id"] == other.project_id
    assert refusal(api.patch("/api/users/@me", json={"set_current_team": 10**9}), 404) == "Project not found."


def test_organizations_and_their_projects(api: Api) -> None:
    (home,) = api.get("/api/organizations/").json()["results"]
    assert api.get(f"/api/organizations/{home['id']}/").json() == home
    assert api.get("/api/organizations/@current/").json() == home
    assert refusal(api.get(f"/api/organizations/{uuid4()}"), 404) == "Not found."
    made = api.post("/api/organizations", json={"name": "Second"})
    assert made.status_code == 201
    project = api.post(f"/api/organizations/{made.json()['id']}/projects/", json={"name": "P"})
    assert project.status_code == 201
    listed = api.get(f"/api/organizations/{made.json()['id']}/projects").json()
    assert [p["id"] for p in listed["results"]] == [project.json()["id"]]
    assert {p["id"] for p in api.get("/api/projects/").json()["results"]} == {api.project_id, project.json()["id"]}


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_a_project_is_read_and_changed(api: Api, mount: str) -> None:
    path = f"/api/{mount}/{api.project_id}/"
    assert set(api.get(path).json()) >= {"id", "uuid", "organization", "name", "api_token", "timezone", "created_at"}
    changed = api.patch(path, json={"name": "Renamed", "timezone": "Europe/Berlin"}).json()
    assert (changed["name"], changed["timezone"]) == ("Renamed", "Europe/Berlin")
    wrong = api.patch(path, json={"timezone": "Mars/Base"})
    assert (wrong.status_code, wrong.json()["attr"], wrong.json()["code"]) == (400, "timezone", "invalid_choice")
    assert api.get(path).json()["timezone"] == "Europe/Berlin"


# --- keys


def _made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/api/personal_api_keys/", json={"label": "k", "scopes": ["query:read"], **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_is_shown_once_and_kept_as_a_hash(api: Api) -> None:
    made = _made(api)
    assert made["value"].startswith("phx_")
    assert api.get(f"/api/personal_api_keys/{made['id']}").json() == made | {"value": None}
    with api.house.store.read() as session:
        kept = session.execute(text("SELECT * FROM personal_keys")).all()
    assert made["value"] not in str(kept)
    assert api.with_key(made["value"]).post("/query/check_auth_for_async").status_code == 200


def test_a_deleted_key_is_refused_at_once(api: Api) -> None:
    made = _made(api)
    client = api.with_key(made["value"])
    assert client.post("/query/check_auth_for_async").status_code == 200
    assert api.delete(f"/api/personal_api_keys/{made['id']}/").status_code == 204
    detail = refusal(client.post("/query/check_auth_for_async"), 401)
    assert detail == "Personal API key found in request Authorization header is invalid."
    assert api.get(f"/api/personal_api_keys/{made['id']}").status_code == 404


def test_a_rolled_key_has_another_value(api: Api) -> None:
    made = _made(api)
    rolled = api.post(f"/api/personal_api_keys/{made['id']}/roll").json()
    assert rolled["id"] == made["id"]
    assert api.with_key(made["value"]).post("/query/check_auth_for_async").status_code == 401
    assert api.with_key(rolled["value"]).post("/query/check_auth_for_async").status_code == 200


def test_a_changed_scope_holds_at_once(api: Api) -> None:
    made = _made(api)
    client = api.with_key(made["value"])
    assert client.post("/query/check_auth_for_async").status_code == 200
    changed = api.patch(f"/api/personal_api_keys/{made['id']}", json={"scopes": ["insight:read"]}).json()
    assert (changed["scopes"], changed["label"]) == (["insight:read"], "k")
    assert refusal(client.post("/query/check_auth_for_async"), 403) == "API key missing required scope 'query:read'"


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"label": " "}, "label"),
        ({"label": "x" * 41}, "label"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["endpoint"]}, "scopes"),
        ({"scopes": ["nothing:read"]}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"scoped_teams": [10**9]}, "scoped_teams"),
        ({"scoped_organizations": ["x"]}, "scoped_organizations__0"),
    ],
)
def test_bad_keys_name_the_field(api: Api, fields: dict[str, Any], attr: str) -> None:
    before = len(api.get("/api/personal_api_keys").json())
    answer = api.post("/api/personal_api_keys", json={"label": "k", "scopes": ["*"], **fields})
    assert (answer.status_code, answer.json()["attr"]) == (400, attr), answer.text
    assert len(api.get("/api/personal_api_keys").json()) == before


def test_a_limited_key_makes_no_keys(api: Api) -> None:
    limited = api.with_key(_made(api, scopes=["user:write", "query:read"])["value"])
    assert refusal(limited.get("/api/personal_api_keys"), 403) == "API key missing required scope '*'"
    body = {"label": "more", "scopes": ["*"]}
    assert limited.post("/api/personal_api_keys", json=body).status_code == 403


def test_a_key_limited_to_a_project_stays_there(api: Api) -> None:
    other = api.other_project()
    limited = api.with_key(_made(api, scopes=["*"], scoped_teams=[other.project_id])["value"])
    assert limited.get(f"/api/projects/{other.project_id}/insight_variables").status_code == 200
    detail = refusal(limited.get("/insight_variables"), 403)
    assert detail == f"API key does not have access to the requested project: ID {api.project_id}."
    detail = refusal(limited.get("/api/organizations/"), 403)
    assert detail == "API keys with scoped projects are only supported on project-based endpoints."
    assert limited.get("/api/users/@me/").json()["team"]["id"] == other.project_id
    assert limited.post("/api/personal_api_keys", json={"label": "x", "scopes": ["*"]}).status_code == 403


def test_a_key_limited_to_an_organization_stays_there(api: Api) -> None:
    second = api.post("/api/organizations", json={"name": "Second"}).json()
    limited = api.with_key(_made(api, scopes=["*"], scoped_organizations=[second["id"]])["value"])
    assert limited.get("/insight_variables").status_code == 403
    assert [o["id"] for o in limited.get("/api/organizations").json()["results"]] == [second["id"]]
    assert limited.post("/api/organizations", json={"name": "Third"}).status_code == 403


def test_writing_satisfies_reading(api: Api) -> None:
    writer = api.with_key(_made(api, scopes=["insight_variable:write"])["value"])
    assert writer.get("/insight_variables").status_code == 200
    assert refusal(writer.get("/endpoints"), 403) == "API key missing required scope 'endpoint:read'"
