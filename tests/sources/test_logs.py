"""Slots and publications: what is checked, told and dropped, and what is said when they are lost."""

from typing import Any

import psycopg
import pytest

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import rows, schema
from tests.sources.following import cdc, connect, same, settled, status, until
from tests.support.apps import Api, MakeApi

_ALL = "select id, name from postgres_users order by id"
_SOURCES = "/external_data_sources"


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace'); "
            "CREATE TABLE orders (id int PRIMARY KEY, price int); CREATE TABLE bare (a int)"
        )
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


def _places(database: psycopg.Connection[Any]) -> tuple[int, int]:
    """How many slots and publications there are."""
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
    found = database.execute(f"SELECT ({slots}), (SELECT count(*) FROM pg_publication)").fetchone()
    assert found is not None
    return found[0], found[1]


def _patch(api: Api, source: dict[str, Any], name: str, **values: Any) -> Any:
    return api.patch(f"/external_data_schemas/{schema(source, name)['id']}", json=values)


def test_what_cannot_be_followed_is_refused(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    config = {**config_of(logged_url)}
    made = api.post(_SOURCES, json={"source_type": "Postgres", "payload": {**config, "schemas": [cdc("users")]}})
    assert made.status_code == 400
    assert made.json()["detail"].startswith(
        "CDC must be enabled on the source before selecting it as a sync type: users"
    )
    payload = {**config, "cdc_enabled": True, "schemas": [cdc("bare")]}
    made = api.post(_SOURCES, json={"source_type": "Postgres", "payload": payload})
    assert made.json()["detail"] == "CDC requires a primary key on each table: bare"
    assert api.get(_SOURCES).json()["count"] == 0
    assert _places(database) == (0, 0)
    body = {"source_type": "Postgres", **config}
    checked = api.post(f"{_SOURCES}/check_cdc_prerequisites", json={**body, "tables": ["users"]})
    assert checked.json() == {"valid": True, "errors": []}
    nested = {"source_type": "Postgres", "payload": config, "tables": ["users"]}
    assert api.post(f"{_SOURCES}/check_cdc_prerequisites", json=nested).json() == checked.json()
    theirs = {"cdc_management_mode": "self_managed", "cdc_slot_name": "theirs", "cdc_publication_name": "theirs"}
    checked = api.post(f"{_SOURCES}/check_cdc_prerequisites", json={**body, **theirs}).json()
    assert checked["valid"] is False
    assert ['"theirs"' in text for text in checked["errors"]] == [True, True]
    refused = api.post(f"{_SOURCES}/check_cdc_prerequisites", json={"source_type": "SQLite", "path": "x"})
    assert (refused.status_code, "only supported for Postgres" in refused.json()["detail"]) == (400, True)
    bad = {**config, "cdc_enabled": "true", "cdc_slot_name": "No Slot", "schemas": [cdc("users")]}
    assert api.post(_SOURCES, json={"source_type": "Postgres", "payload": bad}).status_code == 400


def test_a_source_is_switched_on_and_off(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    full = {"name": "users", "should_sync": True, "sync_type": "full_refresh"}
    payload = {**config_of(logged_url), "schemas": [full]}
    source = api.post(_SOURCES, json={"source_type": "Postgres", "payload": payload}).json()
    settled(api, source, "users")
    refused = _patch(api, source, "users", sync_type="cdc")
    assert (refused.status_code, refused.json()["attr"]) == (400, "sync_type")
    one = f"{_SOURCES}/{source['id']}"
    assert api.post(f"{one}/check_cdc_prerequisites_for_source").json() == {"valid": True, "errors": []}
    assert api.get(f"{one}/cdc_status").json()["enabled"] is False
    wrong = {"cdc_lag_warning_threshold_mb": 10, "cdc_lag_critical_threshold_mb": 10}
    assert api.post(f"{one}/enable_cdc", json=wrong).status_code == 400
    assert api.post(f"{one}/enable_cdc").json()["enabled"] is True
    assert api.post(f"{one}/enable_cdc").status_code == 409
    assert api.get(one).json()["job_inputs"]["cdc_enabled"] is True
    assert _places(database) == (0, 0)
    assert _patch(api, source, "users", sync_type="cdc").json()["cdc_table_mode"] == "consolidated"
    until(lambda: _places(database), (1, 1))
    database.execute("INSERT INTO users VALUES (3, 'Edsger')")
    same(api, database, _ALL)
    told = api.get(f"{one}/cdc_status").json()
    assert (told["slot_exists"], told["publication_exists"], told["lag_bytes"] >= 0) == (True, True, True)
    assert api.patch(f"{one}/update_cdc_settings", json={"cdc_lag_warning_threshold_mb": 99999}).status_code == 400
    changed = api.patch(f"{one}/update_cdc_settings", json={"cdc_lag_warning_threshold_mb": 5})
    assert changed.json()["lag_warning_threshold_mb"] == 5
    assert api.post(f"{one}/disable_cdc").json() == {"enabled": False}
    until(lambda: _places(database), (0, 0))
    found = schema(api.get(one).json(), "users")
    assert (found["should_sync"], found["sync_type"], found["table"]["row_count"]) == (False, None, 3)


def test_slot_and_publication_go_with_what_followed_them(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("users"), cdc("orders"))
    settled(api, source, "users", "orders")
    assert _places(database) == (1, 1)
    published = "SELECT tablename FROM pg_publication_tables"
    _patch(api, source, "orders", sync_type="full_refresh")
    until(lambda: database.execute(published).fetchall(), [("users",)])
    database.execute("UPDATE users SET name = 'goes on' WHERE id = 1")
    same(api, database, _ALL)
    _patch(api, source, "orders", sync_type="cdc")
    settled(api, source, "orders")
    database.execute("INSERT INTO orders VALUES (1, 10)")
    same(api, database, "select id, price from postgres_orders order by id")
    for name in ("users", "orders"):
        _patch(api, source, name, should_sync=False)
    until(lambda: _places(database), (0, 0))
    database.execute("INSERT INTO users VALUES (9, 'while nobody looked')")
    assert _patch(api, source, "users", should_sync=True).json()["status"] == "Running"
    same(api, database, _ALL)
    assert api.delete(f"{_SOURCES}/{source['id']}").status_code == 204
    until(lambda: _places(database), (0, 0))


def test_a_lost_slot_is_said_and_nothing_goes_missing_in_silence(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("users"), cdc("orders"))
    settled(api, source, "users", "orders")
    database.execute("UPDATE users SET name = 'seen' WHERE id = 1")
    same(api, database, _ALL)
    before = rows(api, _ALL)
    drop = "SELECT pg_terminate_backend(active_pid), pg_sleep(0.2), pg_drop_replication_slot(slot_name)"

    def dropped() -> bool:
        try:
            database.execute(f"{drop} FROM pg_replication_slots WHERE database = current_database()")
        except psycopg.errors.ObjectInUse:
            return False
        return _places(database)[0] == 0

    until(dropped)
    database.execute("UPDATE users SET name = 'missed' WHERE id = 2; INSERT INTO orders VALUES (5, 5)")
    until(lambda: status(api, source, "users")[0], "Failed")
    assert "slot" in (status(api, source, "users")[1] or "")
    assert "Resync" in (status(api, source, "orders")[1] or "")
    assert rows(api, _ALL) == before
    runs = api.get(f"{_SOURCES}/{source['id']}/jobs").json()
    assert {run["schema"]["name"] for run in runs if run["status"] == "Failed"} == {"users", "orders"}
    for name in ("users", "orders"):
        api.post(f"/external_data_schemas/{schema(source, name)['id']}/resync")
    settled(api, source, "users", "orders")
    same(api, database, _ALL)
    database.execute("DELETE FROM users WHERE id = 1")
    same(api, database, _ALL)
    same(api, database, "select id, price from postgres_orders order by id")


def test_a_table_that_is_gone_or_renamed_stops_alone(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("users"), cdc("orders"))
    settled(api, source, "users", "orders")
    database.execute("ALTER TABLE orders RENAME TO sales; INSERT INTO sales VALUES (1, 1)")
    until(lambda: status(api, source, "orders")[0], "Failed")
    assert "is called sales now" in (status(api, source, "orders")[1] or "")
    database.execute("UPDATE users SET name = 'goes on' WHERE id = 1")
    same(api, database, _ALL)
    assert status(api, source, "users") == ("Completed", None)


def test_slots_that_are_theirs_are_left_alone(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    database.execute("CREATE PUBLICATION theirs FOR TABLE users")
    database.execute("SELECT pg_create_logical_replication_slot('theirs_log', 'pgoutput')")
    named = {"cdc_slot_name": "theirs_log", "cdc_publication_name": "theirs", "cdc_management_mode": "self_managed"}
    source = connect(api, logged_url, cdc("users"), **named)
    settled(api, source, "users")
    database.execute("INSERT INTO users VALUES (3, 'Edsger')")
    same(api, database, _ALL)
    api.delete(f"{_SOURCES}/{source['id']}")
    until(
        lambda: database.execute("SELECT active FROM pg_replication_slots WHERE slot_name = 'theirs_log'").fetchone(),
        (False,),
    )
    assert _places(database) == (1, 1)


def test_a_quiet_table_does_not_keep_the_log(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("orders"))
    settled(api, source, "orders")
    at = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE database = current_database()"
    begun = database.execute(at).fetchone()
    database.execute("INSERT INTO users SELECT i, 'nobody follows' FROM generate_series(10, 20000) i")
    until(lambda: database.execute(at).fetchone() != begun)


def test_a_connection_that_is_cut_is_made_again(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("users"))
    settled(api, source, "users")
    cut = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()"
    for number in (1, 2):
        until(lambda: database.execute(f"{cut} AND active").fetchone(), (True,))
        database.execute("UPDATE users SET name = %s WHERE id = 1", [f"cut {number}"])
        same(api, database, _ALL)
    settled(api, source, "users")
