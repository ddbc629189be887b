"""Creating, listing, changing and deleting endpoints. Numbers in names are those of the behaviour's cases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.endpoints.conftest import Desk, hogql, refused

NULLS = {"explain", "filters", "modifiers", "name", "response", "tags", "values", "variables", "version"}


def test_case_1_a_new_endpoint(desk: Desk) -> None:
    made = desk.make("SELECT 1", "test_query", description="d")
    assert made | {"name": "test_query", "description": "d", "is_active": True} == made
    assert (made["current_version"], made["versions_count"], made["derived_from_insight"]) == (1, 1, None)
    assert made["endpoint_path"] == f"/api/projects/{desk.api.project_id}/endpoints/test_query/run"
    assert made["url"] == f"http://testserver{made['endpoint_path']}"
    assert made["created_by"]["email"] == "admin@localhost"
    assert made["data_freshness_seconds"] == 86_400
    assert made["columns"] == [{"name": "1", "type": "integer"}]
    assert made["is_materialized"] is False
    assert made["materialization"]["can_materialize"] is False
    assert made["last_executed_at"] is None
    assert {"id", "created_at", "updated_at", "ui_url", "bucket_overrides", "tags"} <= set(made)


def test_case_2_the_query_holds_every_key(desk: Desk) -> None:
    query = desk.make()["query"]
    assert {key for key in NULLS if query[key] is None} == NULLS
    assert query["kind"] == "HogQLQuery"


@pytest.mark.parametrize("name", ["invalid@name!", "1a", "a" * 129, "a b", "", None, "ä", "a\n", "a/b"])
def test_case_4_names_that_are_none(desk: Desk, name: str | None) -> None:
    answer = desk.api.post("/endpoints", json={"name": name, "query": hogql("select 1")})
    refused(answer, 400, "name")


@pytest.mark.parametrize("name", ["a", "A-b_9", "a" * 128, "run", "versions", "last_execution_times"])
def test_names_that_are_good(desk: Desk, name: str) -> None:
    desk.make(name=name)
    assert desk.get(name)["name"] == name
    assert desk.run(name=name)["results"] == [[1]]


def test_case_5_name_and_query_are_required(desk: Desk) -> None:
    refused(desk.api.post("/endpoints", json={"query": hogql("select 1")}), 400, "name", "required")
    refused(desk.api.post("/endpoints", json={"name": "e"}), 400, "query", "required")
    assert desk.api.get("/endpoints").json()["count"] == 0


def test_case_6_a_name_is_taken_once_in_a_project(desk: Desk) -> None:
    desk.make()
    refused(desk.api.post("/endpoints", json={"name": "e", "query": hogql("select 2")}), 400, "name", "already exists")
    assert Desk(desk.api.other_project()).make()["name"] == "e"


@pytest.mark.parametrize("seconds", [60, 300, 840, 0, -1, 10**12])
def test_cases_9_and_10_freshness_has_buckets(desk: Desk, seconds: int) -> None:
    body = {"name": "e", "query": hogql("select 1"), "data_freshness_seconds": seconds}
    refused(desk.api.post("/endpoints", json=body), 400, "data_freshness_seconds", "Data freshness must be one of")
    desk.make()
    answer = desk.api.patch("/endpoints/e", json={"data_freshness_seconds": seconds})
    refused(answer, 400, "data_freshness_seconds", "Data freshness must be one of")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"cache_age_seconds": 300}, 900),
        ({"cache_age_seconds": 901}, 1_800),
        ({"cache_age_seconds": 86_400}, 86_400),
        ({"cache_age_seconds": None}, 86_400),
        ({"cache_age_seconds": 10_000_000}, 604_800),
        ({"sync_frequency": "5min"}, 900),
        ({"sync_frequency": "6hour"}, 21_600),
        ({"sync_frequency": "30day"}, 604_800),
        ({"sync_frequency": "1hour", "data_freshness_seconds": 900}, 900),
    ],
)
def test_old_names_of_freshness(desk: Desk, said: dict[str, Any], seconds: int) -> None:
    assert desk.make(**said)["data_freshness_seconds"] == seconds


def test_freshness_goes_back_to_its_default(desk: Desk) -> None:
    desk.make(data_freshness_seconds=900)
    assert desk.change({"description": "x"})["data_freshness_seconds"] == 900
    assert desk.change({"data_freshness_seconds": None})["data_freshness_seconds"] == 86_400


def test_cases_12_and_13_filters_of_the_list(desk: Desk) -> None:
    desk.make(name="on")
    desk.make(name="off", is_active=False)
    me = desk.get("on")["created_by"]["id"]

    def names(query: str) -> set[str]:
        return {found["name"] for found in desk.api.get(f"/endpoints/{query}").json()["results"]}

    assert names("") == {"on", "off"}
    assert names("?is_active=true") == {"on"}
    assert names("?is_active=false") == {"off"}
    assert names(f"?created_by={me}") == {"on", "off"}
    assert names(f"?created_by={me}&is_active=false") == {"off"}
    assert names(f"?created_by={me + 1}") == set()
    refused(desk.api.get("/endpoints?created_by=x"), 400, "created_by")


def test_the_list_has_pages(desk: Desk) -> None:
    for number in range(3):
        desk.make(name=f"e{number}")
    first = desk.api.get("/endpoints?limit=2").json()
    assert (first["count"], [e["name"] for e in first["results"]]) == (3, ["e2", "e1"])
    second = desk.api.get(first["next"]).json()
    assert ([e["name"] for e in second["results"]], second["next"]) == (["e0"], None)


def test_case_14_another_project_sees_nothing(desk: Desk) -> None:
    desk.make()
    other = Desk(desk.api.other_project())
    refused(other.ask(), 404)
    refused(other.api.get("/endpoints/e"), 404)
    refused(other.api.patch("/endpoints/e", json={}), 404)
    refused(other.api.delete("/endpoints/e"), 404)
    assert other.api.get("/endpoints").json()["results"] == []
    assert desk.run()["results"] == [[1]]


def test_case_16_a_deleted_name_is_free(desk: Desk) -> None:
    first = desk.make()
    assert desk.run()["results"] == [[1]]
    assert desk.api.delete("/endpoints/e/").status_code == 204
    for answer in (desk.api.get("/endpoints/e"), desk.ask(), desk.api.get("/endpoints/e/versions")):
        refused(answer, 404)
    again = desk.make("select 2")
    assert (again["current_version"], again["id"] != first["id"]) == (1, True)
    assert desk.run()["results"] == [[2]]


def test_case_17_deleted_by_a_change(desk: Desk) -> None:
    desk.make()
    assert desk.change({"deleted": True, "query": 1, "nonsense": 2}) == {"success": True}
    refused(desk.api.get("/endpoints/e"), 404)


def test_case_18_there_is_no_renaming(desk: Desk) -> None:
    desk.make()
    assert desk.change({"name": "other"})["name"] == "e"
    refused(desk.api.get("/endpoints/other"), 404)


def test_case_20_variables_are_found_by_their_names(desk: Desk) -> None:
    identifier = desk.variable("foo", "x")
    query = desk.make("select {variables.foo} as foo")["query"]
    assert query["variables"] == {
        identifier: {"variableId": identifier, "code_name": "foo", "value": "x", "isNull": None}
    }


def test_a_variable_without_default_is_null(desk: Desk) -> None:
    identifier = desk.variable("foo")
    query = desk.make("select {variables.foo} is null as n")["query"]
    assert query["variables"][identifier]["isNull"] is True
    assert desk.run()["results"] == [[1]]


def test_only_used_definitions_stay(desk: Desk) -> None:
    used, unused = desk.variable("foo", "x"), desk.variable("bar", "y")
    variables = {
        used: {"variableId": used, "code_name": "foo", "value": "mine"},
        unused: {"variableId": unused, "code_name": "bar"},
        "no uuid": {"code_name": "baz"},
    }
    made = desk.api.post(
        "/endpoints", json={"name": "e", "query": hogql("select {variables.foo}", variables=variables)}
    )
    assert made.status_code == 201, made.text
    kept = made.json()["query"]["variables"]
    assert (set(kept), kept[used]["value"]) == ({used}, "mine")
    plain = desk.api.post("/endpoints", json={"name": "f", "query": hogql("select 1", variables=variables)})
    assert plain.json()["query"]["variables"] is None


@pytest.mark.parametrize(("key", "text"), [("not-a-uuid", "not valid UUIDs"), (str(uuid4()), "not found")])
def test_case_21_definitions_name_insight_variables(desk: Desk, key: str, text: str) -> None:
    variables = {key: {"variableId": key, "code_name": "foo", "value": 1}}
    body = {"name": "e", "query": hogql("select {variables.foo}", variables=variables)}
    refused(desk.api.post("/endpoints", json=body), 400, "query", text)


def test_another_projects_variable_is_not_found(desk: Desk) -> None:
    identifier = Desk(desk.api.other_project()).variable("foo", 1)
    variables = {identifier: {"code_name": "foo"}}
    body = {"name": "e", "query": hogql("select {variables.foo}", variables=variables)}
    refused(desk.api.post("/endpoints", json=body), 400, "query", "not found")


def test_undefined_variables_are_named(desk: Desk) -> None:
    body = {"name": "e", "query": hogql("select {variables.one}, {variables.two}")}
    refused(desk.api.post("/endpoints", json=body), 400, "query", "undefined variable(s): one, two")


def test_case_22_a_direct_connection_is_refused(desk: Desk) -> None:
    body = {"name": "e", "query": hogql("select 1", connectionId="c")}
    refused(desk.api.post("/endpoints", json=body), 400, "query", "connection")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("select from where", "Invalid HogQL query:"),
        ("", "Invalid HogQL query:"),
        ("{variables}", "Invalid HogQL query:"),
        ("select a from nowhere", "nowhere"),
        ("select nothing from hits", "nothing"),
        ("select * from system.tables", ""),
        ("select * from p1.t", ""),
        ("select * from url('http://x')", ""),
        ("select {x}", "placeholder"),
        ("select frobnicate(1)", "frobnicate"),
        ("insert into hits values (1)", "Invalid HogQL query:"),
        ("select 1; drop table hits", "Invalid HogQL query:"),
        ("select " + "(" * 10_000 + "1" + ")" * 10_000, "Invalid HogQL query:"),
    ],
)
def test_queries_that_cannot_be(counted: Desk, text: str, detail: str) -> None:
    refused(counted.api.post("/endpoints", json={"name": "e", "query": hogql(text)}), 400, "query", detail)
    assert counted.api.get("/endpoints").json()["count"] == 0


def test_a_query_has_a_longest_text(desk: Desk) -> None:
    body = {"name": "e", "query": hogql("select '" + "x" * (1 << 20) + "'")}
    answer = desk.api.post("/endpoints", json=body)
    refused(answer, 400, "query", "longer than")
    assert answer.json()["code"] == "query_too_large"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"kind": "HogQLMetadata", "query": "select 1"}, "Supported kinds: HogQLQuery"),
        ({"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery"}}, "Supported kinds: HogQLQuery"),
        ({"kind": ["TrendsQuery"]}, "Supported kinds: HogQLQuery"),
        ("select 1", "dictionary"),
        ([], "dictionary"),
    ],
)
def test_kinds_that_are_not_published(desk: Desk, query: object, text: str) -> None:
    refused(desk.api.post("/endpoints", json={"name": "e", "query": query}), 400, "query", text)


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"description": 1}, "description"),
        ({"is_active": "maybe"}, "is_active"),
        ({"tags": "a"}, "tags"),
        ({"tags": [1]}, "tags__0"),
        ({"derived_from_insight": "x" * 13}, "derived_from_insight"),
        ({"data_freshness_seconds": "soon"}, "data_freshness_seconds"),
        ({"sync_frequency": "2hour"}, "sync_frequency"),
        ({"cache_age_seconds": -5}, "cache_age_seconds"),
        ({"bucket_overrides": {"day": "decade"}}, "bucket_overrides"),
        ({"optional_breakdown_properties": ["$browser"]}, "optional_breakdown_properties"),
    ],
)
def test_fields_that_are_wrong(desk: Desk, fields: dict[str, Any], attr: str) -> None:
    refused(desk.api.post("/endpoints", json={"name": "e", "query": hogql("select 1"), **fields}), 400, attr)
    assert desk.api.get("/endpoints").json()["count"] == 0
    desk.make()
    before = desk.get()
    refused(desk.api.patch("/endpoints/e", json={"description": "changed", **fields}), 400, attr)
    assert desk.get() == before


@pytest.mark.parametrize("body", [[], "x", 1])
def test_bodies_that_are_no_objects(desk: Desk, body: object) -> None:
    desk.make()
    for answer in (desk.api.post("/endpoints", json=body), desk.api.patch("/endpoints/e", json=body), desk.ask(body)):
        refused(answer, 400, None)
        assert answer.json()["type"] == "validation_error"


def test_a_key_may_come_in_the_body(desk: Desk) -> None:
    nobody = Desk(desk.api.with_key(None))
    key = {"personal_api_key": desk.api.key}
    assert nobody.make(**key)["name"] == "e"
    assert nobody.ask(key).status_code == 200


def test_nothing_is_stored_when_it_cannot_be_materialized(desk: Desk) -> None:
    body = {"name": "e", "query": hogql("select 1"), "is_materialized": True}
    refused(desk.api.post("/endpoints", json=body), 400, "is_materialized", "Cannot materialize endpoint. Reason: ")
    assert desk.api.get("/endpoints").json()["count"] == 0


def test_tags_are_sorted_and_replaced(desk: Desk) -> None:
    assert desk.make(tags=["b", "a", "a", " "])["tags"] == ["a", "b"]
    assert desk.change({"description": "x", "tags": None})["tags"] == ["a", "b"]
    assert desk.change({"tags": []})["tags"] == []


def test_columns_are_told_in_the_apis_types(counted: Desk) -> None:
    text = "select id, event, amount, day, [1] as list, toDateTime('2026-01-01') as at, id > 1 as big from hits"
    assert [column["type"] for column in counted.make(text)["columns"]] == [
        "integer", "string", "float", "date", "array", "datetime", counted.get()["columns"][-1]["type"],
    ]  # fmt: skip


def test_columns_are_found_out_later_when_they_cannot_be_at_first(counted: Desk) -> None:
    made = counted.make("select sum(event) as s from hits")
    assert made["columns"] == []
    assert counted.get()["columns"] == []
    files = {"file": ("hits.csv", b"event\n1\n2\n", "text/csv")}
    assert counted.api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201
    assert counted.get()["columns"] == [{"name": "s", "type": "integer"}]
    assert counted.run()["results"] == [[3]]


def test_two_changes_at_once_make_two_versions(desk: Desk) -> None:
    desk.make("select 0")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: desk.change({"query": hogql(f"select {n}")}), range(1, 9)))
    assert sorted(answer["current_version"] for answer in answers) == list(range(2, 10))
    listed = desk.get(suffix="versions")
    assert listed["count"] == 9
    assert {v["query"]["query"] for v in listed["results"]} == {f"select {n}" for n in range(9)}


def test_one_name_is_made_once_by_many_at_once(desk: Desk) -> None:
    body = {"name": "e", "query": hogql("select 1")}
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda _: desk.api.post("/endpoints", json=body).status_code, range(6)))
    assert statuses == [201, 400, 400, 400, 400, 400]


def test_tags_in_bulk_are_not_allowed(desk: Desk) -> None:
    answer = desk.api.post("/endpoints/bulk_update_tags", json={})
    assert answer.status_code == 405
    assert "detail" in answer.json()
