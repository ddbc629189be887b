"""Queries in the background: status, progress, results, cancel, other processes, lost ones."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from hedgerow.kit.clock import iso, now
from hedgerow.queries.statuses import LOST_SECONDS, Name, started
from tests.support.apps import Api, MakeApi

ENDLESS = "select count() from numbers(100000000000) where sipHash64(number) = 1"


def start(api: Api, text: str, **more: Any) -> dict[str, Any]:
    body = {"query": {"kind": "HogQLQuery", "query": text}, "refresh": "async", **more}
    answer = api.post("/query", json=body)
    assert answer.status_code == 202, answer.text
    status: dict[str, Any] = answer.json()["query_status"]
    return status


def until(api: Api, query_id: str, code: int, seconds: float = 10) -> httpx.Response:
    end = time.monotonic() + seconds
    while True:
        answer = api.get(f"/query/{query_id}")
        if answer.status_code == code:
            return answer
        assert time.monotonic() < end, answer.text
        time.sleep(0.02)


@pytest.mark.parametrize("mode", [{"refresh": "async"}, {"refresh": "force_async"}, {"refresh": None, "async": True}])
def test_a_query_runs_in_the_background(api: Api, mode: dict[str, Any]) -> None:
    status = start(api, "select 1 + 1", **mode)
    assert set(status) >= {
        "id", "team_id", "query_async", "insight_id", "dashboard_id", "complete", "error", "error_message", "results",
        "start_time", "pickup_time", "end_time", "expiration_time", "task_id", "query_progress", "labels",
    }  # fmt: skip
    assert (status["complete"], status["query_async"], status["team_id"]) == (False, True, api.project_id)
    done = until(api, status["id"], 200).json()["query_status"]
    assert (done["complete"], done["error"]) == (True, False)
    assert done["results"]["results"] == [[2]]
    assert done["end_time"]


def test_the_callers_id_is_the_querys(api: Api) -> None:
    mine = f"mine-{uuid4()}"
    assert start(api, "select 1", client_query_id=mine)["id"] == mine
    assert until(api, mine, 200).json()["query_status"]["id"] == mine
    assert api.other_project().get(f"/query/{mine}").status_code == 404


def test_a_running_query_shows_progress_and_is_cancelled(api: Api) -> None:
    query_id = start(api, ENDLESS)["id"]
    end = time.monotonic() + 10
    while True:
        answer = api.get(f"/query/{query_id}")
        assert answer.status_code == 202, answer.text
        progress = answer.json()["query_status"]["query_progress"]
        if progress and progress["rows_read"]:
            break
        assert time.monotonic() < end
        time.sleep(0.05)
    assert set(progress) == {"bytes_read", "rows_read", "estimated_rows_total", "time_elapsed", "active_cpu_time"}
    assert api.other_project().delete(f"/query/{query_id}").status_code == 404
    began = time.monotonic()
    assert api.delete(f"/query/{query_id}").status_code == 200
    cancelled = until(api, query_id, 400).json()["query_status"]
    assert time.monotonic() - began < 2
    assert (cancelled["complete"], cancelled["error"]) == (True, True)
    assert cancelled["error_message"] == "The query was cancelled."


def test_a_fault_is_in_the_status(api: Api) -> None:
    query_id = start(api, "select nothing")["id"]
    failed = until(api, query_id, 400).json()["query_status"]
    assert failed["error_message"] == "Unable to resolve field: nothing"


def test_unknown_and_odd_ids_are_not_found(api: Api) -> None:
    for path in ("/query/nobody", "/query/a b", "/query/" + "x" * 200):
        assert api.get(path).status_code == 404
        assert api.delete(path).status_code == 404


def test_asking_again_joins_the_query_that_runs(api: Api) -> None:
    query_id = f"again-{uuid4()}"
    first = start(api, ENDLESS, client_query_id=query_id)
    second = start(api, "select 2", client_query_id=query_id)
    assert second["start_time"] == first["start_time"]
    api.delete(f"/query/{query_id}")
    until(api, query_id, 400)
    start(api, "select 3", client_query_id=query_id)
    assert until(api, query_id, 200).json()["query_status"]["results"]["results"] == [[3]]


def test_a_query_whose_process_died_ends(api: Api) -> None:
    name = Name(api.project_id, f"lost-{uuid4()}")
    old = iso(now() - timedelta(seconds=LOST_SECONDS + 1))
    body = orjson.dumps({"status": started(name), "code": 200, "beat": old})
    api.call(api.house.cache.set, name.key, body, 60.0)
    answer = api.get(f"/query/{name.id}")
    assert answer.status_code == 500
    assert answer.json()["query_status"]["error_message"] == "The process that ran the query is gone."


def test_processes_that_share_redis_share_queries(make_app: MakeApi, redis_url: str) -> None:
    one = make_app(cache_url=redis_url)
    other = make_app(cache_url=redis_url)
    query_id = start(one, ENDLESS)["id"]
    # The other process's project of the same id is what the first one's is: only the status is shared here.
    seen = other.get(f"/api/projects/{other.project_id}/query/{query_id}")
    assert seen.status_code == 404
    status = other.call(other.house.queries.background.status, Name(one.project_id, query_id))
    assert status is not None
    assert status[2] == 202
    assert other.call(other.house.queries.background.cancel, Name(one.project_id, query_id))
    assert until(one, query_id, 400).json()["query_status"]["error"] is True


def test_a_stop_ends_what_runs(make_app: MakeApi) -> None:
    api = make_app()
    query_id = start(api, ENDLESS)["id"]
    time.sleep(0.2)
    api.call(asyncio.wait_for, api.house.queries.background.close(), 5)
    assert api.get(f"/query/{query_id}").json()["query_status"]["error_message"] == "The query was cancelled."
