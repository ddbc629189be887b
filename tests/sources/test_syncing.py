"""Rows come over whole, by cursor or appended; they and the cursor move together, and old rows serve until then."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hedgerow.connectors.sqlite import SqliteConnector
from hedgerow.sources import ledger
from hedgerow.sources.scheduling import first_after
from tests.sources.conftest import Shop, full, incremental, make, rows, schema, settled
from tests.support.apps import Api

_NAMES = "select id, name, seen from sqlite_users order by id"


def _again(api: Api, source: dict[str, Any], name: str, action: str = "reload") -> dict[str, Any]:
    """The schema after one more sync."""
    answer = api.post(f"/external_data_schemas/{schema(source, name)['id']}/{action}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Running"
    return schema(settled(api, source["id"]), name)


def _last(api: Api, source: dict[str, Any]) -> dict[str, Any]:
    """The newest run."""
    found: dict[str, Any] = api.get(f"/external_data_sources/{source['id']}/jobs").json()[0]
    return found


def test_a_table_comes_over_whole_and_has_two_names(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"), full("orders"))["id"])
    assert source["status"] == "Completed"
    assert source["latest_error"] is None
    assert rows(api, _NAMES) == [[1, "Ada", 10], [2, "Grace", 20], [3, "Edsger", 30]]
    joined = "select u.name, o.price from sqlite.users u join sqlite.orders o on o.user_id = u.id order by u.id"
    assert rows(api, joined) == [["Ada", 1.5], ["Grace", 2.5]]
    users = schema(source, "users")
    assert (users["status"], users["table"]["name"], users["table"]["row_count"]) == ("Completed", "sqlite_users", 3)
    assert [column["type"] for column in users["table"]["columns"]] == ["integer", "string", "integer"]
    assert users["last_synced_at"]
    shop.do("DELETE FROM users WHERE id = 1", "UPDATE users SET name = 'Barbara' WHERE id = 2")
    _again(api, source, "users")
    assert rows(api, _NAMES) == [[2, "Barbara", 20], [3, "Edsger", 30]]


def test_runs_are_told(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    (run,) = api.get(f"/external_data_sources/{source['id']}/jobs").json()
    told = {"status": "Completed", "rows_synced": 3, "latest_error": None, "workflow_run_id": run["id"]}
    assert run.items() >= told.items()
    assert run["schema"]["id"] == schema(source, "users")["id"]
    assert run["bytes_synced"] > 0
    assert source["last_run_at"] == run["created_at"]
    path = f"/external_data_sources/{source['id']}/jobs"
    assert api.get(path, params={"schemas": "orders"}).json() == []
    assert api.get(path, params={"schemas": "users", "after": run["created_at"]}).json() == [run]
    assert api.get(path, params={"before": "2000-01-01T00:00:00Z"}).json() == []


def test_a_key_without_a_value_fails_the_sync_and_the_old_rows_serve(api: Api, shop: Shop) -> None:
    shop.do("CREATE TABLE codes (code TEXT, seen INTEGER)", "INSERT INTO codes VALUES ('a', 1)")
    wish = incremental("codes", "seen", primary_key_columns=["code"])
    source = settled(api, make(api, wish)["id"])
    shop.do("INSERT INTO codes VALUES (NULL, 2), ('b', 3)")
    codes = _again(api, source, "codes")
    assert codes["status"] == "Failed"
    assert "without a value in code" in codes["latest_error"]
    assert rows(api, "select code, seen from sqlite_codes") == [["a", 1]]


def test_changed_rows_come_by_their_cursor(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    shop.do(
        "UPDATE users SET name = 'Barbara', seen = 40 WHERE id = 1",
        "INSERT INTO users VALUES (4, 'Alan', 50)",
        "UPDATE users SET name = 'unseen' WHERE id = 2",  # its cursor says that nothing has changed
    )
    _again(api, source, "users")
    assert _last(api, source)["rows_synced"] == 2
    expected = [[1, "Barbara", 40], [2, "Grace", 20], [3, "Edsger", 30], [4, "Alan", 50]]
    assert rows(api, _NAMES) == expected
    before = api.get("/warehouse_tables").json()
    unchanged = _again(api, source, "users")
    assert (_last(api, source)["rows_synced"], unchanged["table"]["row_count"]) == (0, 4)
    assert api.get("/warehouse_tables").json()["results"][0]["row_count"] == before["results"][0]["row_count"]
    for number in range(5, 9):  # clones of clones
        shop.do(f"INSERT OR REPLACE INTO users VALUES (1, 'round {number}', {number * 100})")
        _again(api, source, "users")
    assert rows(api, _NAMES) == [[1, "round 8", 800], *expected[1:]]


def test_rows_are_appended_and_never_updated(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen", sync_type="append"))["id"])
    shop.do("UPDATE users SET seen = 40 WHERE id = 1")
    _again(api, source, "users")
    assert rows(api, "select id, seen from sqlite_users order by seen") == [[1, 10], [2, 20], [3, 30], [1, 40]]


def test_rows_of_the_last_day_are_not_doubled(api: Api, shop: Shop) -> None:
    shop.do(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, day DATE)",
        "INSERT INTO visits VALUES (1, '2026-01-01'), (2, '2026-01-02')",
    )
    wish = {"incremental_field": "day", "incremental_field_type": "date"}
    source = settled(api, make(api, {"name": "visits", "should_sync": True, "sync_type": "append", **wish})["id"])
    shop.do("INSERT INTO visits VALUES (3, '2026-01-02'), (4, '2026-01-03')")
    _again(api, source, "visits")
    assert rows(api, "select id, day from sqlite_visits order by id") == [
        [1, "2026-01-01"],
        [2, "2026-01-02"],
        [3, "2026-01-02"],
        [4, "2026-01-03"],
    ]


def test_rows_without_a_cursor_are_counted(api: Api, shop: Shop) -> None:
    shop.do("INSERT INTO users VALUES (4, 'Never', NULL)")
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    assert (_last(api, source)["rows_synced"], _last(api, source)["null_cursors"]) == (4, 1)


def test_another_cursor_goes_on_from_what_is_there(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "id"))["id"])
    path = f"/external_data_schemas/{schema(source, 'users')['id']}"
    assert api.patch(path, json={"incremental_field": "seen"}).json()["incremental_field"] == "seen"
    shop.do("UPDATE users SET name = 'late', seen = 31 WHERE id = 1", "UPDATE users SET name = 'x' WHERE id = 2")
    _again(api, source, "users")
    assert _last(api, source)["rows_synced"] == 1
    assert rows(api, _NAMES) == [[1, "late", 31], [2, "Grace", 20], [3, "Edsger", 30]]


def test_a_switch_of_type_reads_everything_once(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen", sync_type="append"))["id"])
    path = f"/external_data_schemas/{schema(source, 'users')['id']}"
    shop.do("UPDATE users SET seen = 40 WHERE id = 1")
    _again(api, source, "users")
    assert len(rows(api, _NAMES)) == 4
    assert api.patch(path, json={"sync_type": "incremental"}).json()["status"] == "Completed"
    assert len(rows(api, _NAMES)) == 4  # the old rows serve until the new ones are whole
    _again(api, source, "users")
    assert rows(api, _NAMES) == [[1, "Ada", 40], [2, "Grace", 20], [3, "Edsger", 30]]
    key = api.patch(path, json={"primary_key_columns": ["name"]})
    assert (key.status_code, key.json()["attr"]) == (400, "primary_key_columns")
    assert api.get("/warehouse_tables").json()["count"] == 1


def test_resync_reads_everything_anew(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    shop.do("DELETE FROM users WHERE id = 2", "UPDATE users SET name = 'unseen' WHERE id = 1")
    _again(api, source, "users", "resync")
    assert rows(api, _NAMES) == [[1, "unseen", 10], [3, "Edsger", 30]]


def test_only_chosen_columns_come_with_keys_and_cursor(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen", enabled_columns=[]))["id"])
    assert [c["name"] for c in schema(source, "users")["table"]["columns"]] == ["id", "seen"]
    path = f"/external_data_schemas/{schema(source, 'users')['id']}"
    api.patch(path, json={"enabled_columns": None})
    _again(api, source, "users")
    assert rows(api, _NAMES)[0] == [1, "Ada", 10]


def test_data_is_deleted_and_the_schema_stays(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, incremental("users", "seen"))["id"])
    path = f"/external_data_schemas/{schema(source, 'users')['id']}"
    gone = api.delete(f"{path}/delete_data")
    assert (gone.status_code, gone.json()["last_synced_at"], gone.json()["table"]) == (200, None, None)
    assert api.get("/warehouse_tables").json()["count"] == 0
    missing = api.post("/query", json={"query": {"kind": "HogQLQuery", "query": "select 1 from sqlite.users"}})
    assert missing.status_code == 400
    _again(api, source, "users")
    assert len(rows(api, _NAMES)) == 3


def test_a_synced_table_is_its_source_s(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    (table,) = api.get("/warehouse_tables").json()["results"]
    owner = {"id": source["id"], "status": "Completed", "source_type": "SQLite"}
    assert table["external_data_source"].items() >= owner.items()
    assert table["external_schema"]["id"] == schema(source, "users")["id"]
    path = f"/warehouse_tables/{table['id']}"
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["message"]) == (400, "Can't delete a sourced table")
    assert api.patch(path, json={"name": "other"}).status_code == 400
    assert api.post(f"{path}/update_schema", json={"updates": {"id": "string"}}).status_code == 400
    assert api.post(f"{path}/refresh_schema").status_code == 200
    csv = {"file": ("sqlite_users.csv", b"a\n1\n", "text/csv")}
    assert api.post("/warehouse_tables/file", files=csv).status_code == 400
    assert api.delete(f"/external_data_sources/{source['id']}").status_code == 204
    assert api.get(path).status_code == 404
    assert api.post("/warehouse_tables/file", files=csv).status_code == 201


def test_a_failed_sync_says_why_and_the_old_rows_serve(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"), full("orders"))["id"])
    shop.do("DROP TABLE users")
    failed = _again(api, source, "users")
    text = "The source has no table users any more, or its user may not read it."
    assert (failed["status"], failed["should_sync"]) == ("Failed", False)
    assert failed["latest_error"].startswith(f"{text} The table is not synced any more")
    shown = api.get(f"/external_data_sources/{source['id']}").json()
    assert (shown["status"], shown["latest_error"]) == ("Completed", failed["latest_error"])
    assert _last(api, source)["latest_error"] == text
    assert len(rows(api, _NAMES)) == 3
    with api.house.store.read() as session:
        assert api.house.jobs.schedules.get(session, f"schema:{failed['id']}", "sync") is None
    shop.do("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, seen INTEGER)")
    api.patch(f"/external_data_schemas/{failed['id']}", json={"should_sync": True})
    back = schema(settled(api, source["id"]), "users")
    assert (back["status"], back["latest_error"], back["table"]["row_count"]) == ("Completed", None, 0)


def test_a_source_of_which_nothing_is_synced_any_more_has_failed(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    shop.do("DROP TABLE users")
    _again(api, source, "users")
    assert api.post(f"/external_data_sources/{source['id']}/reload").status_code == 200
    assert api.get(f"/external_data_sources/{source['id']}").json()["status"] == "Failed"


def test_a_sync_that_kills_its_process_is_given_up_and_told(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    users = schema(source, "users")
    with api.house.store.write() as session:
        record = api.house.sources.reading.shelf.schema(session, api.project_id, UUID(users["id"]))
        job_id = api.house.jobs.jobs.enqueue(
            session,
            "sync",
            "another",
            {"schema": users["id"]},
            project_id=api.project_id,
            run_at=datetime.now(UTC) + timedelta(hours=1),
        )
        ledger.begin(session, record, job_id)
        job = api.house.jobs.jobs.get(session, job_id)
        assert job is not None
        api.house.jobs.kinds.policy("sync").on_failure(session, job, "The worker stopped.")
    failed = schema(settled(api, source["id"]), "users")
    assert failed["status"] == "Failed"
    assert "stopped again and again while it synced this table" in failed["latest_error"]
    assert _last(api, source)["status"] == "Failed"


def test_a_name_that_is_taken_is_not_taken_over(api: Api, shop: Shop) -> None:
    csv = {"file": ("sqlite_users.csv", b"a\n1\n", "text/csv")}
    assert api.post("/warehouse_tables/file", files=csv).status_code == 201
    failed = schema(settled(api, make(api, full("users"))["id"]), "users")
    assert failed["latest_error"].startswith('The name "sqlite_users" is taken by another table or view')
    assert rows(api, "select a from sqlite_users") == [[1]]


def test_a_check_keeps_bad_rows_from_being_served(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    table = schema(source, "users")["table"]["id"]
    check = {"kind": "not_null", "config": {"column": "name"}}
    assert api.post(f"/warehouse_tables/{table}/data_checks", json=check).status_code == 201
    shop.do("INSERT INTO users VALUES (4, NULL, 40)")
    failed = _again(api, source, "users")
    assert failed["status"] == "Failed"
    assert "not_null" in failed["latest_error"]
    assert len(rows(api, _NAMES)) == 3


def test_a_check_that_is_made_while_rows_are_read_looks_at_them(
    api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settled(api, make(api, full("users"))["id"])
    path = f"/warehouse_tables/{schema(source, 'users')['table']['id']}/data_checks"
    made: list[int] = []

    def make_one(connector: Any, config: Any, ask: Any) -> Any:
        yield from read(connector, config, ask)
        if not made:
            made.append(api.post(path, json={"kind": "not_null", "config": {"column": "name"}}).status_code)

    read = SqliteConnector.read
    monkeypatch.setattr(SqliteConnector, "read", make_one)
    shop.do("INSERT INTO users VALUES (4, NULL, 40)")
    failed = _again(api, source, "users")
    assert (made, failed["status"]) == ([201], "Failed")
    assert "not_null" in failed["latest_error"]
    assert len(rows(api, _NAMES)) == 3
    shop.do("UPDATE users SET name = 'Alan' WHERE id = 4")
    assert _again(api, source, "users")["status"] == "Completed"
    assert len(rows(api, _NAMES)) == 4


def test_views_read_synced_tables(api: Api, shop: Shop) -> None:
    source = settled(api, make(api, full("users"))["id"])
    view = {"name": "names", "query": {"kind": "HogQLQuery", "query": "select name from sqlite.users order by id"}}
    assert api.post("/warehouse_saved_queries", json=view).status_code == 201
    shop.do("DELETE FROM users WHERE id > 1")
    _again(api, source, "users")
    assert rows(api, "select name from names") == [["Ada"]]


def test_schedules_follow_the_schema(api: Api, shop: Shop) -> None:
    made = make(api, full("users"))
    settled(api, made["id"])
    users = schema(made, "users")["id"]

    def every() -> float | None:
        with api.house.store.read() as session:
            found = api.house.jobs.schedules.get(session, f"schema:{users}", "sync")
        return found.every.total_seconds() if found else None

    assert every() == 6 * 3600
    api.patch(f"/external_data_schemas/{users}", json={"sync_frequency": "5min"})
    assert every() == 300
    api.patch(f"/external_data_schemas/{users}", json={"sync_frequency": "never"})
    assert every() is None
    api.patch(f"/external_data_schemas/{users}", json={"sync_frequency": "1hour"})
    api.patch(f"/external_data_schemas/{users}", json={"should_sync": False})
    assert every() is None


@pytest.mark.parametrize("count", [0, 1, 250_000])
def test_every_row_comes_however_many(api: Api, shop: Shop, count: int) -> None:
    series = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    shop.do("CREATE TABLE many (id INTEGER PRIMARY KEY, word TEXT)")
    if count:
        shop.do(f"INSERT INTO many {series} SELECT i, 'row ' || i FROM n")
    settled(api, make(api, full("many"))["id"])
    total = count * (count + 1) // 2
    expected = [count, total if count else None, count]
    assert rows(api, "select count(), sum(id), uniqExact(word) from sqlite_many")[0] == expected


def test_a_running_sync_is_cancelled(api: Api, shop: Shop) -> None:
    series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)"
    shop.do(
        "CREATE TABLE many (id INTEGER PRIMARY KEY, word TEXT)", f"INSERT INTO many {series} SELECT i, 'row' FROM n"
    )
    made = make(api, full("many"))
    path = f"/external_data_schemas/{schema(made, 'many')['id']}"
    time.sleep(0.3)
    assert api.post(f"{path}/cancel").status_code == 200
    shown = api.get(path).json()
    assert (shown["status"], shown["latest_error"], shown["table"]) == ("Failed", "The sync was cancelled.", None)
    assert api.post(f"{path}/cancel").status_code == 400
    assert _last(api, made)["latest_error"] == "The sync was cancelled."


def test_a_time_of_day_is_what_a_schedule_is_set_up_on(api: Api, shop: Shop) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    expected = {
        ("13:00:00", timedelta(days=1)): datetime(2026, 1, 1, 13, tzinfo=UTC),
        ("11:00:00", timedelta(days=7)): datetime(2026, 1, 2, 11, tzinfo=UTC),
        ("11:00:00", timedelta(hours=6)): datetime(2026, 1, 1, 17, tzinfo=UTC),
        ("23:30:00", timedelta(hours=6)): datetime(2026, 1, 1, 17, 30, tzinfo=UTC),
        ("12:00:00", timedelta(minutes=5)): noon,
    }
    for (anchor, every), due in expected.items():
        assert first_after(noon, anchor, every) == due, anchor
    made = make(api, full("users"))
    users = schema(made, "users")["id"]
    api.patch(f"/external_data_schemas/{users}", json={"sync_time_of_day": "03:04:05", "sync_frequency": "24hour"})
    with api.house.store.read() as session:
        found = api.house.jobs.schedules.get(session, f"schema:{users}", "sync")
    assert found is not None
    assert found.next_at.strftime("%H:%M:%S") == "03:04:05"
    assert found.jitter == timedelta(0)


def test_new_tables_are_looked_for_now_and_then(api: Api, shop: Shop) -> None:
    made = make(api, {"name": "users"})
    shop.do("CREATE TABLE carts (id INTEGER)")
    subject = f"source:{made['id']}"
    with api.house.store.write() as session:
        assert api.house.jobs.schedules.get(session, subject, "discover") is not None
        payload = {"source": made["id"]}
        api.house.jobs.jobs.enqueue(session, "discover", subject, payload, project_id=api.project_id)
    end = time.monotonic() + 20
    while len(api.get(f"/external_data_sources/{made['id']}").json()["schemas"]) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    api.delete(f"/external_data_sources/{made['id']}")
    with api.house.store.read() as session:
        assert api.house.jobs.schedules.get(session, subject, "discover") is None
