"""Sums of runs, through the whole application, and by themselves."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.journal.rows import USAGE
from hedgerow.endpoints.journal.shelf import Log
from hedgerow.endpoints.journal.sums import BUCKETS, COUNTS, Sums, bucket, quantile
from hedgerow.endpoints.journal.usage import Reports, UsageQuery
from hedgerow.kit.clock import iso, now
from hedgerow.store import Store
from tests.endpoints.conftest import Desk, hogql, refused
from tests.support.apps import MakeApi


def report(desk: Desk, path: str = "endpoints/e/usage", **asked: Any) -> dict[str, Any]:
    answer = desk.api.get(f"/{path}", params={name.removesuffix("_"): value for name, value in asked.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_runs_are_summed_up_by_version_and_key(desk: Desk) -> None:
    desk.make()
    other = desk.api.with_key(desk.api.make_key(["endpoint:read"]))
    for _ in range(3):
        desk.run()
    assert other.post("/endpoints/e/run", json={}).status_code == 200
    assert desk.ask({"limit": 0}).status_code == 400
    desk.change({"query": hogql("select 2 as two union all select 3")})
    desk.run()
    total = report(desk)["total"]
    assert (total["runs"], total["cached"], total["engine"], total["errors"]) == (6, 3, 2, 1)
    assert total["rows"] == 4 + 2
    assert 0 < total["p50_ms"] <= total["p95_ms"]
    by_version = report(desk, group_by="version")["results"]
    assert [(row["version"], row["runs"]) for row in by_version] == [(None, 1), (1, 4), (2, 1)]
    by_key = report(desk, group_by="key", interval="total")["results"]
    assert sorted(row["runs"] for row in by_key) == [1, 5]
    assert {row["key_type"] for row in by_key} == {"personal_key"}
    assert "test" in {row["key_label"] for row in by_key}
    (single,) = (row for row in by_key if row["runs"] == 1)
    assert report(desk, key=single["key"])["total"]["runs"] == 1
    assert report(desk, version=1)["total"]["runs"] == 4
    (day,) = report(desk)["results"]
    assert day["time"].endswith("T00:00:00Z")
    assert day["runs"] == 6
    (hour,) = report(desk, interval="hour")["results"]
    assert hour["time"][:13] == now().isoformat()[:13]


def test_all_endpoints_of_a_project_and_of_no_other(desk: Desk) -> None:
    desk.make()
    desk.make(name="f")
    desk.run()
    desk.run(name="f")
    desk.run(name="f")
    rows = report(desk, "endpoint_usage", group_by="endpoint,version")["results"]
    assert sorted((row["endpoint"], row["version"], row["runs"]) for row in rows) == [("e", 1, 1), ("f", 1, 2)]
    other = Desk(desk.api.other_project())
    assert report(other, "endpoint_usage")["total"]["runs"] == 0
    refused(other.api.get("/endpoints/e/usage"), 404)
    refused(desk.api.with_key(desk.api.make_key(["insight:read"])).get("/endpoint_usage"), 403)


def test_what_cannot_be_asked_is_refused(desk: Desk) -> None:
    desk.make()
    long_ago = iso(now() - timedelta(days=900))
    cases = [
        ("interval", "minute"),
        ("group_by", "colour"),
        ("from", "soon"),
        ("from", long_ago),
        ("from", iso(now() + timedelta(1))),
    ]
    for field, value in cases:
        refused(desk.api.get("/endpoints/e/usage", params={field: value}), 400, field)
    refused(desk.api.get("/endpoint_usage?version=1"), 400, "version")
    assert desk.api.get("/endpoints/e/usage?version=9").status_code == 404


def test_sums_outlive_lines_and_a_restart(make_app: MakeApi) -> None:
    desk = Desk(make_app(run_log_rows=1, run_usage_days=1))
    desk.make()
    for _ in range(4):
        desk.run()
    assert report(desk)["total"]["runs"] == 4
    assert desk.api.house.endpoints.sweeper.sweep() == 3
    desk.run()
    assert report(desk)["total"]["runs"] == 5
    assert report(desk, to=iso(now() - timedelta(hours=3)))["total"]["runs"] == 0


def test_both_stores_add_up_alike(store: Store) -> None:
    sums, log = Sums(), Log(store)
    endpoint = uuid4().hex
    for at in (0, 3_600_000_000, 23 * 3_600_000_000, 24 * 3_600_000_000):
        sums.add(line(at=at, endpoint_id=endpoint))
    rows = sums.take()
    log.write([], rows)
    log.write([], rows)
    reports = Reports(store, Recorder(log))

    def told(interval: str, **more: str) -> list[tuple[str | None, int]]:
        asked = {"from": "1970-01-01T00:00:00", "to": "1970-01-03", "interval": interval} | more
        answer = asyncio.run(reports.report(1, None, UsageQuery.model_validate(asked)))
        assert answer["total"]["runs"] == 8
        assert answer["total"]["mean_ms"] == 0.06
        return [(row["time"], row["runs"]) for row in answer["results"]]

    assert told("day") == [("1970-01-01T00:00:00Z", 6), ("1970-01-02T00:00:00Z", 2)]
    assert [runs for _, runs in told("hour", group_by="endpoint,version,key")] == [2, 2, 2, 2]
    assert told("total", group_by="key") == [(None, 8)]


def line(duration: int = 60, **other: Any) -> dict[str, Any]:
    return {
        "project_id": 1, "endpoint_id": "e", "at": 0, "version": 1, "caller_kind": "token", "caller": "one",
        "cached": False, "path": "inline", "error": None, "row_count": 2, "bytes_read": 7, "duration": duration,
    } | other  # fmt: skip


def test_what_is_given_back_is_not_lost() -> None:
    sums = Sums()
    sums.add(line())
    taken = sums.take()
    assert sums.take() == []
    sums.add(line(cached=True))
    sums.give_back(taken)
    ((*key, runs, cached, materialized, errors, rows, read, micros, one, two), *none) = [
        (*row[:13], row[13], row[14]) for row in sums.take()
    ]
    assert none == []
    assert key == [1, "e", 0, 1, "token", "one"]
    assert (runs, cached, materialized, errors, rows, read, micros, one, two) == (2, 1, 0, 0, 4, 7, 120, 0, 2)


def test_no_hour_has_rows_without_end() -> None:
    sums = Sums()
    for number in range(1_500):
        sums.add(line(caller=f"tenant {number}"))
    rows = sums.take()
    assert len(rows) == 1_001
    assert sum(row[6] for row in rows if row[5] == "") == 500  # type: ignore[misc]
    sums.add(line(at=3_600_000_000, caller="tenant 1400"))
    assert [row[5] for row in sums.take()] == ["tenant 1400"]


@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_right_within_its_bucket(durations: Sequence[int], share: float) -> None:
    buckets = [0] * BUCKETS
    for micros in durations:
        buckets[bucket(micros)] += 1
    found = quantile(buckets, share)
    rank = max(1, -(-int(share * 1000) * len(durations) // 1000))
    exact = sorted(durations)[rank - 1]
    assert found is not None
    assert exact / 1.5 - 50 <= found <= exact * 1.5 + 50


def test_there_is_a_column_for_all_that_is_counted() -> None:
    assert len(USAGE.columns) == 6 + len(COUNTS) + BUCKETS
    assert quantile([0] * BUCKETS, 0.5) is None
