"""Versions. Numbers in names are those of the behaviour's cases."""

import pytest

from tests.endpoints.conftest import Desk, hogql, refused, refused_by_hand


@pytest.fixture
def two(desk: Desk) -> Desk:
    """An endpoint with `select 1` and then `select 2`."""
    desk.make("select 1", description="first", data_freshness_seconds=900)
    answer = desk.api.put("/endpoints/e", json={"query": hogql("select 2")})
    assert answer.status_code == 200, answer.text
    return desk


def test_case_24_another_query_is_another_version(two: Desk) -> None:
    found = two.get()
    assert (found["current_version"], found["versions_count"]) == (2, 2)
    assert two.get(suffix="?version=1")["query"]["query"] == "select 1"
    assert two.run()["results"] == [[2]]
    assert (found["description"], found["data_freshness_seconds"]) == ("first", 900)


def test_case_25_settings_make_no_version(two: Desk) -> None:
    answer = two.api.put("/endpoints/e", json={"description": "d", "is_active": False}).json()
    assert (answer["current_version"], answer["description"], answer["is_active"]) == (2, "d", False)
    assert two.get(suffix="?version=1")["description"] == "first"


@pytest.mark.parametrize(
    "query", [hogql("select 2"), {"query": "select 2", "variables": None, "kind": "HogQLQuery", "filters": None}]
)
def test_case_26_the_same_query_makes_no_version(two: Desk, query: dict[str, object]) -> None:
    assert two.change({"query": query})["current_version"] == 2


def test_one_and_true_are_not_the_same(desk: Desk) -> None:
    identifier = desk.variable("x", 1)
    desk.make("select {variables.x}")
    variables = {identifier: {"code_name": "x", "value": True}}
    assert desk.change({"query": hogql("select {variables.x}", variables=variables)})["current_version"] == 2


def test_going_back_makes_a_version_too(two: Desk) -> None:
    assert two.change({"query": hogql("select 1")})["current_version"] == 3


def test_case_28_a_version_is_run_by_its_number(two: Desk) -> None:
    assert two.run(suffix="?version=1")["endpoint_version"] == 1
    assert two.run({"version": 1})["results"] == [[1]]
    assert two.run({"version": 1}, suffix="?version=2")["endpoint_version"] == 1
    assert two.run()["endpoint_version"] == 2


@pytest.mark.parametrize("number", [999, 0, -1, 10**17])
def test_case_29_a_version_there_is_not(two: Desk, number: int) -> None:
    for answer in (two.ask(suffix=f"?version={number}"), two.ask({"version": number})):
        body = refused_by_hand(answer, 404, f"Version {number} not found")
        assert body["current_version"] == 2


@pytest.mark.parametrize("text", ["abc", "1.5", "", "1e3", "٣"])
def test_case_30_a_version_that_is_no_number(two: Desk, text: str) -> None:
    refused_by_hand(two.ask(suffix=f"?version={text}"), 400, "Invalid version parameter")


def test_a_body_version_that_is_no_number(two: Desk) -> None:
    refused(two.ask({"version": "abc"}), 400, "version")


def test_case_32_one_version_is_retrieved(two: Desk) -> None:
    found = two.get(suffix="?version=1")
    assert (found["version"], found["query"]["query"], found["url"], found["ui_url"]) == (1, "select 1", None, None)
    assert found["created_by"] == found["version_created_by"]
    assert found["current_version_id"] == found["version_id"] != two.get()["current_version_id"]
    assert {"version_created_at", "version_updated_at", "endpoint_is_active", "created_at"} <= set(found)
    assert two.get(suffix="versions/1") == found


def test_retrieving_a_version_there_is_not(two: Desk) -> None:
    for path in ("?version=9", "versions/9", "materialization_status?version=9"):
        refused_by_hand(two.api.get(f"/endpoints/e/{path}"), 404, "Version 9 not found")
    answer = two.api.post("/endpoints/e/materialization_preview", json={"version": 9})
    refused_by_hand(answer, 404, "Version 9 not found")
    for path in ("?version=abc", "materialization_status?version=1.5", "?version=1e2"):
        refused(two.api.get(f"/endpoints/e/{path}"), 400, "version")
    refused(two.api.post("/endpoints/e/materialization_preview", json={"version": "abc"}), 400, "version")
    refused(two.api.get("/endpoints/e/versions/abc"), 404)


def test_case_33_a_version_is_switched(two: Desk) -> None:
    assert two.change({"is_active": False}, suffix="?version=1")["is_active"] is False
    found = two.get(suffix="?version=1")
    assert (found["is_active"], found["endpoint_is_active"], two.get()["is_active"]) == (False, True, True)
    assert two.change({"is_active": True, "version": 1})["is_active"] is True


def test_case_34_an_inactive_version_does_not_run(two: Desk) -> None:
    two.change({"is_active": False}, suffix="?version=1")
    assert two.run()["results"] == [[2]]
    refused(two.ask(suffix="?version=1"), 400, "version", "inactive")


def test_the_current_version_is_the_highest_also_when_it_is_inactive(two: Desk) -> None:
    two.change({"is_active": False, "version": 2})
    refused(two.ask(), 400, "version", "inactive")
    assert two.run({"version": 1})["results"] == [[1]]


def test_case_36_an_inactive_endpoint_is_not_there_to_run(two: Desk) -> None:
    two.change({"is_active": False})
    for answer in (two.ask(), two.ask(suffix="?version=1"), two.api.get("/endpoints/e/run")):
        refused(answer, 404)
        assert answer.json()["code"] == "not_found"
    # Before anything in the body is looked at.
    refused(two.ask({"nonsense": 1}), 404)
    assert two.get()["is_active"] is False
    two.change({"is_active": True})
    assert two.run()["results"] == [[2]]


def test_case_37_changing_a_version_there_is_not(two: Desk) -> None:
    refused(two.api.put("/endpoints/e?version=999", json={"is_materialized": True}), 400, "version", "999")
    refused(two.api.patch("/endpoints/e?version=abc", json={}), 400, "version")


def test_case_38_a_versions_query_never_changes(two: Desk) -> None:
    for answer in (
        two.api.put("/endpoints/e?version=1", json={"query": hogql("select 3")}),
        two.api.patch("/endpoints/e", json={"query": hogql("select 3"), "version": 1}),
    ):
        refused(answer, 400, "query", "Cannot change query")
    assert two.get()["versions_count"] == 2


def test_case_46_a_new_version_that_cannot_be_materialized_is_made(two: Desk) -> None:
    answer = two.change({"query": hogql("select 3"), "is_materialized": True})
    assert answer["current_version"] == 3
    assert answer["materialization_error"].startswith("Cannot materialize endpoint. Reason:")
    assert two.run()["results"] == [[3]]


def test_materializing_what_is_there_is_refused(two: Desk) -> None:
    answer = two.api.patch("/endpoints/e", json={"is_materialized": True, "description": "changed"})
    refused(answer, 400, "is_materialized", "Cannot materialize endpoint. Reason:")
    assert two.get()["description"] == "first"
    assert two.change({"is_materialized": False})["is_materialized"] is False


def test_case_78_nothing_inactive_is_materialized(two: Desk) -> None:
    refused(two.api.patch("/endpoints/e", json={"is_materialized": True, "is_active": False}), 400, "is_materialized")


def test_settings_are_kept_by_version(two: Desk) -> None:
    changed = two.change({"description": "old one", "data_freshness_seconds": 3600}, suffix="?version=1")
    assert (changed["version"], changed["description"], changed["data_freshness_seconds"]) == (1, "old one", 3600)
    assert (two.get()["description"], two.get()["data_freshness_seconds"]) == ("first", 900)


def test_versions_are_listed_newest_first(two: Desk) -> None:
    listed = two.get(suffix="versions")
    assert [v["version"] for v in listed["results"]] == [2, 1]
    assert all(v["url"] is None for v in listed["results"])
    page = two.get(suffix="versions?limit=1&offset=1")
    assert ([v["version"] for v in page["results"]], page["count"]) == ([1], 2)
    two.change({"is_active": False, "version": 1})
    assert [v["version"] for v in two.get(suffix="versions?is_active=true")["results"]] == [2]
    assert two.get(suffix="versions?created_by=999")["results"] == []


def test_what_is_told_of_materialization(two: Desk) -> None:
    status = two.get(suffix="materialization_status")
    assert (status["name"], status["can_materialize"], status["status"]) == ("e_v2", False, None)
    assert "query" not in status
    assert "created_by" not in status
    preview = two.api.post("/endpoints/e/materialization_preview")
    assert preview.status_code == 200
    assert preview.json() == {
        "can_materialize": False,
        "reason": status["reason"],
        "code": "no_table",
        "line": 1,
        "column": 1,
        "transformed_query": None,
        "execution_query": None,
        "display_execution_query": None,
        "range_pairs": [],
        "aggregates": [],
        "tables": [],
    }
    bad = two.api.post("/endpoints/e/materialization_preview", json={"bucket_overrides": {"day": "x"}})
    refused(bad, 400, "bucket_overrides", "Invalid bucket override values")
