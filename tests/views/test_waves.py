"""Waves of scheduled views: what has not changed is left alone, and children wait for parents in other waves, too."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from hedgerow.views import shelf
from hedgerow.views.runs.waves import Waves
from tests.support.apps import Api
from tests.views.conftest import CSV, Save, query, rows
from tests.views.test_runs import LONG, PATH, act, backing, history, wait

pytestmark = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)
Scheduled = Callable[..., dict[str, Any]]


def upload(api: Api, content: bytes = CSV, name: str = "sales") -> None:
    answer = api.post("/warehouse_tables/file", data={"name": name}, files={"file": ("s.csv", content, "text/csv")})
    assert answer.status_code == 201, answer.text


@pytest.fixture
def scheduled(sales: Api, save: Save) -> Scheduled:
    """`scheduled(name, text)` saves a query and makes it a table every hour."""

    def made(name: str, text: str) -> dict[str, Any]:
        view = save(name, text)
        act(sales, view, "materialize", sync_frequency="1hour")
        return wait(sales, view, "Completed")

    return made


def scheduled_wave(api: Api) -> dict[str, Any]:
    """What a wave of hourly views comes to, once it and all its runs have ended."""
    with api.house.store.write() as session:
        place = f"views:{api.project_id}:1hour"
        wish = api.house.jobs.jobs.enqueue(
            session, "view_wave", place, {"frequency": "1hour"}, project_id=api.project_id
        )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with api.house.store.read() as session:
            job = api.house.jobs.jobs.get(session, wish)
        assert job is not None
        if job.state == "done" and not api.get("/data_modeling_jobs/running").json():
            return job.result or {}
        assert job.state != "failed", job.error
        time.sleep(0.02)
    raise AssertionError("the wave does not end")


def test_what_has_not_changed_is_not_made_again(sales: Api, scheduled: Scheduled) -> None:
    top, leaf = scheduled("top", "select id from sales"), scheduled("leaf", "select count() as n from top")
    tables = [backing(sales, name) for name in ("top", "leaf")]
    for _ in range(2):
        assert scheduled_wave(sales) == {"views": 2, "unchanged": 2}
    assert [backing(sales, name) for name in ("top", "leaf")] == tables
    for view in (top, leaf):
        # One run stands for both waves.
        newest, made = history(sales, view)
        assert (newest["status"], newest["error"], made["status"]) == ("Skipped", None, "Completed")
        assert newest["reason"].startswith("Nothing changed")
        assert sales.get(f"{PATH}/{view['id']}").json()["status"] == "Completed"
    act(sales, leaf, "run")
    wait(sales, leaf, "Completed")
    assert [run["status"] for run in history(sales, leaf)] == ["Completed", "Skipped", "Completed"]


def test_what_has_changed_is_made_again_with_all_below(sales: Api, scheduled: Scheduled, save: Save) -> None:
    upload(sales, b"id\n1\n", "other")
    scheduled("aside", "select id from other")
    scheduled("top", "select id from sales")
    save("between", "select id from top")
    scheduled("leaf", "select count() as n from between")
    upload(sales, CSV + b"4,Bern,7\n")
    assert scheduled_wave(sales) == {"views": 3, "unchanged": 1}
    assert rows(sales, "select n from leaf") == [[4]]
    # A plain view's text is part of the text of those that read it.
    between = next(v for v in sales.get(PATH).json()["results"] if v["name"] == "between")
    new = {"query": query("select id from top where id > 2"), "soft_update": True}
    assert sales.patch(f"{PATH}/{between['id']}", json=new).status_code == 200
    assert scheduled_wave(sales) == {"views": 3, "unchanged": 2}
    assert rows(sales, "select n from leaf") == [[2]]


@pytest.mark.parametrize("text", ["select now() as at from sales", "select id, rand() as r from sales"])
def test_clock_and_chance_are_always_asked_again(sales: Api, scheduled: Scheduled, text: str) -> None:
    scheduled("moving", text)
    assert scheduled_wave(sales) == {"views": 1, "unchanged": 0}


def test_a_changed_or_timely_check_is_looked_at(sales: Api, scheduled: Scheduled) -> None:
    view = scheduled("v", "select id, city from sales")
    checks = f"{PATH}/{view['id']}/data_checks"
    made = sales.post(checks, json={"kind": "not_null", "config": {"column": "id"}})
    assert made.status_code == 201, made.text
    assert [scheduled_wave(sales)["unchanged"] for _ in range(2)] == [0, 1]
    custom = {"kind": "custom_sql", "config": {"query": "select id from v where id > 100"}}
    assert sales.post(checks, json=custom).status_code == 201
    assert [scheduled_wave(sales)["unchanged"] for _ in range(2)] == [0, 0]


def test_a_view_that_failed_is_tried_again(sales: Api, scheduled: Scheduled) -> None:
    view = scheduled("v", "select intDiv(1, 4 - id) as n from sales")
    upload(sales, CSV + b"4,Bern,7\n")
    assert scheduled_wave(sales)["unchanged"] == 0
    assert wait(sales, view, "Failed")
    assert scheduled_wave(sales)["unchanged"] == 0
    upload(sales)
    assert [scheduled_wave(sales)["unchanged"] for _ in range(2)] == [0, 1]
    assert sales.get(f"{PATH}/{view['id']}").json()["status"] == "Completed"


@pytest.mark.parametrize("ending", ["Completed", "Cancelled"])
def test_a_child_waits_for_a_parent_of_another_wave(sales: Api, save: Save, ending: str) -> None:
    parent = save("parent", "select id as n from sales" if ending == "Completed" else LONG)
    child = save("child", "select max(n) as n from parent")
    with sales.house.store.write() as session:
        sequence = shelf.lock(session, sales.project_id)
        for name in ("parent", "child"):
            found = shelf.named(session, sales.project_id, [name])
            Waves(sales.house.jobs.jobs).begin(session, sequence, list(found.values()))
    if ending == "Cancelled":
        act(sales, parent, "cancel")
        [skipped] = history(sales, child)
        assert (skipped["status"], skipped["reason"]) == ("Skipped", None)
        assert "parent, which it reads, was not refreshed (cancelled)" in skipped["error"]
        return
    wait(sales, child, "Completed")
    ends = [sales.get(f"/data_modeling_jobs?saved_query_id={v['id']}").json()["results"][0] for v in (parent, child)]
    assert ends[0]["last_run_at"] < ends[1]["last_run_at"]
    assert ends[0]["workflow_run_id"] != ends[1]["workflow_run_id"]


def test_a_view_that_fails_five_times_is_suspended_until_it_is_resumed(sales: Api, scheduled: Scheduled) -> None:
    view, fine = scheduled("v", "select intDiv(1, 4 - id) as n from sales"), scheduled("fine", "select id from sales")
    upload(sales, CSV + b"4,Bern,7\n")
    for number in range(1, 6):
        scheduled_wave(sales)
        shown = wait(sales, view, "Failed")
        assert shown["suspended"] is (number == 5)
    assert "Its schedule is suspended, as 5 runs failed in a row" in shown["latest_error"]
    assert "suspended" not in history(sales, view)[0]["error"]
    assert scheduled_wave(sales)["views"] == 1
    assert wait(sales, fine, "Completed")["suspended"] is False
    assert rows(sales, "select count() from v") == [[3]]

    def resume() -> None:
        answer = sales.post(f"{PATH}/resume_schedules", json={"view_ids": [view["id"]]})
        assert answer.status_code == 202

    resume()
    resume()
    assert sales.get(f"{PATH}/{view['id']}").json()["suspended"] is False
    assert scheduled_wave(sales)["views"] == 2
    assert wait(sales, view, "Failed")["suspended"] is False
    upload(sales)
    scheduled_wave(sales)
    shown = wait(sales, view, "Completed")
    assert (shown["latest_error"], shown["suspended"]) == (None, False)
