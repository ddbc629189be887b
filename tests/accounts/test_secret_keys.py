"""A project's secret keys over HTTP: they run endpoints, by POST and GET, and do nothing else."""

from typing import Any

import pytest

from tests.support.apps import Api

PATH = "/project_secret_api_keys"
RUN = "/endpoints/e/run"


@pytest.fixture
def api(make_app: Any) -> Api:
    made: Api = make_app()
    query = {"kind": "HogQLQuery", "query": "select 42 as answer"}
    assert made.post("/endpoints", json={"name": "e", "query": query}).status_code == 201
    return made


def _made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post(PATH, json={"label": "backend", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_secret_key_runs_by_post_and_get(api: Api) -> None:
    backend = api.with_key(_made(api)["value"])
    for mount in ("projects", "environments"):
        for method in ("POST", "GET"):
            answer = backend.request(method, f"/api/{mount}/{api.project_id}{RUN}")
            assert (answer.status_code, answer.json()["results"]) == (200, [[42]])
    assert api.get("/endpoints/e").json()["last_executed_at"] is not None
    assert api.patch("/endpoints/e", json={"is_active": False}).status_code == 200
    assert backend.post(RUN).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/endpoints"),
        ("POST", "/endpoints"),
        ("GET", "/endpoints/e"),
        ("PUT", "/endpoints/e"),
        ("PATCH", "/endpoints/e"),
        ("DELETE", "/endpoints/e"),
        ("GET", "/endpoints/e/versions"),
        ("GET", "/endpoints/e/materialization_status"),
        ("POST", "/endpoints/e/materialization_preview"),
        ("POST", "/endpoints/last_execution_times"),
        ("POST", "/endpoints/e/tokens"),
        ("GET", "/warehouse_tables"),
        ("POST", "/query"),
        ("GET", PATH),
        ("GET", "/api/users/@me"),
        ("POST", "/api/personal_api_keys"),
    ],
)
def test_a_secret_key_does_nothing_else(api: Api, method: str, path: str) -> None:
    key = _made(api, scopes=["*"])["value"]
    answer = api.with_key(key).request(method, path, json={})
    assert answer.status_code == 403, answer.text
    assert "does not support project secret API key" in answer.json()["detail"]


def test_a_secret_key_comes_in_the_header_only(api: Api) -> None:
    key, nobody = _made(api)["value"], api.with_key(None)
    for answer in (
        nobody.post(RUN, json={"personal_api_key": key}),
        nobody.get(RUN, params={"personal_api_key": key}),
        nobody.post(RUN, headers={"Authorization": f"Token {key}"}),
        nobody.post(RUN, headers={"Authorization": "Bearer phs_unknown"}),
    ):
        assert answer.status_code == 401, answer.text


def test_a_secret_key_without_the_scope_or_of_another_project_is_refused(api: Api) -> None:
    answer = api.with_key(_made(api, scopes=["query:read"])["value"]).post(RUN)
    assert (answer.status_code, answer.json()["detail"]) == (403, "API key missing required scope 'endpoint:read'")
    other = api.other_project()
    answer = other.with_key(_made(api)["value"]).post(RUN)
    assert answer.status_code == 403
    assert "does not have access to the requested project" in answer.json()["detail"]


def test_keys_are_listed_changed_rolled_and_revoked(api: Api) -> None:
    made = _made(api)
    path, old = f"{PATH}/{made['id']}", api.with_key(made["value"])
    assert made["value"].startswith("phs_")
    assert api.get(path).json() == made | {"value": None}
    assert [key["id"] for key in api.get(PATH).json()] == [made["id"]]
    assert api.other_project().get(path).status_code == 404
    assert old.post(RUN).status_code == 200
    changed = api.patch(path, json={"scopes": ["query:read"]}).json()
    assert (changed["label"], changed["scopes"]) == ("backend", ["query:read"])
    assert old.post(RUN).status_code == 403
    api.patch(path, json={"label": "renamed", "scopes": ["endpoint:read"]})
    rolled = api.post(path + "/roll").json()
    assert (rolled["label"], old.post(RUN).status_code) == ("renamed", 401)
    new = api.with_key(rolled["value"])
    assert new.post(RUN).status_code == 200
    assert api.delete(path).status_code == 204
    assert (new.post(RUN).status_code, api.get(PATH).json()) == (401, [])
    assert api.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 41}, "label"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["x"]}, "scopes"),
    ],
)
def test_wrong_wishes_are_refused(api: Api, fields: dict[str, Any], attr: str) -> None:
    answer = api.post(PATH, json={"label": "l", **fields})
    assert (answer.status_code, answer.json()["attr"]) == (400, attr)


def test_only_a_key_with_everything_manages_keys(api: Api) -> None:
    limited = api.with_key(api.make_key(["endpoint:write", "project:write"]))
    assert limited.get(PATH).status_code == 403
    assert limited.post("/endpoint_signing_keys", json={"label": "x"}).status_code == 403
