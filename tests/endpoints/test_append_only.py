"""Tables of endpoints that grow by what is added: through the real jobs, from files loaded anew."""

import time
from collections.abc import Iterable
from typing import Any

import pytest

from hedgerow.endpoints.materialized.switching import KIND, subject
from hedgerow.endpoints.rows import VersionRow
from tests.endpoints.conftest import Desk
from tests.endpoints.test_materialized import settled
from tests.support.apps import Api

Row = tuple[int, str, int]
FIRST: list[Row] = [(n, "ab"[n % 2], n * 3) for n in range(1, 41)]
MORE: list[Row] = [(n, "ab"[n % 2], n * 5) for n in range(41, 51)]
QUERY = "select sum(amount) as total, uniq(id) as ids from grows where event = {variables.event}"


def load(api: Api, rows: Iterable[Row]) -> None:
    """The table as a new load leaves it."""
    lines = "".join(f"{number},{event},{amount}\n" for number, event, amount in rows)
    files = {"file": ("grows.csv", f"id,event,amount\n{lines}".encode(), "text/csv")}
    made = api.post("/warehouse_tables/file", data={"name": "grows"}, files=files)
    assert made.status_code in {200, 201}, made.text


def refreshed(desk: Desk, job_count: int) -> dict[str, Any]:
    """How the refresh went that is asked for now, after so many jobs."""
    house, number = desk.api.house, desk.get()["current_version"]
    with house.store.write() as session:
        version = session.query(VersionRow).filter_by(number=number).one()
        on = subject(version.id)
        house.jobs.jobs.enqueue(session, KIND, on, {"version_id": str(version.id)}, project_id=desk.api.project_id)
    for _ in range(400):
        with house.store.read() as session:
            done = [job for job in house.jobs.jobs.history(session, KIND, on, 50) if job.state == "done"]
        if len(done) > job_count:
            return settled(desk)
        time.sleep(0.05)
    raise AssertionError("it was not refreshed")


def both(desk: Desk, event: str) -> list[Any]:
    """The answer from the tables, which is the query's own."""
    asked = {"variables": {"event": event}, "debug": True}
    made = desk.get(suffix="materialization_status")["last_materialized_at"]
    until = time.monotonic() + 10
    # A process sees what a job has published within a second.
    while (stored := desk.run(asked | {"refresh": "force"}))["endpoint_materialized_at"] != made:
        assert time.monotonic() < until
        time.sleep(0.05)
    inline = desk.run(asked | {"refresh": "direct"})
    assert (stored["path"], inline["path"]) == ("materialized", "inline")
    assert stored["results"] == inline["results"]
    rows: list[Any] = stored["results"]
    return rows


@pytest.fixture
def grows(desk: Desk) -> Desk:
    """Endpoint `e` over a table whose rows are declared to come with higher ids."""
    load(desk.api, FIRST)
    desk.variable("event", "a")
    desk.make(QUERY, is_materialized=True, append_only_column="id")
    settled(desk)
    return desk


def test_new_rows_are_added_and_answers_stay_exact(grows: Desk) -> None:
    assert grows.get()["append_only_column"] == "id"
    first = grows.get(suffix="materialization_status")["last_refresh"]
    assert first["mode"] == "full"
    assert "first refresh" in first["reason"]
    load(grows.api, FIRST + MORE)
    assert refreshed(grows, 1)["last_refresh"] == {"mode": "appended", "reason": None}
    assert both(grows, "a") == [[sum(a for _, e, a in FIRST + MORE if e == "a"), 25]]
    assert both(grows, "b")[0][1] == 25
    # Nothing new: appended as well, of nothing.
    assert refreshed(grows, 2)["last_refresh"]["mode"] == "appended"
    assert both(grows, "a")[0][1] == 25
    load(grows.api, [*FIRST, *MORE, (51, "a", 1)])
    assert refreshed(grows, 3)["last_refresh"]["mode"] == "appended"
    assert both(grows, "a")[0][1] == 26
    (table,) = grows.api.post("/endpoints/e/materialization_preview").json()["tables"]
    assert table["grows_with"] == "grows"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(FIRST[1:] + MORE, id="one is gone"),
        pytest.param([*FIRST, (40, "a", 7), *MORE], id="one came late"),
        pytest.param([*FIRST[:-1], (39, "a", 7), *MORE], id="one has another id"),
    ],
)
def test_what_is_not_as_declared_is_noticed(grows: Desk, rows: list[Row]) -> None:
    load(grows.api, rows)
    last = refreshed(grows, 1)["last_refresh"]
    assert last["mode"] == "full"
    assert "not after the last id" in last["reason"]
    both(grows, "a")
    both(grows, "b")


def test_numbers_beyond_any_time_are_read_in_full(desk: Desk) -> None:
    huge = 2**63 + 7
    load(desk.api, [(huge + n, "a", n) for n in range(3)])
    desk.variable("event", "a")
    desk.make(QUERY, is_materialized=True, append_only_column="id")
    settled(desk)
    load(desk.api, [(huge + n, "a", n) for n in range(5)])
    assert refreshed(desk, 1)["last_refresh"]["mode"] == "full"
    assert both(desk, "a") == [[10, 5]]


def test_without_the_declaration_everything_is_read_anew(grows: Desk) -> None:
    load(grows.api, FIRST + MORE)
    assert grows.change({"append_only_column": None})["append_only_column"] is None
    assert refreshed(grows, 1)["last_refresh"] == {"mode": "full", "reason": None}
    both(grows, "a")
    grows.change({"append_only_column": "event"})
    last = refreshed(grows, 2)["last_refresh"]
    assert last["mode"] == "full"
    assert "event" in last["reason"]
