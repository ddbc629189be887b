"""Aliases of versions: set, moved, run by, and deleted."""

import httpx
import pytest

from tests.endpoints.conftest import Desk, hogql, refused, refused_by_hand


@pytest.fixture
def two(desk: Desk) -> Desk:
    """An endpoint with `select 1` and then `select 2`."""
    desk.make("select 1")
    desk.change({"query": hogql("select 2")})
    return desk


def point(desk: Desk, alias: str, version: object, name: str = "e") -> httpx.Response:
    return desk.api.put(f"/endpoints/{name}/aliases/{alias}", json={"version": version})


def listed(desk: Desk) -> dict[str, int]:
    return {each["alias"]: each["version"] for each in desk.get(suffix="aliases")["results"]}


def test_a_run_takes_the_version_an_alias_means(two: Desk) -> None:
    answer = point(two, "stable", 1)
    assert (answer.status_code, answer.json()) == (
        200,
        {"alias": "stable", "version": 1, "is_default": False, "previous_version": None},
    )
    assert two.run({"version": "stable"})["results"] == [[1]]
    assert two.run(suffix="?version=stable")["endpoint_version"] == 1
    assert two.api.get("/endpoints/e/run?version=stable").json()["results"] == [[1]]
    assert two.run({"version": "latest"}, suffix="?version=stable")["results"] == [[2]]
    assert two.run()["results"] == [[2]]


def test_moving_an_alias_rolls_back_without_a_version(two: Desk) -> None:
    point(two, "prod", "latest")
    assert two.run({"version": "prod"})["results"] == [[2]]
    moved = point(two, "prod", 1).json()
    assert (moved["version"], moved["previous_version"]) == (1, 2)
    assert two.run({"version": "prod"})["results"] == [[1]]
    assert two.get()["versions_count"] == 2


def test_latest_moves_by_itself_and_an_alias_does_not(two: Desk) -> None:
    point(two, "stable", "latest")
    two.change({"query": hogql("select 3")})
    assert two.run({"version": "latest"})["results"] == [[3]]
    assert two.run({"version": "stable"})["results"] == [[2]]
    assert listed(two) == {"latest": 3, "stable": 2}


def test_an_alias_may_be_set_from_another(two: Desk) -> None:
    point(two, "staging", 1)
    assert point(two, "prod", "staging").json()["version"] == 1


def test_aliases_are_in_the_endpoints_answer(two: Desk) -> None:
    assert (two.get()["aliases"], two.get()["default_alias"], two.get()["default_version"]) == ({}, None, 2)
    point(two, "stable", 1)
    point(two, "canary", 2)
    assert two.get()["aliases"] == {"canary": 2, "stable": 1}
    assert two.api.get("/endpoints").json()["results"][0]["aliases"] == {"canary": 2, "stable": 1}


def test_a_version_is_retrieved_and_changed_by_an_alias(two: Desk) -> None:
    point(two, "stable", 1)
    assert two.get(suffix="?version=stable") == two.get(suffix="?version=1")
    assert two.get(suffix="materialization_status?version=stable")["name"] == "e_v1"
    assert two.api.post("/endpoints/e/materialization_preview", json={"version": "stable"}).status_code == 200
    assert two.change({"description": "old"}, suffix="?version=stable")["version"] == 1
    assert two.change({"description": "old too", "version": "stable"})["description"] == "old too"
    refused(two.api.patch("/endpoints/e", json={"query": hogql("select 3"), "version": "stable"}), 400, "query")
    assert two.get()["versions_count"] == 2


def test_an_alias_there_is_not(two: Desk) -> None:
    for path in ("?version=beta", "materialization_status?version=beta"):
        refused(two.api.get(f"/endpoints/e/{path}"), 400, "version", "beta is neither")
    refused(two.ask({"version": "beta"}), 400, "version", "beta is neither")
    refused_by_hand(two.ask(suffix="?version=beta"), 400, "Invalid version parameter: beta is neither")
    refused(two.api.patch("/endpoints/e", json={"version": "beta"}), 400, "version", "beta is neither")
    refused(point(two, "stable", "beta"), 400, "version", "beta is neither")
    refused(two.api.delete("/endpoints/e/aliases/beta"), 404, None, "no alias 'beta'")


def test_an_alias_of_a_version_there_is_not(two: Desk) -> None:
    for number in (0, 3, -1, 10**17):
        refused(point(two, "stable", number), 400, "version", f"Version {number} not found")
    assert listed(two) == {"latest": 2}


@pytest.mark.parametrize("alias", ["Stable", "1", "1st", "-x", "a b", "ä", "a" * 65, "a.b"])
def test_what_an_alias_may_not_be_called(two: Desk, alias: str) -> None:
    refused(point(two, alias, 1), 400, "alias", "lower-case letter")


@pytest.mark.parametrize("version", [None, "1.5", [1], {}, "", "Stable"])
def test_what_is_no_version(two: Desk, version: object) -> None:
    refused(point(two, "stable", version), 400, "version")


def test_latest_is_not_to_be_set(two: Desk) -> None:
    refused(point(two, "latest", 1), 400, "alias", "cannot be set")
    refused(two.api.delete("/endpoints/e/aliases/latest"), 400, "alias", "cannot be set")


def test_a_deleted_alias_is_refused(two: Desk) -> None:
    point(two, "stable", 1)
    assert two.run({"version": "stable"})["results"] == [[1]]
    assert two.api.delete("/endpoints/e/aliases/stable").status_code == 204
    refused(two.ask({"version": "stable"}), 400, "version")
    assert listed(two) == {"latest": 2}


def test_an_inactive_version_does_not_run_by_its_alias(two: Desk) -> None:
    point(two, "stable", 1)
    two.change({"is_active": False}, suffix="?version=stable")
    refused(two.ask({"version": "stable"}), 400, "version", "inactive")


def test_a_new_endpoint_of_the_same_name_has_no_aliases(two: Desk) -> None:
    point(two, "stable", 1)
    assert two.api.delete("/endpoints/e").status_code == 204
    refused(two.api.get("/endpoints/e/aliases"), 404)
    refused(point(two, "stable", 1), 404)
    two.make("select 7")
    refused(two.ask({"version": "stable"}), 400, "version")


def test_the_default_alias_answers_runs_that_name_no_version(two: Desk) -> None:
    refused(two.api.patch("/endpoints/e", json={"default_alias": "stable"}), 400, "default_alias")
    point(two, "stable", 1)
    assert two.run()["results"] == [[2]]
    changed = two.change({"default_alias": "stable"})
    assert (changed["default_alias"], changed["default_version"], changed["current_version"]) == ("stable", 1, 2)
    assert two.run()["endpoint_version"] == 1
    assert two.run({"version": "latest"})["endpoint_version"] == 2
    two.change({"query": hogql("select 3")})
    assert two.run()["endpoint_version"] == 1
    point(two, "stable", 3)
    assert two.run()["endpoint_version"] == 3
    point(two, "stable", 1)
    refused(two.api.delete("/endpoints/e/aliases/stable"), 400, "alias", "default")
    assert {each["alias"] for each in two.get(suffix="aliases")["results"] if each["is_default"]} == {"stable"}
    assert two.change({"default_alias": None})["default_version"] == 3
    assert two.run()["endpoint_version"] == 3


def test_a_new_endpoint_has_no_alias_for_a_default(desk: Desk) -> None:
    answer = desk.api.post("/endpoints", json={"name": "e", "query": hogql("select 1"), "default_alias": "stable"})
    refused(answer, 400, "default_alias")
    assert desk.make("select 1", default_alias="latest")["default_alias"] is None


def test_what_was_done_to_aliases_is_in_the_activity_log(two: Desk) -> None:
    point(two, "stable", 1)
    point(two, "stable", 1)
    point(two, "stable", 2)
    entries = two.api.get("/activity_log?scope=Endpoint").json()["results"]
    changes = [
        c for e in entries for c in e["detail"]["changes"] if c["field"] == "aliases" and e["activity"] == "updated"
    ]
    assert [(c["before"], c["after"]) for c in changes] == [({"stable": 1}, {"stable": 2}), ({}, {"stable": 1})]


def test_aliases_ask_for_their_scopes(two: Desk) -> None:
    reader = two.api.with_key(two.api.make_key(["endpoint:read"]))
    assert reader.get("/endpoints/e/aliases").status_code == 200
    refused(reader.put("/endpoints/e/aliases/stable", json={"version": 1}), 403, None, "endpoint:write")
    refused(reader.delete("/endpoints/e/aliases/stable"), 403, None, "endpoint:write")
    other = two.api.other_project()
    assert other.put("/endpoints/e/aliases/stable", json={"version": 1}).status_code == 404


def test_a_token_for_one_version_takes_its_alias_and_no_other(two: Desk) -> None:
    point(two, "stable", 1)
    point(two, "canary", 2)
    token = two.api.post("/endpoints/e/tokens", json={"versions": [1]}).json()["token"]
    holder = Desk(two.api.with_key(token))
    assert holder.run({"version": "stable"})["results"] == [[1]]
    assert holder.run()["results"] == [[1]]
    refused(holder.ask({"version": "canary"}), 403)
    refused(holder.ask({"version": "latest"}), 403)


def test_a_token_is_checked_against_the_version_that_answers_by_default(desk: Desk) -> None:
    desk.variable("tenant", "a")
    desk.make("select {variables.tenant}")
    desk.change({"query": hogql("select 2")})
    refused(desk.api.post("/endpoints/e/tokens", json={"variables": {"tenant": "x"}}), 400, "variables")
    point(desk, "stable", 1)
    desk.change({"default_alias": "stable"})
    made = desk.api.post("/endpoints/e/tokens", json={"variables": {"tenant": "x"}})
    assert made.status_code == 201, made.text
    assert Desk(desk.api.with_key(made.json()["token"])).run()["results"] == [["x"]]
