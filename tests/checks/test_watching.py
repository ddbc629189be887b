"""Checks of tables whose rows are published as they come: a job looks, at once or a minute after the last look."""

import time
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from hedgerow.checks import watching
from hedgerow.kit.clock import now
from tests.checks.test_checks import CSV, TABLES, add, upload
from tests.support.apps import Api

pytestmark = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def table(sales: Api) -> str:
    return upload(sales, CSV)


def publish(api: Api, table: str, times: int = 1) -> None:
    for _ in range(times):
        with api.house.store.write() as session:
            api.house.checks.watching.published(session, api.project_id, UUID(table))


def waiting(api: Api, table: str) -> list[datetime]:
    """When its checks are to be looked at."""
    with api.house.store.read() as session:
        jobs = api.house.jobs.jobs.history(session, watching.LOOK, f"checks:{table}")
    return [job.run_at for job in jobs if job.state == "waiting"]


def results(api: Api, table: str, count: int) -> list[tuple[str, str]]:
    """What was found, once there is so much of it."""
    end = time.monotonic() + 20
    found: list[dict[str, str]] = []
    while len(found) < count:
        assert time.monotonic() < end, found
        time.sleep(0.02)
        found = api.get(f"{TABLES}/{table}/data_checks/results").json()["results"]
    return sorted((each["severity"], each["status"]) for each in found)


def test_they_are_looked_at_once_and_then_after_a_rest(sales: Api, table: str) -> None:
    path = f"{TABLES}/{table}/data_checks"
    add(sales, path, "not_null", column="city")
    add(sales, path, "row_count", "warn", min=1)
    publish(sales, table)
    assert results(sales, table, 2) == [("error", "failed"), ("warn", "passed")]
    publish(sales, table, times=3)
    (due,) = waiting(sales, table)
    assert timedelta(seconds=30) < due - now() <= timedelta(minutes=1)
    assert len(results(sales, table, 2)) == 2


def test_a_table_without_checks_is_not_looked_at(sales: Api, table: str) -> None:
    made = add(sales, f"{TABLES}/{table}/data_checks", "row_count", min=1)
    publish(sales, upload(sales, CSV, "others"))
    assert sales.patch(f"{TABLES}/{table}/data_checks/{made['id']}", json={"enabled": False}).status_code == 200
    publish(sales, table)
    with sales.house.store.read() as session:
        assert sales.house.jobs.jobs.history(session, watching.LOOK, f"checks:{table}") == []


def test_a_look_in_the_future_holds_nothing_up(sales: Api, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock was set back since."""
    add(sales, f"{TABLES}/{table}/data_checks", "row_count", min=1)
    publish(sales, table)
    results(sales, table, 1)
    monkeypatch.setattr(watching, "now", lambda: now() - timedelta(hours=1))
    publish(sales, table)
    assert results(sales, table, 2) == [("error", "passed")] * 2


def test_a_table_that_is_gone_meanwhile(sales: Api, table: str) -> None:
    add(sales, f"{TABLES}/{table}/data_checks", "row_count", min=1)
    assert sales.delete(f"{TABLES}/{table}").status_code == 204
    jobs, place = sales.house.jobs.jobs, f"checks:{table}"
    with sales.house.store.write() as session:
        jobs.enqueue(session, watching.LOOK, place, {"table": table}, project_id=sales.project_id)
    end, state = time.monotonic() + 20, "waiting"
    while state in ("waiting", "running"):
        assert time.monotonic() < end, state
        time.sleep(0.02)
        with sales.house.store.read() as session:
            (job,) = jobs.history(session, watching.LOOK, place)
        state = job.state
    assert (state, job.error, job.result) == ("done", None, None)
