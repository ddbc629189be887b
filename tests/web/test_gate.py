"""The gate: where keys are looked for, what they may do, on which projects."""

from uuid import UUID

import pytest

from hedgerow.web.access import Principal
from hedgerow.web.gate import holds
from tests.support.in_process import InProcess
from tests.web.conftest import HOME_ORGANIZATION, OTHER_ORGANIZATION, People

THINGS = "/api/projects/1/things"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def refused(status: int, code: str, detail: str) -> tuple[int, dict[str, object]]:
    return status, {"type": "authentication_error", "code": code, "detail": detail, "attr": None}


def test_no_credentials(web: InProcess) -> None:
    answer = web.request("GET", THINGS)
    expected = refused(401, "not_authenticated", "Authentication credentials were not provided.")
    assert (answer.status_code, answer.json()) == expected
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic cGh4", "phx_good"])
def test_header_without_a_bearer_is_no_credentials(web: InProcess, people: People, header: str) -> None:
    people.add("phx_good")
    assert web.request("GET", THINGS, headers={"Authorization": header}).json()["code"] == "not_authenticated"


def test_unknown_key_is_told_by_its_place(web: InProcess) -> None:
    body = {"name": "a", "personal_api_key": "phx_unknown"}
    answers = {
        "Authorization header": web.request("GET", THINGS, headers=bearer("phx_unknown")),
        "body": web.request("POST", THINGS, json=body),
        "query string": web.request("GET", THINGS, params={"personal_api_key": "phx_unknown"}),
    }
    for place, answer in answers.items():
        detail = f"Personal API key found in request {place} is invalid."
        assert (answer.status_code, answer.json()) == refused(401, "authentication_failed", detail)


def test_key_is_found_in_each_place(web: InProcess, people: People) -> None:
    key = people.add("phx_good")
    assert web.request("GET", THINGS, headers=bearer(key)).json() == {"project": 1}
    assert web.request("GET", THINGS, headers={"Authorization": f"bearer   {key} "}).status_code == 200
    assert web.request("GET", THINGS, params={"personal_api_key": key}).status_code == 200
    answer = web.request("POST", THINGS, json={"personal_api_key": key, "name": "a"})
    assert (answer.status_code, answer.json()) == (201, {"project": 1, "name": "a", "size": 1})


def test_body_stays_readable_after_the_gate_looked_for_a_key(web: InProcess, people: People) -> None:
    content = b'{"personal_api_key": "%s", "filler": "%s"}' % (people.add("phx_good").encode(), b"x" * 300_000)
    answer = web.request("POST", f"{THINGS}/raw", content=content)
    assert answer.json() == {"length": len(content)}


def test_only_the_first_place_with_a_value_is_tried(web: InProcess, people: People) -> None:
    key = people.add("phx_good")
    by_header = web.request("GET", THINGS, params={"personal_api_key": key}, headers=bearer("phx_bad"))
    assert by_header.status_code == 401
    assert "Authorization header" in by_header.json()["detail"]
    body = {"name": "a", "personal_api_key": "phx_bad"}
    by_body = web.request("POST", THINGS, params={"personal_api_key": key}, json=body)
    assert by_body.status_code == 401
    assert "request body" in by_body.json()["detail"]


@pytest.mark.parametrize("value", [None, 5, ["phx_good"], {"a": 1}, ""])
def test_odd_key_in_the_body_is_none(web: InProcess, people: People, value: object) -> None:
    people.add("phx_good")
    answer = web.request("POST", THINGS, json={"name": "a", "personal_api_key": value})
    assert answer.json()["code"] == "not_authenticated"


def test_missing_scope_names_the_scope(web: InProcess, people: People) -> None:
    key = people.add("phx_reader", scopes=frozenset({"thing:read", "other:write"}))
    assert web.request("GET", THINGS, headers=bearer(key)).status_code == 200
    answer = web.request("POST", THINGS, headers=bearer(key), json={"name": "a"})
    expected = refused(403, "permission_denied", "API key missing required scope 'thing:write'")
    assert (answer.status_code, answer.json()) == expected


@pytest.mark.parametrize(
    ("held", "wanted", "enough"),
    [
        (None, "a:write", True),
        ({"*"}, "a:write", True),
        ({"a:write"}, "a:read", True),
        ({"a:write"}, "a:write", True),
        ({"a:read"}, "a:write", False),
        ({"ab:write"}, "a:read", False),
        (set(), "a:read", False),
    ],
)
def test_scopes(held: set[str] | None, wanted: str, enough: bool) -> None:
    principal = Principal(1, "k", None if held is None else frozenset(held))
    assert holds(principal, wanted) is enough


def test_action_without_a_scope_takes_no_personal_key(web: InProcess, people: People) -> None:
    answer = web.request("GET", "/api/projects/1/closed", headers=bearer(people.add("phx_all")))
    expected = refused(403, "permission_denied", "This action does not support Personal API Key access")
    assert (answer.status_code, answer.json()) == expected


def test_key_limited_to_projects(web: InProcess, people: People) -> None:
    key = people.add("phx_limited", projects=frozenset({2}))
    assert web.request("GET", "/api/projects/2/things", headers=bearer(key)).status_code == 200
    answer = web.request("GET", THINGS, headers=bearer(key))
    detail = "API key does not have access to the requested project: ID 1."
    assert (answer.status_code, answer.json()) == refused(403, "permission_denied", detail)


def test_key_limited_to_projects_outside_of_them(web: InProcess, people: People) -> None:
    key = people.add("phx_limited", projects=frozenset({2}))
    assert web.request("GET", "/api/users/@me/", headers=bearer(key)).json() == {"id": 7}
    answer = web.request("GET", "/api/organizations/", headers=bearer(key))
    detail = "API keys with scoped projects are only supported on project-based endpoints."
    assert (answer.status_code, answer.json()) == refused(403, "permission_denied", detail)


def test_key_limited_to_organizations(web: InProcess, people: People) -> None:
    home = people.add("phx_home", organizations=frozenset({HOME_ORGANIZATION}))
    other = people.add("phx_other", organizations=frozenset({OTHER_ORGANIZATION}))
    assert web.request("GET", THINGS, headers=bearer(home)).status_code == 200
    answer = web.request("GET", THINGS, headers=bearer(other))
    detail = f"API key does not have access to the requested organization: ID {UUID(int=1)}."
    assert (answer.status_code, answer.json()) == refused(403, "permission_denied", detail)


@pytest.mark.parametrize(
    "project", ["999", "0", "x", "-1", "1.0", "१", "9" * 30, "@other", "1%20", "9223372036854775808"]
)
def test_unknown_project(web: InProcess, people: People, project: str) -> None:
    answer = web.request("GET", f"/api/projects/{project}/things", headers=bearer(people.add("phx_all")))
    expected = {"type": "invalid_request", "code": "not_found", "detail": "Project not found.", "attr": None}
    assert (answer.status_code, answer.json()) == (404, expected)


def test_project_of_others(web: InProcess, people: People) -> None:
    answer = web.request("GET", "/api/projects/3/things", headers=bearer(people.add("phx_all")))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_current_project(web: InProcess, people: People) -> None:
    there = people.add("phx_two", current_project=2)
    nowhere = people.add("phx_none", current_project=None)
    assert web.request("GET", "/api/projects/@current/things/", headers=bearer(there)).json() == {"project": 2}
    assert web.request("GET", "/api/projects/@current/things", headers=bearer(nowhere)).status_code == 404
    limited = people.add("phx_limited", current_project=1, projects=frozenset({2}))
    assert web.request("GET", "/api/projects/@current/things", headers=bearer(limited)).status_code == 403


def test_both_mounts_with_and_without_a_slash(web: InProcess, people: People) -> None:
    headers = bearer(people.add("phx_all"))
    for mount in ("projects", "environments"):
        for slash in ("", "/"):
            url = f"/api/{mount}/2/things{slash}"
            assert web.request("GET", url, headers=headers).json() == {"project": 2}
            assert web.request("POST", url, headers=headers, json={"name": "a"}).status_code == 201


def test_members_pass_without_asking_for_the_project(web: InProcess, people: People) -> None:
    web.request("GET", THINGS, headers=bearer(people.add("phx_all")))
    assert people.asked == 0


def test_access_is_refused_before_input_is_judged(web: InProcess) -> None:
    assert web.request("POST", THINGS, json={"size": "x"}).status_code == 401
    assert web.request("GET", f"{THINGS}/not-a-uuid").status_code == 401
