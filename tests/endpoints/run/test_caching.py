"""Cached runs over the whole application: what is kept, for how long, for whom, and what browsers are told."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.endpoints.run import envelope, paths, serving
from tests.endpoints.conftest import ROWS, Desk, hogql
from tests.support.apps import Api, MakeApi
from tests.support.caches import RedisServer

CHANGING = "select rand64() as r, {variables.v} as v"
SLOW = "select count() from numbers(300000000) where number % 7 = 3"


class Clock:
    """The wall clock as runs read it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (serving, paths, envelope):
        monkeypatch.setattr(module, "now", clock.now)
    return clock


@pytest.fixture
def random(desk: Desk) -> Desk:
    """An endpoint that never answers the same twice, unless from the cache."""
    desk.variable("v", kind="List")
    desk.make(CHANGING)
    return desk


def _upload(api: Api, content: bytes = ROWS) -> None:
    files = {"file": ("hits.csv", content, "text/csv")}
    assert api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201


def test_the_second_run_is_the_first_ones_result(random: Desk) -> None:
    first, second = random.run({"debug": True}), random.run({"debug": True})
    assert (first["is_cached"], second["is_cached"]) == (False, True)
    assert first["results"] == second["results"]
    assert first["cache_key"] == second["cache_key"]
    assert first["hogql"] == second["hogql"]
    assert first["last_refresh"] == second["last_refresh"]
    assert first["execution_id"] != second["execution_id"]
    assert set(first) == set(second)
    made, until = (datetime.fromisoformat(first[name]) for name in ("last_refresh", "cache_target_age"))
    assert until - made == timedelta(days=1)


def test_force_makes_it_anew_for_everybody(random: Desk) -> None:
    first = random.run()
    for name in ("force", "force_blocking"):
        forced = random.run({"refresh": name})
        assert forced["is_cached"] is False
        assert forced["results"] != first["results"]
        assert random.run({"refresh": "blocking"})["results"] == forced["results"]


def test_fresh_until_the_freshness_is_over(random: Desk, clock: Clock) -> None:
    random.change({"data_freshness_seconds": 900})
    first = random.run()
    clock.ahead = timedelta(seconds=890)
    assert random.run()["results"] == first["results"]
    clock.ahead = timedelta(seconds=901)
    later = random.run()
    assert later["is_cached"] is False
    assert later["results"] != first["results"]
    assert random.run()["results"] == later["results"]


def test_a_shorter_freshness_counts_at_once(random: Desk, clock: Clock) -> None:
    random.run()
    clock.ahead = timedelta(seconds=1000)
    assert random.run()["is_cached"] is True
    random.change({"data_freshness_seconds": 900})
    assert random.run()["is_cached"] is False


def test_a_stale_result_is_told_while_a_new_one_is_made(random: Desk, clock: Clock) -> None:
    shown = random.change({"data_freshness_seconds": 900, "stale_while_revalidate_seconds": 600})
    assert shown["stale_while_revalidate_seconds"] == 600
    first = random.run()
    clock.ahead = timedelta(seconds=1000)
    stale = random.run()
    assert (stale["is_cached"], stale["results"]) == (True, first["results"])
    end = time.monotonic() + 10
    while (later := random.run())["results"] == first["results"]:
        assert time.monotonic() < end, "it was never made anew"
    assert later["is_cached"] is True
    clock.ahead = timedelta(seconds=3000)
    assert random.run()["is_cached"] is False, "older than both times together"


def test_a_failed_revalidation_costs_nobody_an_answer(desk: Desk, clock: Clock) -> None:
    _upload(desk.api)
    desk.make("select count() from hits")
    desk.change({"data_freshness_seconds": 900, "stale_while_revalidate_seconds": 600})
    first = desk.run()
    clock.ahead = timedelta(seconds=1000)
    # The table goes from under it: what is made anew fails, what is kept is still told.
    physical = desk.api.call(desk.api.house.engine.tables, f"p{desk.api.project_id}")
    for table in physical:
        desk.api.call(desk.api.house.engine.drop_table, f"p{desk.api.project_id}", table)
    for _ in range(3):
        assert desk.run()["results"] == first["results"]
        time.sleep(0.05)


@pytest.mark.parametrize("seconds", [-1, 604_801, "soon"])
def test_a_stale_time_that_is_none_is_refused(desk: Desk, seconds: Any) -> None:
    desk.make()
    answer = desk.api.patch("/endpoints/e", json={"stale_while_revalidate_seconds": seconds})
    assert (answer.status_code, answer.json()["attr"]) == (400, "stale_while_revalidate_seconds")


def test_a_loaded_table_is_seen_at_once(desk: Desk) -> None:
    _upload(desk.api)
    desk.make("select count() from hits")
    assert desk.run()["results"] == [[20]]
    table = desk.api.get("/warehouse_tables").json()["results"][0]["id"]
    assert desk.api.delete(f"/warehouse_tables/{table}").status_code == 204
    _upload(desk.api, ROWS[: ROWS.index(b"11,")])
    assert desk.run()["results"] == [[10]]


def test_a_views_new_text_is_seen_at_once(desk: Desk) -> None:
    view = {"name": "one", "query": hogql("select 1 as n")}
    saved = desk.api.post("/warehouse_saved_queries", json=view).json()
    desk.make("select n from one")
    assert desk.run()["results"] == [[1]]
    changed = {"query": hogql("select 2 as n"), "edited_history_id": saved["latest_history_id"]}
    answer = desk.api.patch(f"/warehouse_saved_queries/{saved['id']}", json=changed)
    assert answer.status_code == 200, answer.text
    assert desk.run()["results"] == [[2]]


def test_the_same_query_under_two_names_is_made_once(random: Desk) -> None:
    random.make(CHANGING, "other")
    first, second = random.run(), random.run(name="other")
    assert first["results"] == second["results"]
    assert (second["is_cached"], second["name"]) == (True, "other")


def test_versions_pages_and_projects_have_results_of_their_own(desk: Desk) -> None:
    desk.make("select rand64(number) as r from numbers(4)")
    whole, page, next_page = desk.run(), desk.run({"limit": 2}), desk.run({"limit": 2, "offset": 2})
    assert [len(each["results"]) for each in (whole, page, next_page)] == [4, 2, 2]
    assert desk.run({"limit": 2})["is_cached"] is True
    desk.change({"query": hogql("select rand64(number) as r from numbers(5)")})
    assert len(desk.run()["results"]) == 5
    assert desk.run({"version": 1})["results"] == whole["results"]
    other = Desk(desk.api.other_project())
    other.make("select rand64(number) as r from numbers(4)")
    assert other.run()["is_cached"] is False


# Without NUL, which no body may hold.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
JSON_VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | TEXTS


@given(st.lists(JSON_VALUES, min_size=2, max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_value_is_answered_for_another(random: Desk, values: list[Any]) -> None:
    """Asked in any order, cached or not, each value comes back as itself: 1, 1.0, "1" and true are four."""
    text = "select {variables.v} as v, toTypeName({variables.v}) as t"
    random.api.delete("/endpoints/typed")
    random.make(text, "typed")
    alone = [random.run({"variables": {"v": value}, "refresh": "force"}, "typed")["results"] for value in values]
    for _ in range(2):
        for value, expected in zip(values, alone, strict=True):
            assert random.run({"variables": {"v": value}}, "typed")["results"] == expected


def test_a_tokens_fixed_value_is_part_of_what_it_is_told(random: Desk) -> None:
    def token(value: str) -> Api:
        made = random.api.post("/endpoints/e/tokens", json={"variables": {"v": value}, "expires_in": 60})
        assert made.status_code == 201, made.text
        return random.api.with_key(made.json()["token"])

    one, other = (Desk(token(value)) for value in ("one", "other"))
    assert [one.run()["results"][0][1], other.run()["results"][0][1]] == ["one", "other"]
    assert [one.run()["is_cached"], other.run()["is_cached"]] == [True, True]
    assert [one.run()["results"][0][1], other.run()["results"][0][1]] == ["one", "other"]


def _engine_runs(api: Api) -> int:
    return int(api.house.figures.total)


def test_many_who_ask_at_once_cost_one_query(desk: Desk) -> None:
    desk.make(SLOW)
    before = _engine_runs(desk.api)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: desk.run(), range(12)))
    assert _engine_runs(desk.api) - before == 1
    assert len({str(each["results"]) for each in answers}) == 1
    assert sorted(each["is_cached"] for each in answers) == [False] + [True] * 11


def test_an_error_is_not_kept(desk: Desk) -> None:
    desk.variable("v", 1, "Number")
    desk.make("select intDiv(1, {variables.v} - 1) as t, rand64() as r")
    for _ in range(2):
        assert desk.ask().status_code == 400
    assert desk.run({"variables": {"v": 2}})["is_cached"] is False


def test_the_metrics_tell_how_often(random: Desk) -> None:
    for _ in range(3):
        random.run()
    lines = random.api.get("/metrics").text.splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("hedgerow_run_results"))
    assert {name: float(value) for name, value in found.items()} == {
        "hedgerow_run_results_hits_total": 2,
        "hedgerow_run_results_misses_total": 1,
    }


def test_browsers_get_a_tag_and_a_time(random: Desk) -> None:
    first = random.api.get("/endpoints/e/run")
    assert first.headers["cache-control"] == "private, max-age=60"
    assert first.headers["vary"] == "Authorization, Accept"
    tag = first.headers["etag"]
    for given_tag in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*"):
        again = random.api.get("/endpoints/e/run", headers={"If-None-Match": given_tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert random.api.get("/endpoints/e/run", headers={"If-None-Match": '"x"'}).status_code == 200
    random.run({"refresh": "force"})
    changed = random.api.get("/endpoints/e/run", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    posted = random.ask()
    assert "etag" not in posted.headers


def test_rows_made_anew_without_a_change_are_no_other(desk: Desk) -> None:
    desk.make("select 1")
    tag = desk.api.get("/endpoints/e/run").headers["etag"]
    desk.run({"refresh": "force"})
    assert desk.api.get("/endpoints/e/run", headers={"If-None-Match": tag}).status_code == 304
    desk.change({"query": hogql("select 1 ")})
    assert desk.api.get("/endpoints/e/run", headers={"If-None-Match": tag}).status_code == 200


def test_a_materialized_result_is_as_old_as_its_tables(desk: Desk, clock: Clock) -> None:
    _upload(desk.api)
    desk.variable("day")
    desk.make("select event, count() as n from hits where day = {variables.day} group by event", is_materialized=True)
    ask = {"variables": {"day": "2026-01-03"}}
    end = time.monotonic() + 20
    while not desk.get()["is_materialized"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    first, second = desk.run(ask), desk.run(ask)
    assert first["endpoint_materialized"] is second["endpoint_materialized"] is True
    assert (first["is_cached"], second["is_cached"]) == (False, True)
    made, until = (datetime.fromisoformat(first[key]) for key in ("endpoint_materialized_at", "cache_target_age"))
    assert until - made == timedelta(days=1)
    direct = desk.run({**ask, "refresh": "direct"})
    assert "endpoint_materialized" not in direct
    assert direct["is_cached"] is False
    clock.ahead = timedelta(days=1, seconds=1)
    late = desk.run({**ask, "debug": True})
    assert late["path"] == "materialized_fallback"
    assert sorted(late["results"]) == sorted(first["results"])


@pytest.fixture
def two(make_app: MakeApi, tmp_path: Any, own_redis: RedisServer) -> tuple[Desk, Desk]:
    """Two processes' applications over one store and one Redis."""
    shared = {"database_url": f"sqlite:///{tmp_path / 'shared.sqlite'}", "cache_url": own_redis.url}
    here = Desk(make_app(**shared))
    there = Desk(replace(make_app(**shared), project_id=here.api.project_id, key=here.api.key))
    return here, there


def test_redis_is_everybodys(two: tuple[Desk, Desk]) -> None:
    here, there = two
    here.variable("v")
    here.make(CHANGING)
    first = here.run({"variables": {"v": "x"}})
    second = there.run({"variables": {"v": "x"}})
    assert (second["is_cached"], second["results"]) == (True, first["results"])


def test_without_redis_every_answer_is_made(two: tuple[Desk, Desk], own_redis: RedisServer) -> None:
    here, _ = two
    here.make("select rand64() as r")
    assert here.run()["results"] == here.run()["results"]
    own_redis.stop()
    answers = [here.run() for _ in range(4)]
    assert [each["is_cached"] for each in answers] == [False] * 4
    assert len({str(each["results"]) for each in answers}) == 4
    own_redis.start()
    end = time.monotonic() + 10
    for _ in itertools.count():
        if here.run()["is_cached"]:
            break
        assert time.monotonic() < end, "it did not come back"
        time.sleep(0.1)
