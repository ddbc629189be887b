"""Endpoints as tables: switched on and off, refreshed, read, and what is told of them."""

import time
from datetime import timedelta
from typing import Any

import pytest

from hedgerow.endpoints.rows import MaterializationRow
from hedgerow.kit.clock import now
from hedgerow.materialize.rows import BuiltTableRow
from tests.endpoints.conftest import Desk, hogql, refused

BY_EVENT = "select event, count() as n, sum(amount) as total from hits where event = {variables.event} group by event"


@pytest.fixture
def stored(counted: Desk) -> Desk:
    """Endpoint `e` over the hits of one event, materialized."""
    counted.variable("event", "pageview")
    counted.make(BY_EVENT, is_materialized=True)
    settled(counted)
    return counted


def settled(desk: Desk, name: str = "e", suffix: str = "", status: str = "Completed") -> dict[str, Any]:
    """The status once a refresh has ended so."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = desk.get(name, f"materialization_status{suffix}")
        if found["status"] == status:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def debugged(desk: Desk, event: str = "pageview", **more: Any) -> dict[str, Any]:
    return desk.run({"variables": {"event": event}, "debug": True, **more})


def physical(desk: Desk) -> list[str]:
    with desk.api.house.store.read() as session:
        rows = session.query(BuiltTableRow).filter_by(project_id=desk.api.project_id, state="live")
        return [row.physical for row in rows]


def aged(desk: Desk, **by: int) -> None:
    """Let the tables be older than they are."""
    with desk.api.house.store.write() as session:
        for row in session.query(MaterializationRow):
            row.materialized_at = now() - timedelta(**by)
    desk.change({"description": f"{by}"})


def test_a_run_reads_the_table(stored: Desk) -> None:
    run = debugged(stored)
    assert run["results"] == [["pageview", 10, 105]]
    assert (run["path"], run["endpoint_materialized"]) == ("materialized", True)
    assert run["endpoint_materialized_at"]
    assert "e_v1" in run["hogql"]
    assert run["columns"] == ["event", "n", "total"]


def test_the_shape_is_that_of_an_inline_run(stored: Desk) -> None:
    one, other = debugged(stored), debugged(stored, refresh="direct")
    assert other["path"] == "inline"
    assert (one["columns"], one["types"], one["results"]) == (other["columns"], other["types"], other["results"])


def test_what_is_told_of_it(stored: Desk) -> None:
    shown = stored.get()
    assert shown["is_materialized"] is True
    status = shown["materialization"]
    assert (status["name"], status["status"], status["error"], status["rows"]) == ("e_v1", "Completed", "", 2)
    assert status["last_materialized_at"]
    assert status["saved_query_id"]


def test_it_is_not_materialized_before_its_first_table(counted: Desk) -> None:
    counted.variable("event")
    made = counted.make(BY_EVENT, is_materialized=True)
    assert made["is_materialized"] is False
    assert made["materialization"]["can_materialize"] is True


def test_every_variable_is_required(stored: Desk) -> None:
    refused(stored.ask({}), 400, "variables", "Required variable")
    refused(stored.ask({"variables": {"event": None}}), 400, "variables", "event")
    refused(stored.ask({"variables": {"event": "x", "other": 1}}), 400, "variables", "other")


def test_direct_needs_a_table(counted: Desk) -> None:
    counted.make("select count() from hits")
    refused(counted.ask({"refresh": "direct"}), 400, "refresh", "materialized")


def test_a_query_that_cannot_be_exact_makes_no_endpoint(counted: Desk) -> None:
    counted.variable("event")
    text = "select groupArray(id) from hits where event = {variables.event}"
    answer = counted.api.post("/endpoints", json={"name": "e", "query": hogql(text), "is_materialized": True})
    refused(answer, 400, "is_materialized", "Cannot materialize endpoint. Reason:")
    assert counted.api.get("/endpoints/e").status_code == 404


def test_switching_off_takes_the_table_away(stored: Desk) -> None:
    assert len(physical(stored)) == 1
    assert stored.change({"is_materialized": False})["is_materialized"] is False
    assert physical(stored) == []
    assert debugged(stored)["path"] == "inline"


@pytest.mark.parametrize("how", ["inactive", "version", "deleted"])
def test_what_is_not_active_has_no_table(stored: Desk, how: str) -> None:
    if how == "inactive":
        stored.change({"is_active": False})
    elif how == "version":
        stored.change({"is_active": False, "version": 1})
    else:
        assert stored.api.delete("/endpoints/e").status_code == 204
    assert physical(stored) == []
    with stored.api.house.store.read() as session:
        assert session.query(MaterializationRow).count() == 0


def test_an_inactive_endpoint_is_not_materialized(counted: Desk) -> None:
    counted.make("select count() from hits", is_active=False)
    answer = counted.api.patch("/endpoints/e", json={"is_materialized": True})
    refused(answer, 400, "is_materialized")


def test_a_new_version_gets_tables_of_its_own(stored: Desk) -> None:
    other = BY_EVENT.replace("sum(amount)", "max(amount)")
    assert stored.change({"query": hogql(other)})["current_version"] == 2
    settled(stored, suffix="?version=2")
    assert debugged(stored)["results"] == [["pageview", 10, 19.5]]
    first = debugged(stored, version=1)
    assert (first["path"], first["results"]) == ("materialized", [["pageview", 10, 105]])
    assert len(physical(stored)) == 2


def test_a_new_version_that_cannot_have_tables_is_made_all_the_same(stored: Desk) -> None:
    text = "select groupArray(id) from hits where event = {variables.event}"
    changed = stored.change({"query": hogql(text)})
    assert changed["current_version"] == 2
    assert "order" in changed["materialization_error"]
    assert debugged(stored)["path"] == "inline"


def test_a_name_that_is_taken_is_left_alone(counted: Desk) -> None:
    made = counted.api.post("/warehouse_saved_queries", json={"name": "e_v1", "query": hogql("select 1 as one")})
    assert made.status_code == 201, made.text
    counted.make("select count() from hits")
    refused(counted.api.patch("/endpoints/e", json={"is_materialized": True}), 400, "is_materialized", "e_v1")


def test_a_stale_table_is_not_read(stored: Desk) -> None:
    aged(stored, days=2)
    run = debugged(stored)
    assert (run["path"], run["results"]) == ("materialized_fallback", [["pageview", 10, 105]])
    assert "older" in run["inline_reason"]


def test_a_table_that_is_gone_is_answered_inline(stored: Desk) -> None:
    (table,) = physical(stored)
    stored.api.call(stored.api.house.engine.drop_table, f"p{stored.api.project_id}", table)
    run = debugged(stored)
    assert (run["path"], run["results"]) == ("materialized_fallback", [["pageview", 10, 105]])


def test_pages_are_read_from_the_table(counted: Desk) -> None:
    counted.make("select id from hits order by id desc", is_materialized=True)
    settled(counted)
    run = counted.run({"limit": 3, "offset": 2, "debug": True})
    assert (run["results"], run["hasMore"], run["path"]) == ([[18], [17], [16]], True, "materialized")


def test_a_failed_refresh_keeps_the_table_and_tells_why(stored: Desk) -> None:
    (before,) = physical(stored)
    tables = stored.api.get("/warehouse_tables").json()["results"]
    assert stored.api.delete(f"/warehouse_tables/{tables[0]['id']}").status_code in {200, 204}
    with stored.api.house.store.write() as session:
        for row in session.query(MaterializationRow):
            version = str(row.version_id)
        payload = {"version_id": version}
        stored.api.house.jobs.jobs.enqueue(session, "endpoint_refresh", f"endpoint_version:{version}", payload)
    status = settled(stored, status="Failed")
    assert "hits" in status["error"]
    assert physical(stored) == [before]


def test_a_preview_tells_what_would_be_kept(counted: Desk) -> None:
    counted.variable("event")
    counted.make(BY_EVENT)
    preview = counted.api.post("/endpoints/e/materialization_preview").json()
    assert (preview["can_materialize"], preview["reason"]) == (True, None)
    assert "{variables.event}" in preview["execution_query"]
    assert "e_v1" in preview["execution_query"]
    assert [one["reaggregate_fn"] for one in preview["aggregates"]] == ["countMerge", "sumMerge"]
    (table,) = preview["tables"]
    assert (table["keeps"], table["order_by"]) == ("states", ["event"])
