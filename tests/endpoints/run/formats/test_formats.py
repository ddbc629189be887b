"""Runs in other formats than JSON, through the whole application: the same rows, limits and freshness."""

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.endpoints.run import paths
from hedgerow.endpoints.run.formats import exporting, producing
from tests.endpoints.conftest import Desk, refused, refused_by_hand
from tests.endpoints.test_materialized import settled
from tests.support.apps import MakeApi

MEDIA = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
EVERY = pytest.mark.parametrize("name", list(MEDIA))
SLOW = "select count() from numbers(300000000) where number % 7 = 3"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is small is waited for, and so has its tag, however slow the machine is."""
    monkeypatch.setattr(exporting, "_QUICK_SECONDS", 10.0)


def got(desk: Desk, name: str, suffix: str = "", **headers: str) -> httpx.Response:
    """A run by GET that succeeds."""
    answer = desk.api.get(f"/endpoints/e/run?format={name}{suffix}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == MEDIA[name]
    return answer


def table(answer: httpx.Response) -> pa.Table:
    """The rows of an Arrow or Parquet answer."""
    if answer.headers["content-type"] == MEDIA["arrow"]:
        return pa.ipc.open_stream(answer.content).read_all()
    return parquet.read_table(io.BytesIO(answer.content))


def rows(answer: httpx.Response) -> list[list[Any]]:
    """The rows of any answer, as lists of texts and plain values."""
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == MEDIA["csv"]:
        return [list(row) for row in csv.reader(io.StringIO(answer.text))][1:]
    if kind == MEDIA["ndjson"]:
        return [list(json.loads(line).values()) for line in answer.text.splitlines()]
    return [list(row.values()) for row in table(answer).to_pylist()]


@pytest.fixture
def hits(counted: Desk) -> Desk:
    """An endpoint over all hits."""
    counted.make("select id, event, amount, day from hits order by id")
    return counted


def test_the_rows_are_those_of_json(hits: Desk) -> None:
    plain = hits.run()
    for name, media in MEDIA.items():
        by_name, by_header = got(hits, name), hits.api.post("/endpoints/e/run", headers={"Accept": media})
        assert by_header.content == by_name.content
        assert by_name.headers["content-disposition"] == f'attachment; filename="e.{name}"'
        assert by_name.headers["x-endpoint-version"] == "1"
        assert by_name.headers["x-row-limit"] == "100"
        assert [[str(value) for value in row] for row in rows(by_name)] == [
            [str(value) for value in row] for row in plain["results"]
        ]


def test_csv_is_exact(desk: Desk) -> None:
    desk.make(
        "select 1 as n, null as nothing, '' as empty, 'a \"b\",\nc' as text, "
        "toDateTime('2026-01-31 10:00:00') as at, toDate('2026-01-31') as day, true as yes, 1.5 as f, "
        "toDecimal64('1.10', 2) as d, ['x', null] as list, tuple(1, 'a') as pair, 18446744073709551615 as big"
    )
    assert got(desk, "csv").text == (
        '"n","nothing","empty","text","at","day","yes","f","d","list","pair","big"\n'
        '1,,"","a ""b"",\nc","2026-01-31T10:00:00.000000Z","2026-01-31",true,1.5,1.1,"[""x"",null]","[1,""a""]",'
        "18446744073709551615\n"
    )


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_arrow_has_types(desk: Desk, name: str) -> None:
    desk.make(
        "select toUInt8(1) as n, null as nothing, 'a' as text, toDateTime('2026-01-31 10:00:00') as at, "
        "toDate('2026-01-31') as day, true as yes, toDecimal64('1.10', 2) as d, ['x', null] as list, "
        "generateUUIDv4() as id, nullIf(1, 1) as maybe"
    )
    found = table(got(desk, name))
    kinds = {field.name: field.type for field in found.schema}
    assert kinds.pop("at") == pa.timestamp("us", "UTC")
    assert pa.types.is_list(kinds.pop("list"))
    assert kinds == {
        "n": pa.uint8(), "nothing": pa.string(), "text": pa.string(), "day": pa.date32(), "yes": pa.bool_(),
        "d": pa.decimal128(18, 2), "id": pa.string(), "maybe": pa.uint8(),
    }  # fmt: skip
    assert not found.schema.field("n").nullable
    assert found.schema.field("maybe").nullable
    assert found["list"].to_pylist() == [["x", None]]


def test_no_rows_still_have_columns(hits: Desk) -> None:
    hits.change({"query": {"kind": "HogQLQuery", "query": "select id, event from hits where id > 1000"}})
    for name in MEDIA:
        for suffix in ("", "&limit=5&offset=5"):
            answer = got(hits, name, suffix)
            assert rows(answer) == []
            if name == "csv":
                assert answer.text == '"id","event"\n'
            elif name != "ndjson":
                assert table(answer).column_names == ["id", "event"]


@EVERY
def test_pages_are_those_of_json(hits: Desk, name: str) -> None:
    answer = got(hits, name, "&limit=3&offset=4")
    assert [str(row[0]) for row in rows(answer)] == ["5", "6", "7"]
    assert answer.headers["x-row-limit"] == "3"
    hits.change({"query": {"kind": "HogQLQuery", "query": "select id from hits order by id limit 6"}})
    inside = got(hits, name, "&limit=4&offset=4")
    assert [str(row[0]) for row in rows(inside)] == ["5", "6"]
    assert "x-row-limit" not in inside.headers
    assert rows(got(hits, name, "&limit=4&offset=9")) == []


def test_a_file_is_kept_while_it_is_fresh(desk: Desk) -> None:
    desk.make("select rand64() as r")
    for name in MEDIA:
        first, second = got(desk, name), got(desk, name)
        assert (first.headers["x-is-cached"], second.headers["x-is-cached"]) == ("false", "true")
        assert first.content == second.content
        assert first.headers["etag"] == second.headers["etag"]
        assert first.headers["x-last-refresh"] == second.headers["x-last-refresh"]
        assert first.headers["cache-control"] == "private, max-age=60"
        assert first.headers["vary"] == "Authorization, Accept"
        forced = desk.ask({"refresh": "force"}, suffix=f"?format={name}")
        assert forced.headers["x-is-cached"] == "false"
        assert "etag" not in forced.headers
        assert forced.content != first.content
        assert got(desk, name).content == forced.content


def test_what_a_browser_has_is_a_304(hits: Desk) -> None:
    for name, media in MEDIA.items():
        tag = got(hits, name).headers["etag"]
        same = hits.api.get("/endpoints/e/run", headers={"If-None-Match": tag, "Accept": media})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == tag
        assert got(hits, name, "&limit=2", **{"If-None-Match": tag}).headers["etag"] != tag
        plain = hits.api.get("/endpoints/e/run", headers={"If-None-Match": tag})
        assert plain.status_code == 200
        assert plain.headers["etag"] != tag


def test_a_stale_file_is_told_while_a_new_one_is_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.make("select rand64() as r", data_freshness_seconds=900, stale_while_revalidate_seconds=900)
    first = got(desk, "csv")
    assert "stale-while-revalidate" in first.headers["cache-control"]
    for module in (exporting, paths, producing):
        monkeypatch.setattr(module, "now", lambda: datetime.now(UTC) + timedelta(seconds=1_000))
    assert got(desk, "csv").content == first.content
    until = time.monotonic() + 10
    while (found := got(desk, "csv")).content == first.content:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert found.headers["x-is-cached"] == "true"


def test_a_load_is_seen(hits: Desk) -> None:
    before = got(hits, "csv")
    files = {"file": ("hits.csv", b"id,event,amount,day\n1,new,1.5,2026-01-01\n", "text/csv")}
    assert hits.api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201
    after = got(hits, "csv", **{"If-None-Match": before.headers["etag"]})
    assert rows(after) == [["1", "new", "1.5", "2026-01-01"]]


def test_many_who_ask_at_once_cost_one_query(desk: Desk) -> None:
    desk.make(SLOW)
    figures = desk.api.house.figures
    for name in MEDIA:
        with ThreadPoolExecutor(5) as threads:
            before = figures.total
            answers = list(threads.map(got, [desk] * 5, [name] * 5))
        assert figures.total - before == 1
        assert len({answer.content for answer in answers}) == 1
        assert sorted(answer.headers["x-is-cached"] for answer in answers) == ["false", *["true"] * 4]


def test_tables_of_a_version_are_read(counted: Desk) -> None:
    counted.variable("event", "pageview")
    counted.make("select count() as n from hits where event = {variables.event}", is_materialized=True)
    settled(counted)
    for name in MEDIA:
        answer = counted.ask({"variables": {"event": "pageleave"}}, suffix=f"?format={name}")
        assert [str(row[0]) for row in rows(answer)] == ["10"]
        assert "x-materialized-at" in answer.headers
        direct = counted.ask({"variables": {"event": "pageleave"}, "refresh": "direct"}, suffix=f"?format={name}")
        assert rows(direct) == rows(answer)
        assert "x-materialized-at" not in direct.headers
        refused(counted.ask({}, suffix=f"?format={name}"), 400, "variables", "Required variable")


def test_tables_that_cannot_be_read_are_gone_round(counted: Desk) -> None:
    counted.variable("event", "pageview")
    made = counted.make("select count() as n from hits where event = {variables.event}", is_materialized=True)
    settled(counted)
    house = counted.api.house
    kept = counted.api.call(house.endpoints.runs.definitions.find, counted.api.project_id, made["name"], None)
    for served in kept.endpoint.version.materialization.tables.served:
        counted.api.call(house.engine.drop_table, f"p{counted.api.project_id}", served.physical)
    answer = counted.ask({"variables": {"event": "pageleave"}}, suffix="?format=csv")
    assert rows(answer) == [["10"]]
    assert "x-materialized-at" not in answer.headers


def test_what_is_wrong_is_said_in_json(by_event: Desk) -> None:
    by_event.make("select intDiv(1, number - 3) from numbers(10)", name="broken")
    for name in MEDIA:
        suffix = f"?format={name}"
        refused(by_event.ask({"variables": {"nobody": 1}}, suffix=suffix), 400, "variables", "nobody")
        refused_by_hand(by_event.ask({"limit": 0}, suffix=suffix), 400, "limit")
        refused_by_hand(by_event.ask({"version": 9}, suffix=suffix), 404, "Version 9 not found")
        broken = by_event.ask({}, "broken", suffix)
        refused(broken, 400, None, "zero")
        assert broken.json()["code"] == "illegal_division"


def test_time_and_places_are_limited(make_app: MakeApi) -> None:
    desk = Desk(make_app(api_query_timeout=0.5))
    desk.make("select count() from numbers(100000000000) where number % 7 = 3")
    assert desk.ask({}, suffix="?format=csv").json()["code"] == "query_timeout"
    narrow = Desk(make_app(concurrent_queries=1))
    narrow.make(SLOW + " and {variables.v} != 7" if narrow.variable("v", 1, "Number") else "")
    with ThreadPoolExecutor(4) as threads:
        asked = [{"variables": {"v": number}} for number in range(4)]
        answers = list(threads.map(lambda body: narrow.ask(body, suffix="?format=arrow"), asked))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert narrow.ask({"variables": {"v": 9}}, suffix="?format=arrow").status_code == 200


def test_files_are_logged_as_runs_are(hits: Desk) -> None:
    made = [got(hits, name, "&limit=3") for name in MEDIA]
    again = got(hits, "csv", "&limit=3")
    hits.ask({"limit": 0}, suffix="?format=csv")
    hits.api.call(hits.api.house.endpoints.runs.recorder.flush)
    lines = hits.api.get("/endpoints/e/logs").json()["results"]
    told = {line["instance_id"]: line["message"] for line in lines}
    for answer in made:
        assert "cache=miss" in told[answer.headers["x-execution-id"]]
        assert " rows=3 version=1" in told[answer.headers["x-execution-id"]]
    assert "cache=hit" in told[again.headers["x-execution-id"]]
    assert sum(line["level"] == "ERROR" for line in lines) == 1
