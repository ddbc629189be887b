"""Counts of runs by room, by hour and by day; rows moved; what is billing's is empty."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from hedgerow.kit.clock import now
from hedgerow.overview.statistics import spans
from tests.overview.test_activity import both_stores, made, told
from tests.sources.conftest import Shop, full, make, schema, settled
from tests.support.apps import Api


def _worked(api: Api, shop: Shop) -> str:
    """Two good syncs and a bad one, a good run of a view and a bad one; the id of the source."""
    source = settled(api, make(api, full("users"), full("orders"))["id"])
    made(api, "good", "select name from sqlite_users")
    made(api, "bad", "select 1 as a, 2 as A")
    shop.do("DROP TABLE orders")
    assert api.post(f"/external_data_schemas/{schema(source, 'orders')['id']}/reload").status_code == 200
    return str(settled(api, source["id"])["id"])


@both_stores
def test_jobs_are_counted_by_room_and_by_time(api: Api, shop: Shop) -> None:
    before = now()
    _worked(api, shop)
    for days, size in ((7, 7), (30, 30), (1, 24)):
        stats = told(api, "job_stats", days=days)
        assert (stats["days"], stats["total_jobs"], stats["successful_jobs"], stats["failed_jobs"]) == (days, 5, 3, 2)
        assert stats["external_data_jobs"] == {"total": 3, "running": 0, "successful": 2, "failed": 1}
        assert stats["modeling_jobs"] == {"total": 2, "running": 0, "successful": 1, "failed": 1}
        assert len(stats["breakdown"]) == size
        # Midnight or a full hour may have passed since the first.
        newest = [*stats["breakdown"].values()][:2]
        assert [sum(each[how] for each in newest) for how in ("successful", "failed")] == [3, 2]
        assert datetime.fromisoformat(stats["cutoff_time"]) >= before - timedelta(days=days)
    assert told(api, "job_stats")["days"] == 7
    assert next(iter(told(api, "job_stats")["breakdown"])) in {str(before.date()), str(now().date())}


@both_stores
def test_what_is_older_does_not_count(api: Api, shop: Shop) -> None:
    _worked(api, shop)
    with api.house.store.write() as session:
        moments = {"past": now() - timedelta(days=10)}
        ended = "UPDATE external_data_jobs SET created_at = :past, finished_at = :past WHERE status = 'Failed'"
        session.execute(text(ended), moments)
        session.execute(text("UPDATE data_modeling_jobs SET created_at = :past WHERE status = 'Failed'"), moments)
    week, month = told(api, "job_stats", days=7), told(api, "job_stats", days=30)
    assert (week["total_jobs"], week["failed_jobs"]) == (3, 0)
    assert (month["total_jobs"], month["failed_jobs"]) == (5, 2)
    assert sum(day["failed"] for day in month["breakdown"].values()) == 2
    assert [day["failed"] for day in month["breakdown"].values()][9:11].count(2) == 1


@both_stores
def test_rows_are_summed_and_billing_is_empty(api: Api, shop: Shop) -> None:
    source = _worked(api, shop)
    stats = told(api, "total_rows_stats")
    assert stats == {
        "billing_available": False,
        "billing_interval": "",
        "billing_period_end": None,
        "billing_period_start": None,
        "breakdown_of_rows_by_source": {source: 5},
        "materialized_rows_in_billing_period": 3,
        "total_rows": 5,
        "tracked_billing_rows": 0,
        "pending_billing_rows": 0,
    }
    assert api.delete(f"/external_data_sources/{source}").status_code == 204
    gone = told(api, "total_rows_stats")
    assert (gone["breakdown_of_rows_by_source"], gone["total_rows"]) == ({}, 5)


def test_days_are_those_of_the_project(api: Api, shop: Shop) -> None:
    made(api, "v", "select 1 as one")
    path = f"/api/projects/{api.project_id}"
    assert api.patch(path, json={"timezone": "Asia/Kolkata"}).status_code == 200
    stats = told(api, "job_stats", days=1)
    assert stats["cutoff_time"].endswith("+05:30")
    assert all(hour.endswith(":00:00+05:30") for hour in stats["breakdown"])
    assert sum(each["successful"] for each in stats["breakdown"].values()) == 1


@pytest.mark.parametrize(("zone", "night"), [("Europe/Rome", (2026, 10, 25, 12)), ("Europe/Rome", (2026, 3, 29, 12))])
def test_nights_when_clocks_change_have_each_hour_once(zone: str, night: tuple[int, int, int, int]) -> None:
    noon = datetime(*night, 30, tzinfo=UTC)
    hours = spans(noon, 1, ZoneInfo(zone))
    assert len(set(hours.names)) == 24
    instants = [each.astimezone(UTC) for each in hours.beginnings]
    assert instants == [noon.replace(minute=0) - timedelta(hours=back) for back in range(24)]
    days = spans(noon, 7, ZoneInfo(zone))
    assert days.names[0] == str(noon.date())
    spent = days.beginnings[0].astimezone(UTC) + timedelta(days=1)
    assert spent - (days.beginnings[0] + timedelta(days=1)).astimezone(UTC) in (timedelta(hours=1), timedelta(hours=-1))


def test_a_moment_before_dawn_is_of_the_day_that_the_project_has() -> None:
    evening = datetime(2026, 5, 1, 20, tzinfo=UTC)
    assert spans(evening, 7, ZoneInfo("Asia/Kolkata")).names[0] == "2026-05-02"
    assert spans(evening, 30, ZoneInfo("America/New_York")).names[-1] == "2026-04-02"
