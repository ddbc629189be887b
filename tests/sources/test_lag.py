"""What a server keeps for a slot: told where it is much, ended where it is too much, freed where nobody wants it."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hedgerow.sources import scheduling
from hedgerow.sources.changes import following
from tests.sources.conftest import rows, schema
from tests.sources.following import cdc, connect, same, settled, status, until
from tests.support.apps import Api, MakeApi

_ALL = "select id, name from postgres_users order by id"
_SOURCES = "/external_data_sources"
_SLOTS = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
_FILL = (
    "CREATE TABLE IF NOT EXISTS filler (a text); "
    "INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 8000)"
)


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada')")
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Api:
    """An application that looks often, and ends before the database it follows."""
    monkeypatch.setattr(following, "LAG_SECONDS", 0.2)
    monkeypatch.setattr(scheduling, "LOOK_AFTER", timedelta(seconds=1))
    return make_app()


@pytest.fixture
def open_since(logged_url: str, database: psycopg.Connection[Any]) -> Any:
    """A transaction that stays open: what was written since it began is kept."""
    with psycopg.connect(logged_url) as other:
        other.execute("CREATE TABLE held (a int)")
        yield other


def _source(api: Api, source: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{_SOURCES}/{source['id']}").json()
    return found


def _limits(warning: int, critical: int, **more: Any) -> dict[str, Any]:
    return {"cdc_lag_warning_threshold_mb": warning, "cdc_lag_critical_threshold_mb": critical, **more}


def test_a_warning_is_told_while_it_holds(
    api: Api, database: psycopg.Connection[Any], logged_url: str, open_since: psycopg.Connection[Any]
) -> None:
    source = connect(api, logged_url, cdc("users"), **_limits(4, 100_000))
    open_since.commit()
    settled(api, source, "users")
    assert _source(api, source)["latest_error"] is None
    open_since.execute("INSERT INTO held VALUES (1)")
    database.execute(_FILL)
    until(lambda: "MB of its log" in (_source(api, source)["latest_error"] or ""))
    told = api.get(f"{_SOURCES}/{source['id']}/cdc_status").json()
    assert (told["lag_status"], told["slot_exists"]) == ("warning", True)
    assert (_source(api, source)["status"], status(api, source, "users")) == ("Completed", ("Completed", None))
    database.execute("INSERT INTO users VALUES (2, 'goes on')")
    same(api, database, _ALL)
    open_since.commit()

    def freed() -> Any:
        database.execute("CHECKPOINT; INSERT INTO users VALUES (3, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x'")
        return _source(api, source)["latest_error"]

    until(freed, None)
    assert api.get(f"{_SOURCES}/{source['id']}/cdc_status").json()["lag_status"] == "ok"


def test_a_slot_that_is_critical_is_dropped_and_said(
    api: Api, database: psycopg.Connection[Any], logged_url: str, open_since: psycopg.Connection[Any]
) -> None:
    open_since.commit()
    source = connect(api, logged_url, cdc("users"), **_limits(1, 100_000))
    settled(api, source, "users")
    before = rows(api, _ALL)
    open_since.execute("INSERT INTO held VALUES (1)")
    database.execute(_FILL)
    changed = api.patch(f"{_SOURCES}/{source['id']}/update_cdc_settings", json=_limits(1, 4))
    assert changed.json()["lag_critical_threshold_mb"] == 4
    until(lambda: status(api, source, "users")[0], "Failed")
    told = status(api, source, "users")[1] or ""
    assert ("more than the 4 MB" in told, "The slot was dropped" in told, "Resync" in told) == (True, True, True)
    assert database.execute(_SLOTS).fetchone() == (0,)
    assert rows(api, _ALL) == before
    open_since.commit()
    database.execute("INSERT INTO users VALUES (2, 'missed')")
    api.patch(f"{_SOURCES}/{source['id']}/update_cdc_settings", json=_limits(1, 100_000))
    api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/resync")
    settled(api, source, "users")
    same(api, database, _ALL)
    database.execute("INSERT INTO users VALUES (3, 'follows again')")
    same(api, database, _ALL)


@pytest.mark.parametrize("theirs", [False, True])
def test_a_slot_that_is_not_to_be_dropped_stays(
    api: Api, database: psycopg.Connection[Any], logged_url: str, open_since: psycopg.Connection[Any], theirs: bool
) -> None:
    open_since.commit()
    more: dict[str, Any] = {"cdc_auto_drop_slot": False}
    if theirs:
        database.execute("CREATE PUBLICATION theirs FOR TABLE users")
        database.execute("SELECT pg_create_logical_replication_slot('theirs_lag', 'pgoutput')")
        more = {"cdc_slot_name": "theirs_lag", "cdc_publication_name": "theirs"}
        more["cdc_management_mode"] = "self_managed"
    source = connect(api, logged_url, cdc("users"), **_limits(1, 4, **more))
    settled(api, source, "users")
    open_since.execute("INSERT INTO held VALUES (1)")
    database.execute(_FILL)
    until(lambda: "that are critical" in (_source(api, source)["latest_error"] or ""))
    assert api.get(f"{_SOURCES}/{source['id']}/cdc_status").json()["lag_status"] == "critical"
    database.execute("INSERT INTO users VALUES (2, 'goes on')")
    same(api, database, _ALL)
    assert database.execute(_SLOTS).fetchone() == (1,)
    assert status(api, source, "users") == ("Completed", None)


def test_a_slot_of_theirs_is_freed_when_no_table_follows(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    database.execute("CREATE PUBLICATION theirs FOR TABLE users")
    database.execute("SELECT pg_create_logical_replication_slot('theirs_idle', 'pgoutput')")
    named = {"cdc_slot_name": "theirs_idle", "cdc_publication_name": "theirs", "cdc_management_mode": "self_managed"}
    source = connect(api, logged_url, cdc("users"), **named)
    settled(api, source, "users")
    path = f"/external_data_schemas/{schema(source, 'users')['id']}"
    at = "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = 'theirs_idle'"
    for number in (2, 3):
        assert api.patch(path, json={"should_sync": False}).status_code == 200
        database.execute(_FILL)
        database.execute("INSERT INTO users VALUES (%s, 'nobody looks')", [number])
        end = database.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        until(lambda end=end: database.execute(at, end).fetchone(), (True,))  # type: ignore[misc]
        assert api.patch(path, json={"should_sync": True}).status_code == 200
        settled(api, source, "users")
        same(api, database, _ALL)
        database.execute("INSERT INTO users VALUES (%s, 'follows again')", [number * 10])
        same(api, database, _ALL)
