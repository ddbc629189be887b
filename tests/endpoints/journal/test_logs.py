"""The log of runs, through the whole application."""

import time
from typing import Any

from sqlalchemy import text

from tests.endpoints.conftest import Desk, refused
from tests.support.apps import MakeApi


def lines(desk: Desk, name: str = "e", **asked: Any) -> list[dict[str, Any]]:
    answer = desk.api.get(f"/endpoints/{name}/logs", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_a_run_leaves_one_line(desk: Desk) -> None:
    made = desk.make()
    run = desk.run()
    (line,) = lines(desk)
    assert line["instance_id"] == run["execution_id"]
    assert line["log_source_id"] == made["id"]
    assert (line["level"], line["status"], line["error"]) == ("INFO", 200, None)
    assert (line["path"], line["is_cached"], line["rows"], line["version"]) == ("inline", False, 1, 1)
    assert line["key_type"] == "personal_key"
    assert 0 < line["duration_ms"] < 60_000
    for part in ("Endpoint executed · path=inline cache=miss", "rows=1", "version=1", "duration_ms="):
        assert part in line["message"]


def test_the_newest_come_first_and_a_kept_result_says_so(desk: Desk) -> None:
    desk.make()
    first, second = desk.run(), desk.run()
    newest, oldest = lines(desk)
    assert [newest["instance_id"], oldest["instance_id"]] == [second["execution_id"], first["execution_id"]]
    assert (newest["is_cached"], oldest["is_cached"]) == (True, False)
    assert "cache=hit" in newest["message"]
    assert newest["timestamp"] >= oldest["timestamp"]


def test_a_refused_request_leaves_one_error(desk: Desk) -> None:
    desk.make()
    cases: list[tuple[Any, str, int, str]] = [
        ({"limit": 0}, "", 400, "limit must be a positive integer"),
        ({"offset": 5}, "", 400, "offset requires limit"),
        ({"version": 999}, "", 404, "Version 999 not found"),
        ({"surprise": 1}, "", 400, "surprise: This field is not known"),
        ({}, "?version=abc!", 400, "Invalid version parameter"),
    ]
    for number, (body, suffix, status, told) in enumerate(cases):
        assert desk.ask(body, suffix=suffix).status_code == status
        line, *others = lines(desk)
        assert len(others) == number
        assert (line["level"], line["status"]) == ("ERROR", status)
        assert line["message"].startswith("Endpoint execution failed · invalid request · ")
        assert told in line["message"]
        assert line["error"]


def test_a_query_that_fails_is_logged_with_its_detail_and_without_values(counted: Desk) -> None:
    counted.variable("day", "2026-01-01")
    counted.make("select count() as n from hits where toDate(toString({variables.day})) = day")
    secret = "customer-4711's secret"
    answer = counted.ask({"variables": {"day": secret}})
    assert answer.status_code == 400
    assert secret[:10] in answer.json()["detail"], "else the test shows nothing"
    (line,) = lines(counted)
    assert line["level"] == "ERROR"
    assert line["error"] == answer.json()["code"]
    assert f"path=inline version=1 error={line['error']} · " in line["message"]
    assert "4711" not in line["message"]
    assert "customer" not in line["message"]
    assert "Cannot parse date" in line["message"]


def test_a_value_of_the_wrong_type_is_not_told(desk: Desk) -> None:
    desk.variable("n", 1, "Number")
    desk.make("select {variables.n} as n")
    assert desk.ask({"variables": {"n": "geheim"}}).status_code == 400
    (line,) = lines(desk)
    assert "geheim" not in line["message"]
    assert "n" in line["message"]


def test_who_is_not_let_in_leaves_nothing(desk: Desk) -> None:
    desk.make()
    desk.change({"is_active": False})
    assert desk.ask().status_code == 404
    assert desk.api.with_key("phx_nobody").post("/endpoints/e/run").status_code == 401
    assert lines(desk) == []


def test_lines_are_chosen(counted: Desk) -> None:
    counted.make()
    first = counted.run()
    assert counted.ask({"limit": 0}).status_code == 400
    counted.change({"query": {"kind": "HogQLQuery", "query": "select 2 as two"}})
    second = counted.run()
    assert [line["version"] for line in lines(counted)] == [2, None, 1]
    assert [line["instance_id"] for line in lines(counted, version=1)] == [first["execution_id"]]
    assert [line["instance_id"] for line in lines(counted, instance_id=second["execution_id"])] == [
        second["execution_id"]
    ]
    assert [line["level"] for line in lines(counted, level="error,warn")] == ["ERROR"]
    assert len(lines(counted, search="LIMIT MUST BE")) == 1
    assert lines(counted, search="100%") == []
    middle = lines(counted)[1]["timestamp"]
    assert [line["version"] for line in lines(counted, after=middle)] == [2]
    assert [line["version"] for line in lines(counted, before=middle)] == [1]
    assert len(lines(counted, limit=2)) == 2
    key = lines(counted)[0]["key"]
    assert len(lines(counted, key=key)) == 3
    assert lines(counted, key="another") == []


def test_what_cannot_be_asked_is_refused(desk: Desk) -> None:
    desk.make()
    for field, value in (("limit", 999), ("limit", 0), ("level", "LOUD"), ("after", "soon"), ("version", "nobody")):
        refused(desk.api.get("/endpoints/e/logs", params={field: value}), 400, field)


def test_other_projects_and_keys_without_the_scope_see_nothing(desk: Desk) -> None:
    desk.make()
    desk.run()
    refused(desk.api.other_project().get("/endpoints/e/logs"), 404)
    refused(desk.api.with_key(desk.api.make_key(["insight:read"])).get("/endpoints/e/logs"), 403)
    assert desk.api.get("/endpoints/e/logs?version=7").status_code == 404


def test_a_token_is_told_by_its_subject(desk: Desk) -> None:
    desk.make()
    made = desk.api.post("/endpoints/e/tokens", json={"subject": "tenant 7"})
    assert made.status_code == 201, made.text
    assert desk.api.with_key(made.json()["token"]).post("/endpoints/e/run", json={}).status_code == 200
    (line,) = lines(desk)
    assert (line["key_type"], line["key"]) == ("token", "tenant 7")
    refused(desk.api.with_key(made.json()["token"]).get("/endpoints/e/logs"), 403)


def test_lines_are_written_without_being_asked_for(desk: Desk) -> None:
    desk.make()
    desk.run()
    until = time.monotonic() + 5
    while time.monotonic() < until and not _written(desk):
        time.sleep(0.05)
    assert _written(desk) == 1


def _written(desk: Desk) -> int:
    with desk.api.house.store.read() as session:
        return int(session.execute(text("SELECT count(*) FROM endpoint_logs")).scalar_one())


def test_only_so_many_are_kept(make_app: MakeApi) -> None:
    desk = Desk(make_app(run_log_rows=3))
    desk.make()
    runs = [desk.run()["execution_id"] for _ in range(5)]
    assert len(lines(desk)) == 5
    assert desk.api.house.endpoints.sweeper.sweep() == 2
    assert [line["instance_id"] for line in lines(desk)] == runs[:1:-1]
    assert desk.api.house.endpoints.sweeper.sweep() == 0
