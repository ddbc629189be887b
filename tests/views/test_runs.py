"""Views made into tables: runs, waves, cancelling, failing, and what readers see meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from hedgerow.language.query.catalog import PhysicalTable
from hedgerow.views import shelf
from hedgerow.views.runs.waves import Waves
from tests.support.apps import Api
from tests.views.conftest import Save, query, rows

pytestmark = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)
PATH = "/warehouse_saved_queries"
LONG = "select count() as n from numbers(1000000000000)"


def wait(api: Api, view: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The view once it has one of those statuses."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found: dict[str, Any] = api.get(f"{PATH}/{view['id']}").json()
        if found["status"] in statuses:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{view['name']} is {found['status']}: {found['latest_error']}")


def act(api: Api, view: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
    answer = api.post(f"{PATH}/{view['id']}/{action}", json=body or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def history(api: Api, view: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{PATH}/{view['id']}/run_history").json()["run_history"]
    return found


def backing(api: Api, name: str) -> str | None:
    """The physical table that serves a view."""
    table = api.call(api.house.warehouse.catalogs.fetch, api.project_id).tables[name].backing
    return table.table if isinstance(table, PhysicalTable) else None


def physical_tables(api: Api) -> frozenset[str]:
    found: frozenset[str] = api.call(api.house.engine.tables, f"p{api.project_id}")
    return frozenset(name for name in found if name.startswith("m_"))


def wave(api: Api, choose: Callable[[Any], list[Any]]) -> None:
    """Begin a wave of the views that `choose` picks from a session."""
    with api.house.store.write() as session:
        sequence = shelf.lock(session, api.project_id)
        Waves(api.house.jobs.jobs).begin(session, sequence, choose(session))


def test_a_materialized_view_answers_from_its_table(sales: Api, save: Save) -> None:
    view = save("totals", "select city, sum(amount) as total from sales group by city")
    assert history(sales, view) == []
    shown = act(sales, view, "materialize")
    assert (shown["is_materialized"], shown["sync_frequency"], shown["status"]) == (True, "24hour", "Running")
    done = wait(sales, view, "Completed")
    assert (done["latest_error"], done["columns"]) == (None, view["columns"])
    assert done["last_run_at"]
    assert backing(sales, "totals") in physical_tables(sales)
    assert rows(sales, "select * from totals order by city") == [["Oslo", 20], ["Rome", 15]]
    [run] = history(sales, view)
    assert (run["status"], run["rows"], run["error"]) == ("Completed", 2, None)
    assert run["bytes"] > 0
    assert act(sales, view, "materialize")["status"] == "Completed"
    assert len(history(sales, view)) == 1


def test_a_table_stays_as_it_was_until_the_next_run(sales: Api, save: Save) -> None:
    view = save("copy", "select id from sales")
    act(sales, view, "run")
    wait(sales, view, "Completed")
    first = backing(sales, "copy")
    more = {"file": ("s.csv", b"id,city,amount\n1,Rome,1\n", "text/csv")}
    assert sales.post("/warehouse_tables/file", data={"name": "sales"}, files=more).status_code == 201
    assert rows(sales, "select count() from copy") == [[3]]
    act(sales, view, "run")
    wait(sales, view, "Completed")
    assert rows(sales, "select count() from copy") == [[1]]
    assert backing(sales, "copy") != first
    assert len(history(sales, view)) == 2


def test_a_reverted_view_is_plain_again(sales: Api, save: Save) -> None:
    view = save("v", "select id from sales")
    act(sales, view, "materialize")
    wait(sales, view, "Completed")
    done = act(sales, view, "revert_materialization")
    assert [done[key] for key in ("sync_frequency", "last_run_at", "latest_error", "status")] == [None] * 4
    assert done["is_materialized"] is False
    assert backing(sales, "v") is None
    assert rows(sales, "select count() from v") == [[3]]
    act(sales, view, "revert_materialization")


def test_a_failed_run_says_why_and_the_last_table_serves(sales: Api, save: Save) -> None:
    view = save("v", "select id, city from sales")
    act(sales, view, "run")
    wait(sales, view, "Completed")
    table = backing(sales, "v")
    # The view's own text stays; what it reads goes.
    tables = sales.get("/warehouse_tables").json()["results"]
    assert sales.delete(f"/warehouse_tables/{tables[0]['id']}").status_code == 204
    act(sales, view, "run")
    failed = wait(sales, view, "Failed")
    assert "Unknown table `sales`" in failed["latest_error"]
    assert history(sales, view)[0]["error"] == failed["latest_error"]
    assert backing(sales, "v") == table
    assert rows(sales, "select count() from v") == [[3]]


def test_columns_that_no_table_can_have_fail_readably(sales: Api, save: Save) -> None:
    for name, text, said in (
        ("twice", "select id as a, city as A from sales", 'more than one column of one name: "a" and "A"'),
        ("nulls", "select NULL as nothing", 'The column "nothing" has no type'),
    ):
        view = save(name, text)
        act(sales, view, "run")
        assert said in wait(sales, view, "Failed")["latest_error"]
        assert backing(sales, name) is None
    assert physical_tables(sales) == frozenset()


def test_an_empty_result_and_large_integers_are_tables(sales: Api, save: Save) -> None:
    empty = save("none", "select id from sales where id > 100")
    large = save("large", "select toUInt64(18446744073709551615) as n")
    for view in (empty, large):
        act(sales, view, "run")
        wait(sales, view, "Completed")
    assert rows(sales, "select count() from none") == [[0]]
    assert rows(sales, "select toString(n) from large") == [["18446744073709551615"]]


def test_a_run_is_cancelled_and_leaves_nothing(sales: Api, save: Save) -> None:
    view = save("long", LONG)
    refused = sales.post(f"{PATH}/{view['id']}/cancel")
    assert (refused.status_code, refused.json()) == (400, {"error": "Cannot cancel a query that is not running"})
    act(sales, view, "run")
    until = time.monotonic() + 20
    while not physical_tables(sales) and time.monotonic() < until:
        time.sleep(0.02)
    assert act(sales, view, "cancel")["status"] == "Cancelled"
    assert history(sales, view)[0]["status"] == "Cancelled"
    while physical_tables(sales) and time.monotonic() < until:
        time.sleep(0.05)
    assert physical_tables(sales) == frozenset()
    assert sales.get(f"{PATH}/{view['id']}").json()["status"] == "Cancelled"


def test_another_text_is_answered_at_once(sales: Api, save: Save) -> None:
    view = save("v", "select id from sales")
    act(sales, view, "run")
    wait(sales, view, "Completed")
    new = {"query": query("select city from sales where id = 2"), "soft_update": True}
    changed = sales.patch(f"{PATH}/{view['id']}", json=new).json()
    assert (changed["status"], changed["is_materialized"]) == ("Modified", True)
    assert rows(sales, "select * from v") == [["Oslo"]]
    act(sales, view, "run")
    wait(sales, view, "Completed")
    assert backing(sales, "v")
    assert rows(sales, "select * from v") == [["Oslo"]]


def test_a_wave_runs_parents_first_through_plain_views(sales: Api, save: Save) -> None:
    top = save("top", "select id, city from sales")
    save("between", "select id from top where id > 1")
    leaf = save("leaf", "select count() as n from between")
    wave(sales, lambda session: list(shelf.named(session, sales.project_id, ["leaf", "top"]).values()))
    assert sales.get(f"{PATH}/{leaf['id']}").json()["status"] in {None, "Running", "Completed"}
    wait(sales, leaf, "Completed")
    assert wait(sales, top, "Completed")
    ended = [sales.get(f"/data_modeling_jobs?saved_query_id={v['id']}").json()["results"][0] for v in (top, leaf)]
    assert ended[0]["last_run_at"] <= ended[1]["created_at"] or ended[0]["last_run_at"] < ended[1]["last_run_at"]
    assert ended[0]["workflow_run_id"] == ended[1]["workflow_run_id"]
    assert rows(sales, "select n from leaf") == [[2]]


def test_what_is_below_a_failed_parent_is_skipped_and_says_so(sales: Api, save: Save) -> None:
    top = save("top", "select id as a, city as A from sales")
    child = save("child", "select count() as n from top")
    grandchild = save("grandchild", "select n from child")
    alone = save("alone", "select id from sales")
    names = ["top", "child", "grandchild", "alone"]
    wave(sales, lambda session: list(shelf.named(session, sales.project_id, names).values()))
    wait(sales, top, "Failed")
    wait(sales, alone, "Completed")
    for view, parent in ((child, "top"), (grandchild, "child")):
        [run] = history(sales, view)
        assert run["status"] == "Skipped"
        assert f"{parent}, which it reads, was not refreshed" in run["error"]


def test_schedules_follow_frequencies(sales: Api, save: Save) -> None:
    def schedule(frequency: str) -> Any:
        with sales.house.store.read() as session:
            place = f"views:{sales.project_id}:{frequency}"
            return sales.house.jobs.schedules.get(session, place, "view_wave")

    view, other = save("v", "select 1 as one"), save("w", "select 2 as two")
    act(sales, view, "materialize")
    act(sales, other, "materialize", sync_frequency="24hour")
    assert schedule("24hour").every.total_seconds() == 86_400
    assert sales.patch(f"{PATH}/{view['id']}", json={"sync_frequency": "1hour"}).status_code == 200
    assert schedule("1hour")
    assert schedule("24hour")
    assert sales.patch(f"{PATH}/{view['id']}", json={"sync_frequency": "never"}).status_code == 200
    assert schedule("1hour") is None
    assert sales.delete(f"{PATH}/{other['id']}").status_code == 204
    assert schedule("24hour") is None
    resumed = sales.post(f"{PATH}/resume_schedules", json={"view_ids": [view["id"], other["id"], "nonsense"]})
    assert resumed.status_code == 202
    missing = sales.post(f"{PATH}/resume_schedules", json={})
    assert (missing.status_code, missing.json()) == (400, {"error": "view_ids is required"})


def test_a_scheduled_wave_runs_what_has_its_frequency(sales: Api, save: Save) -> None:
    top, leaf = save("top", "select id from sales"), save("leaf", "select count() as n from top")
    for view in (top, leaf):
        act(sales, view, "materialize", sync_frequency="1hour")
        wait(sales, view, "Completed")
    more = {"file": ("s.csv", b"id,city,amount\n1,Rome,1\n", "text/csv")}
    assert sales.post("/warehouse_tables/file", data={"name": "sales"}, files=more).status_code == 201
    with sales.house.store.write() as session:
        place = f"views:{sales.project_id}:1hour"
        sales.house.jobs.jobs.enqueue(session, "view_wave", place, {"frequency": "1hour"}, project_id=sales.project_id)
    until = time.monotonic() + 20
    while len(history(sales, leaf)) < 2 or history(sales, leaf)[0]["status"] != "Completed":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert [run["status"] for run in history(sales, top)] == ["Completed", "Completed"]


def test_runs_are_listed_and_told(sales: Api, save: Save) -> None:
    view = save("v", "select id from sales")
    for _ in range(6):
        act(sales, view, "run")
        wait(sales, view, "Completed")
    assert len(history(sales, view)) == 5
    longer = sales.get(f"{PATH}/{view['id']}/run_history?limit=50").json()["run_history"]
    assert len(longer) == 6
    assert longer == sorted(longer, key=lambda run: run["timestamp"], reverse=True)
    listed = sales.get("/data_modeling_jobs").json()
    assert (len(listed["results"]), listed["next"]) == (6, None)
    one = sales.get(f"/data_modeling_jobs/{listed['results'][0]['id']}").json()
    assert (one["saved_query_id"], one["rows_materialized"], one["status"]) == (view["id"], 3, "Completed")
    assert len(sales.get("/data_modeling_jobs/recent").json()) == 1
    assert sales.get("/data_modeling_jobs/running").json() == []
    told = sales.get(f"{PATH}/{view['id']}/activity").json()["results"]
    assert [entry["activity"] for entry in told][:6] == ["sync_triggered"] * 6


def test_several_views_are_run_in_one_wave(sales: Api, save: Save) -> None:
    top, leaf = save("top", "select id from sales"), save("leaf", "select count() as n from top")
    answer = sales.post(f"{PATH}/run", json={"view_ids": [leaf["id"], top["id"]]})
    assert answer.status_code == 200, answer.text
    runs = answer.json()["results"]
    assert sorted(run["saved_query_id"] for run in runs) == sorted([top["id"], leaf["id"]])
    assert len({run["workflow_run_id"] for run in runs}) == 1
    wait(sales, leaf, "Completed")
    assert backing(sales, "top")
    assert rows(sales, "select n from leaf") == [[3]]
    for wrong, said in (
        ({"view_ids": [top["id"], sales.other_project().project_id]}, "view_ids"),
        ({"view_ids": ["00000000-0000-0000-0000-000000000000"]}, "view_ids"),
        ({}, "view_ids"),
    ):
        refused = sales.post(f"{PATH}/run", json=wrong)
        assert (refused.status_code, said in str(refused.json()["attr"])) == (400, True), refused.text
    foreign = sales.other_project().post(f"{PATH}/run", json={"view_ids": [top["id"]]})
    assert foreign.json()["detail"] == f"No such view: {top['id']}."


def test_runs_stand_in_order_also_when_the_clock_is_set_back(
    sales: Api, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = save("v", "select id from sales")
    act(sales, view, "run")
    wait(sales, view, "Completed")
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 86_400 * 10**9)
    for _ in range(3):
        act(sales, view, "run")
        wait(sales, view, "Completed")
    runs = history(sales, view)
    assert [run["timestamp"] for run in runs] == sorted((run["timestamp"] for run in runs), reverse=True)
    assert [run["id"] for run in sales.get("/data_modeling_jobs/recent").json()] == [runs[0]["id"]]
