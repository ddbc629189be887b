"""Running endpoints. Numbers in names are those of the behaviour's cases."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from hedgerow.endpoints import shelf
from tests.endpoints.conftest import Desk, hogql, refused, refused_by_hand
from tests.support.apps import MakeApi

DEBUG_KEYS = {"calculation_trigger", "cache_key", "explain", "modifiers", "resolved_date_range", "timings", "hogql"}


def test_cases_48_and_49_a_stored_value_and_a_given_one(by_event: Desk) -> None:
    assert by_event.run()["results"] == [[10]]
    assert by_event.run({"variables": {"event_name": "pageleave"}})["results"] == [[10]]
    assert by_event.run({"variables": {"event_name": "other"}})["results"] == [[0]]
    assert by_event.run({"variables": {"event_name": None}})["results"] == [[0]]
    assert by_event.run({"variables": {}})["results"] == [[10]]


def test_case_50_an_unknown_variable_is_named(by_event: Desk) -> None:
    refused(by_event.ask({"variables": {"nonexistent_var": "v"}}), 400, "variables", "nonexistent_var")
    refused(by_event.ask({"variables": {"nonexistent_var": "v"}}), 400, "variables", "Unknown variable(s)")


def test_case_52_filters_override_is_not_for_sql(by_event: Desk) -> None:
    answer = by_event.ask({"filters_override": {"date_from": "-7d"}})
    refused(answer, 400, "filters_override", "Not allowed for HogQL endpoints")
    refused(by_event.ask({"query_override": {}}), 400, "query_override")


def test_case_58_a_constant(desk: Desk) -> None:
    desk.make("SELECT 42 as answer")
    found = desk.run()
    assert found["results"][0][0] == 42
    assert (found["columns"], found["types"]) == (["answer"], [["answer", "UInt8"]])


def test_the_answers_keys(by_event: Desk) -> None:
    answer = by_event.ask()
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.startswith(b'{"results":')
    found = answer.json()
    assert found | {"name": "e", "endpoint_version": 1, "hasMore": False, "error": None, "is_cached": False} == found
    assert found["endpoint_version_created_at"] == by_event.get(suffix="?version=1")["version_created_at"]
    UUID(found["execution_id"])
    assert by_event.run()["execution_id"] != found["execution_id"]
    assert {"last_refresh", "next_allowed_client_refresh", "cache_target_age", "timezone"} <= set(found)
    assert not DEBUG_KEYS & set(found)
    assert set(by_event.run({"debug": True})) >= DEBUG_KEYS


def test_case_60_pages_that_cannot_be(by_event: Desk) -> None:
    refused_by_hand(by_event.ask({"limit": 0}), 400, "limit")
    refused_by_hand(by_event.ask({"limit": -1}), 400, "limit")
    refused_by_hand(by_event.ask({"limit": 1, "offset": -1}), 400, "offset")
    refused_by_hand(by_event.ask({"offset": 5}), 400, "offset requires limit to be set")
    refused_by_hand(by_event.ask(suffix="?offset=5"), 400, "offset requires limit to be set")
    refused_by_hand(by_event.ask(suffix="?limit=x"), 400, "Invalid limit parameter")
    refused_by_hand(by_event.ask(suffix="?limit=1&offset=x"), 400, "Invalid offset parameter")
    refused(by_event.ask({"limit": "many"}), 400, "limit")


@pytest.mark.parametrize(
    ("page", "ids", "more"),
    [
        ({"limit": 5}, [1, 2, 3, 4, 5], True),
        ({"limit": 5, "offset": 15}, [16, 17, 18, 19, 20], False),
        ({"limit": 5, "offset": 18}, [19, 20], False),
        ({"limit": 5, "offset": 20}, [], False),
        ({"limit": 1, "offset": 10**15}, [], False),
        ({"limit": 10**15}, list(range(1, 21)), False),
        ({}, list(range(1, 21)), False),
    ],
)
def test_pages(counted: Desk, page: dict[str, int], ids: list[int], more: bool) -> None:
    counted.make("select id from hits order by id")
    found = counted.run(page)
    assert ([row[0] for row in found["results"]], found["hasMore"]) == (ids, more)
    assert ("limit" in found) == ("limit" in page)


@pytest.mark.parametrize(
    ("page", "ids", "more"),
    [
        ({"limit": 5}, [1, 2, 3, 4, 5], True),
        ({"limit": 7}, [1, 2, 3, 4, 5, 6, 7], False),
        ({"limit": 10}, [1, 2, 3, 4, 5, 6, 7], False),
        ({"limit": 5, "offset": 5}, [6, 7], False),
        ({"limit": 2, "offset": 5}, [6, 7], False),
        ({"limit": 5, "offset": 7}, [], False),
        ({"limit": 5, "offset": 100}, [], False),
        ({}, [1, 2, 3, 4, 5, 6, 7], False),
    ],
)
def test_a_page_stays_within_the_querys_own_limit(
    counted: Desk, page: dict[str, int], ids: list[int], more: bool
) -> None:
    counted.make("select id from hits order by id limit 7")
    found = counted.run(page)
    assert ([row[0] for row in found["results"]], found["hasMore"]) == (ids, more)
    assert (found["columns"], found["types"][0][0]) == (["id"], "id")


def test_pages_by_query_string_and_get(counted: Desk) -> None:
    counted.make("select id from hits order by id")
    assert counted.run(suffix="?limit=2&offset=1")["results"] == [[2], [3]]
    assert counted.run({"limit": 1}, suffix="?limit=2&offset=1")["results"] == [[2]]
    got = counted.api.get("/endpoints/e/run/?limit=2&offset=1&version=1&_=5").json()
    assert (got["results"], got["limit"], got["offset"]) == ([[2], [3]], 2, 1)
    assert counted.run(suffix="?customer=5")["results"]
    refused(counted.api.get("/endpoints/e/run?customer=5"), 400, "variables", "Unknown variable(s): customer")


def test_what_this_server_cuts_is_told(desk: Desk) -> None:
    desk.make("select number from numbers(300)")
    found = desk.run()
    assert (len(found["results"]), found["hasMore"]) == (100, True)
    desk.make("select number from numbers(300) limit 300", "all")
    found = desk.run(name="all")
    assert (len(found["results"]), found["hasMore"]) == (300, False)


def test_no_answer_is_longer_than_the_setting(make_app: MakeApi) -> None:
    desk = Desk(make_app(query_max_rows=5))
    desk.make("select number from numbers(20) limit 10")
    found = desk.run()
    assert (len(found["results"]), found["hasMore"]) == (5, True)
    found = desk.run({"limit": 8})
    assert (len(found["results"]), found["hasMore"]) == (5, True)


def test_case_64_a_union_has_no_pages(desk: Desk) -> None:
    desk.make("select 1 union all select 2")
    assert sorted(desk.run()["results"]) == [[1], [2]]
    refused(desk.ask({"limit": 1}), 400, desk.ask({"limit": 1}).json()["attr"], "UNION")
    desk.make("select * from (select 1 as n union all select 2) order by n", "wrapped")
    assert desk.run({"limit": 1}, "wrapped")["results"] == [[1]]


@pytest.mark.parametrize(
    ("body", "attr", "text"),
    [
        ({"nonsense": 1}, "nonsense", ""),
        ({"refresh": "async"}, "refresh", "cache, force, direct"),
        ({"refresh": 1}, "refresh", "cache, force, direct"),
        ({"refresh": "direct"}, "refresh", "direct"),
        ({"refresh": "direct"}, "refresh", "materialized"),
        ({"variables": []}, "variables", ""),
        ({"variables": {"event_name": {"a": 1}}}, "variables", "event_name"),
        ({"variables": {"event_name": [["a"]]}}, "variables", "event_name"),
        ({"debug": "perhaps"}, "debug", ""),
        ({"client_query_id": 5}, "client_query_id", ""),
        ({"client_query_id": "x y"}, "client_query_id", ""),
        ({"client_query_id": "x" * 129}, "client_query_id", ""),
        ({"version": 1.5}, "version", ""),
    ],
)
def test_case_66_bodies_that_are_refused(by_event: Desk, body: dict[str, Any], attr: str, text: str) -> None:
    refused(by_event.ask(body), 400, attr, text)


@pytest.mark.parametrize("refresh", ["cache", "force", "blocking", "force_blocking", None])
def test_ways_to_refresh_in_both_generations(by_event: Desk, refresh: str | None) -> None:
    assert by_event.run({"refresh": refresh})["results"] == [[10]]


def test_a_run_needs_no_body(by_event: Desk) -> None:
    assert by_event.api.post("/endpoints/e/run").json()["results"] == [[10]]
    assert by_event.api.request("POST", "/endpoints/e/run", content=b"").status_code == 200
    plain = by_event.api.request("POST", "/endpoints/e/run", content=b"{", headers={"content-type": "text/plain"})
    refused(plain, 400)
    assert plain.json()["code"] == "parse_error"


@pytest.mark.parametrize("name", ["nope", "a b", "e%2Frun", "x" * 5000, "e'--"])
def test_endpoints_there_are_not(by_event: Desk, name: str) -> None:
    answer = by_event.api.post(f"/endpoints/{name}/run", json={})
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("mount", ["projects", "environments"])
@pytest.mark.parametrize("end", ["", "/"])
def test_both_mounts_and_both_slash_forms(by_event: Desk, mount: str, end: str) -> None:
    path = f"/api/{mount}/{by_event.api.project_id}/endpoints/e/run{end}"
    assert by_event.api.post(path, json={}).json()["results"] == [[10]]
    assert by_event.api.get(path).json()["results"] == [[10]]
    assert by_event.api.put(path, json={}).status_code == 405


def test_scopes(by_event: Desk) -> None:
    reader = Desk(by_event.api.with_key(by_event.api.make_key(["endpoint:read"])))
    assert reader.run()["results"] == [[10]]
    assert reader.get()["name"] == "e"
    for answer in (
        reader.api.post("/endpoints", json={}),
        reader.api.patch("/endpoints/e", json={}),
        reader.api.put("/endpoints/e", json={}),
        reader.api.delete("/endpoints/e"),
    ):
        refused(answer, 403, text="missing required scope 'endpoint:write'")
    stranger = Desk(by_event.api.with_key(by_event.api.make_key(["query:read"])))
    for answer in (stranger.ask(), stranger.api.get("/endpoints/e/run"), stranger.api.get("/endpoints")):
        refused(answer, 403, text="missing required scope 'endpoint:read'")
    refused(Desk(by_event.api.with_key(None)).ask(), 401)
    refused(Desk(by_event.api.with_key(by_event.api.make_key(["*"], projects=[1]))).ask(), 403)


def test_case_61_a_run_tells_what_is_wrong_with_its_query(counted: Desk) -> None:
    counted.make("select id from hits")
    files = {"file": ("hits.csv", b"other\n1\n", "text/csv")}
    assert counted.api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201
    answer = counted.ask()
    assert answer.status_code == 400
    assert "id" in answer.json()["detail"]


def test_guardrails(make_app: MakeApi) -> None:
    desk = Desk(make_app(api_query_timeout=0.3, query_memory=20_000_000))
    desk.make("select count() from numbers(100000000000) where number % 7 = 3", "slow")
    began = time.monotonic()
    answer = desk.ask(name="slow")
    refused(answer, 400)
    assert answer.json()["code"] == "query_timeout"
    assert time.monotonic() - began < 5
    desk.make("select length(groupArray(toString(number))) from numbers(10000000)", "large")
    answer = desk.ask(name="large")
    refused(answer, 400)
    assert answer.json()["code"] in {"query_memory_limit", "query_timeout"}


def test_a_run_is_cancelled_by_its_id(desk: Desk) -> None:
    desk.make("select count() from numbers(1000000000000) where number % 7 = 3")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(desk.ask, {"client_query_id": "mine"})
        other = desk.api.other_project()
        end = time.monotonic() + 20
        assert other.delete("/query/mine").status_code == 404
        while desk.api.delete("/query/mine").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        answer = running.result(10)
    refused(answer, 400)
    assert answer.json()["code"] == "query_cancelled"


def test_another_process_sees_a_change_within_a_second(make_app: MakeApi, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    here = Desk(make_app(database_url=shared))
    there = Desk(replace(make_app(database_url=shared), project_id=here.api.project_id, key=here.api.key))
    here.make("select 1")
    assert there.run()["results"] == [[1]]
    here.change({"query": hogql("select 2")})
    assert here.run()["results"] == [[2]]
    time.sleep(1.1)
    assert there.run()["results"] == [[2]]
    there.api.delete("/endpoints/e")
    time.sleep(1.1)
    refused(here.ask(), 404)


def test_a_stop_loses_no_run(make_app: MakeApi, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    desk = Desk(make_app(database_url=shared))
    desk.make()
    desk.run()
    desk.api.call(desk.api.house.endpoints.close)
    with desk.api.house.store.read() as session:
        found = shelf.last_executions(session, desk.api.project_id, ["e"])
    assert list(found) == ["e"]


def test_cases_113_and_118_last_executions(desk: Desk) -> None:
    for name in ("a", "b", "never"):
        desk.make(name=name)
    status = desk.api.post("/endpoints/last_execution_times", json={"names": []}).json()["query_status"]
    assert (status["results"], status["complete"], status["id"]) == (None, True, "")
    assert status["team_id"] == desk.api.project_id

    def ran(*names: str) -> list[list[str]]:
        answer = desk.api.post("/endpoints/last_execution_times/", json={"names": names})
        assert answer.status_code == 200, answer.text
        found: list[list[str]] = answer.json()["query_status"]["results"]
        return found

    assert ran("a", "unknown", "never") == []
    desk.run(name="a")
    desk.run(name="b")
    found = ran("a", "b", "unknown", "never")
    assert [name for name, _ in found] == ["a", "b"]
    assert desk.get("a")["last_executed_at"] == found[0][1]
    assert desk.get("a", "?version=1")["last_executed_at"] == found[0][1]
    desk.run(name="a")
    assert ran("a") == found[:1]
    refused(desk.api.post("/endpoints/last_execution_times", json={"names": ["a b"]}), 400, "names")
    refused(desk.api.post("/endpoints/last_execution_times", json={}), 400, "names", "required")


def test_case_116_runs_have_a_rate_of_their_own(make_app: MakeApi) -> None:
    desk = Desk(make_app(throttle=True, throttle_query_burst="2/minute"))
    desk.make()
    desk.run()
    assert desk.api.get("/endpoints/e/run").status_code == 200
    answer = desk.ask()
    refused(answer, 429)
    assert int(answer.headers["retry-after"]) > 0
    other = Desk(desk.api.other_project())
    other.make()
    other.run()
    assert desk.api.get("/endpoints/e").status_code == 200


def test_runs_on_postgresql(postgres_url: str, make_app: MakeApi) -> None:
    desk = Desk(make_app(database_url=postgres_url))
    desk.variable("x", 1, "Number")
    desk.make("select {variables.x} as x", tags=["b", "a"])
    assert desk.run({"variables": {"x": 5}})["results"] == [[5]]
    desk.change({"query": hogql("select {variables.x} + 1 as x")})
    assert (desk.run()["results"], desk.run({"version": 1})["results"]) == ([[2]], [[1]])
    assert desk.get()["last_executed_at"] is not None
    assert desk.api.delete("/endpoints/e").status_code == 204
    assert desk.make()["current_version"] == 1


def test_runs_ask_the_store_for_next_to_nothing(by_event: Desk) -> None:
    by_event.run()
    asked: list[str] = []
    engine = by_event.api.house.store.engine

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    began = time.monotonic()
    for number in range(100):
        by_event.run({"variables": {"event_name": f"event {number}"}})
    # Each of four memories looks once a second whether it is still right.
    assert len(asked) <= 10 * (1 + time.monotonic() - began)


def test_a_refused_run_is_none(by_event: Desk) -> None:
    by_event.ask({"limit": 0})
    by_event.ask({"variables": {"x": 1}})
    assert by_event.get()["last_executed_at"] is None


def test_a_run_over_a_changed_table_sees_it(by_event: Desk) -> None:
    assert by_event.run()["results"] == [[10]]
    files = {"file": ("hits.csv", b"event\npageview\n", "text/csv")}
    assert by_event.api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201
    assert by_event.run()["results"] == [[1]]
