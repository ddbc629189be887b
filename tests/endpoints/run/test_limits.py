"""Limits of runs: per key, per project, per token, per endpoint, and how many at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.endpoints.conftest import ROWS, Desk, hogql
from tests.endpoints.test_materialized import BY_EVENT, aged, settled
from tests.support.apps import Api, MakeApi
from tests.support.caches import RedisServer
from tests.support.processes import start_server

RUN = "/endpoints/e/run"
ENDLESS = "select count() from numbers(100000000000) where number % 7 = 3"


def _limited(make_app: MakeApi, **settings: Any) -> Api:
    api = make_app(throttle=True, throttle_burst="", throttle_sustained="", **settings)
    assert api.post("/endpoints", json={"name": "e", "query": hogql("select 1 as one")}).status_code == 201
    return api


def _backend(api: Api) -> Api:
    made = api.post("/project_secret_api_keys", json={"label": "backend"})
    assert made.status_code == 201, made.text
    return api.with_key(made.json()["value"])


def _statuses(api: Api, count: int, path: str = RUN) -> list[int]:
    return [api.post(path).status_code for _ in range(count)]


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> str:
    """Both caches; a Redis of the test's own, for projects of other tests have the same ids."""
    if request.param == "memory":
        return "memory:"
    server: RedisServer = request.getfixturevalue("own_redis")
    return server.url


def test_case_116_a_secret_key_has_a_bucket_and_all_of_a_project_share_one(make_app: MakeApi, cache: str) -> None:
    api = _limited(make_app, cache_url=cache, throttle_query_burst="2/minute", throttle_keys_burst="3/minute")
    one, other = _backend(api), _backend(api)
    assert _statuses(one, 3) == [200, 200, 429]
    assert _statuses(other, 2) == [200, 429]
    refused = other.post(RUN)
    wait = refused.headers["retry-after"]
    assert refused.json() == {
        "type": "throttled_error",
        "code": "throttled",
        "detail": f"Request was throttled. Expected available in {wait} seconds.",
        "attr": None,
    }
    # People are counted apart from programs.
    assert _statuses(api, 3) == [200, 200, 429]


def test_headers_are_the_known_ones_and_the_newest_drafts(make_app: MakeApi, cache: str) -> None:
    rates = {
        "throttle_query_burst": "5/minute",
        "throttle_query_sustained": "600/hour",
        "throttle_keys_burst": "4/hour",
    }
    answer = _backend(_limited(make_app, cache_url=cache, **rates)).post(RUN)
    assert answer.headers["ratelimit-limit"] == "4"
    assert answer.headers["ratelimit-remaining"] == "3"
    reset = answer.headers["ratelimit-reset"]
    assert 3590 < int(reset) <= 3600
    assert answer.headers["ratelimit"] == f'"project-burst";r=3;t={reset}'
    assert answer.headers["ratelimit-policy"] == (
        '"key-burst";q=5;w=60, "key-sustained";q=600;w=3600, "project-burst";q=4;w=3600'
    )


def test_a_token_has_its_own_rate_and_shares_it_with_its_subject(make_app: MakeApi, cache: str) -> None:
    api = _limited(make_app, cache_url=cache)

    def browser(subject: str | None) -> Api:
        body = {"rate": "2/minute"} | ({"subject": subject} if subject else {})
        return api.with_key(api.post("/endpoints/e/tokens", json=body).json()["token"])

    subject = uuid4().hex
    assert _statuses(browser(subject), 1) == [200]
    assert _statuses(browser(subject), 2) == [200, 429]
    assert _statuses(browser(uuid4().hex), 2) == [200, 200]
    assert _statuses(browser(None), 3) == [200, 200, 429]
    assert _statuses(api, 3) == [200, 200, 200]


def test_an_endpoint_has_a_rate_over_all_callers(make_app: MakeApi, cache: str) -> None:
    api = _limited(make_app, cache_url=cache)
    assert api.post("/endpoints", json={"name": "free", "query": hogql("select 1")}).status_code == 201
    changed = api.patch("/endpoints/e", json={"rate_limit": "2/minute"}).json()
    assert (changed["rate_limit"], changed["current_version"]) == ("2/minute", 1)
    first = api.post(RUN)
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-policy"]) == ("2", '"endpoint";q=2;w=60')
    assert _statuses(_backend(api), 2) == [200, 429]
    assert _statuses(api, 1) == [429]
    assert _statuses(api, 2, "/endpoints/free/run") == [200, 200]
    assert api.patch("/endpoints/e", json={"rate_limit": None}).json()["rate_limit"] is None
    assert _statuses(api, 3) == [200, 200, 200]


@pytest.mark.parametrize("rate", ["fast", "0/minute", "1/fortnight", "1" + " " * 30 + "/minute"])
def test_a_rate_that_is_none_is_refused(make_app: MakeApi, rate: str) -> None:
    answer = make_app().post("/endpoints", json={"name": "e", "query": hogql("select 1"), "rate_limit": rate})
    assert (answer.status_code, answer.json()["attr"]) == (400, "rate_limit")


def test_wrong_requests_count_too(make_app: MakeApi) -> None:
    backend = _backend(_limited(make_app, throttle_query_burst="4/minute"))
    answers = [
        backend.post(RUN, json={"nonsense": 1}),
        backend.post(RUN, json={"version": 9}),
        backend.post("/endpoints/absent/run"),
        backend.post(RUN, json=[1]),
        backend.post(RUN),
    ]
    assert [answer.status_code for answer in answers] == [400, 404, 404, 400, 429]


def test_runs_from_tables_have_a_budget_of_their_own(make_app: MakeApi, cache: str) -> None:
    api = _limited(make_app, cache_url=cache, throttle_query_burst="3/minute", throttle_materialized_burst="4/minute")
    desk = Desk(api)
    files = {"file": ("hits.csv", ROWS, "text/csv")}
    assert api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201
    desk.variable("event", "pageview")
    desk.make(BY_EVENT, name="m", is_materialized=True)
    settled(desk, "m")
    backend = _backend(api)
    body = {"variables": {"event": "pageview"}}

    def run(**more: Any) -> httpx.Response:
        return backend.post("/endpoints/m/run", json=body | more)

    first = run(debug=True)
    assert first.json()["path"] == "materialized"
    assert first.headers["ratelimit-limit"] == "4"
    # One that is told from a kept result, and one in another format, count as well.
    assert [run().status_code, run().status_code] == [200, 200]
    assert backend.post("/endpoints/m/run?format=csv", json=body).status_code == 200
    refused = run()
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("4", "0")
    # What goes round the tables has the other budget, as has what is wrong.
    direct = run(refresh="direct")
    assert (direct.status_code, direct.headers["ratelimit-limit"], direct.headers["ratelimit-remaining"]) == (
        200, "3", "2"
    )  # fmt: skip
    assert run(surprise=1).status_code == 400
    assert backend.post(RUN).status_code == 200
    assert backend.post(RUN).status_code == 429
    # Tables that are too old are not read: the run would be a query's, and those are used up.
    aged(desk, days=2)
    assert run().headers["ratelimit-limit"] == "3"
    logged = [line["status"] for line in api.get("/endpoints/m/logs").json()["results"]]
    assert sorted(logged) == [200] * 5 + [400], "who was over a rate leaves no line"


def _during(slow: Api, check: Any) -> httpx.Response:
    """The answer of a slow run of `slow`, during which `check` became true."""

    def run() -> httpx.Response:
        while (answer := slow.post("/endpoints/slow/run")).status_code == 429:
            """A run of the checks has the slot just now."""
        return answer

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        end = time.monotonic() + 10
        while not check():
            assert time.monotonic() < end, "it was never so"
            assert not running.done(), running.result().text
            time.sleep(0.02)
        return running.result()


def test_no_more_run_at_once_than_the_setting_says(make_app: MakeApi, cache: str) -> None:
    api = _limited(make_app, cache_url=cache, concurrent_queries=1, api_query_timeout=2)
    assert api.post("/endpoints", json={"name": "slow", "query": hogql(ENDLESS)}).status_code == 201
    refused: list[httpx.Response] = []

    def full() -> bool:
        answer = api.post(RUN, json={"refresh": "force"})
        refused.append(answer)
        return answer.status_code == 429

    slow = _during(api, full)
    assert slow.json()["code"] == "query_timeout"
    assert "Too many concurrent requests" in refused[-1].json()["detail"]
    assert refused[-1].headers["retry-after"] == "1"
    forced = [api.post(RUN, json={"refresh": "force"}).status_code for _ in range(6)]
    assert forced == [200] * 6, "a slot comes back after a failure"


def test_queries_and_runs_share_their_slots(make_app: MakeApi) -> None:
    api = _limited(make_app, concurrent_queries=1, api_query_timeout=2)
    assert api.post("/endpoints", json={"name": "slow", "query": hogql(ENDLESS)}).status_code == 201

    metadata = {"kind": "HogQLMetadata", "language": "hogQL", "query": "select 1"}
    beside: list[int] = []

    def full() -> bool:
        if api.post("/query", json={"query": hogql("select 1")}).status_code != 429:
            return False
        # What asks the engine for no rows is not held up.
        beside.append(api.post("/query", json={"query": metadata}).status_code)
        return True

    assert _during(api, full).json()["code"] == "query_timeout"
    assert beside == [200]


@pytest.mark.acceptance
@pytest.mark.slow
def test_a_client_that_hangs_up_gives_its_slot_back(tmp_path: Path, own_redis: RedisServer) -> None:
    key = token("phx_")
    settings = {"BOOTSTRAP_KEY": key, "CONCURRENT_QUERIES": "1", "CACHE_URL": own_redis.url}
    with (
        start_server(tmp_path / "home", {f"HEDGEROW_{name}": value for name, value in settings.items()}) as server,
        server.client(key) as client,
    ):
        for name, text in (("slow", ENDLESS), ("e", "select 1")):
            made = client.post("/api/projects/1/endpoints/", json={"name": name, "query": hogql(text)})
            assert made.status_code == 201, made.text
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/projects/1/endpoints/slow/run/", timeout=1)
        end = time.monotonic() + 3
        while client.post("/api/projects/1/endpoints/e/run/").status_code == 429:
            assert time.monotonic() < end, "the slot never came back"
            time.sleep(0.02)
