"""Tables of all changes: what each row was, from when to when; beside the table as it is, or in its place."""

from typing import Any

import psycopg
import pytest

from tests.sources.conftest import rows, schema
from tests.sources.following import cdc, connect, same, settled, status, theirs, until
from tests.sources.test_following_faults import packed  # noqa: F401
from tests.sources.workload import MAKE, OURS, THEIRS, Workload, compared
from tests.support.apps import Api, MakeApi

_USERS = "select id, name, length(big) from postgres_users order by id"
_HISTORY = (
    "select id, name, length(big), _ph_cdc_op, _ph_deleted, valid_to is null from postgres_users_cdc "
    "order by id, valid_from, valid_to is null, _ph_cdc_op"
)
_BIG = "repeat(md5(random()::text), 2000)"
_OPEN = "where valid_to is null and not _ph_deleted"


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text, big text); "
            "ALTER TABLE users ALTER big SET STORAGE EXTERNAL; "
            f"INSERT INTO users SELECT i, 'user ' || i, {_BIG} FROM generate_series(1, 3) i"
        )
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


def _tables(api: Api) -> list[str]:
    return sorted(t["name"] for t in api.get("/warehouse_tables").json()["results"])


def _patch(api: Api, source: dict[str, Any], **values: Any) -> Any:
    answer = api.patch(f"/external_data_schemas/{schema(source, 'users')['id']}", json=values)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("mode", ["cdc_only", "both"])
def test_every_change_of_a_row_is_told(api: Api, database: psycopg.Connection[Any], logged_url: str, mode: str) -> None:
    source = connect(api, logged_url, cdc("users", cdc_table_mode=mode))
    settled(api, source, "users")
    assert _tables(api) == ["postgres_users", "postgres_users_cdc"][mode == "cdc_only" :]
    first = "select _ph_cdc_op, toYear(_ph_cdc_timestamp), valid_to, _ph_cdc_log_position from postgres_users_cdc"
    assert rows(api, first) == [["I", 1970, None, None]] * 3
    do = database.execute
    with database.transaction():
        do("UPDATE users SET name = 'once' WHERE id = 1")  # the large value is not sent again
        do("UPDATE users SET name = 'twice' WHERE id = 1")
    do("DELETE FROM users WHERE id = 2")
    do("INSERT INTO users VALUES (2, 'again', 'x'); UPDATE users SET id = 30 WHERE id = 3")
    expected = [
        [1, "user 1", 64_000, "I", False, False],
        [1, "once", 64_000, "U", False, False],
        [1, "twice", 64_000, "U", False, True],
        [2, "user 2", 64_000, "I", False, False],
        [2, "user 2", 64_000, "D", True, False],
        [2, "again", 1, "I", False, True],
        [3, "user 3", 64_000, "I", False, False],
        [3, "user 3", 64_000, "D", True, True],
        [30, "user 3", 64_000, "I", False, True],
    ]
    until(lambda: rows(api, _HISTORY), expected)
    if mode == "both":
        same(api, database, _USERS)
    times = (
        "leadInFrame(valid_from) over (partition by id order by valid_from, valid_to is null "
        "rows between current row and unbounded following)"
    )
    gaps = f"select valid_to, {times} as next from postgres_users_cdc where id = 2"
    assert all(ended is None or ended == begun for ended, begun in rows(api, gaps))
    do("TRUNCATE users; INSERT INTO users VALUES (1, 'after', NULL)")
    last = f"select id, name from postgres.users_cdc {_OPEN} order by id"
    until(lambda: rows(api, last), [[1, "after"]])
    ended = "select id, _ph_cdc_op, count() from postgres_users_cdc where _ph_deleted group by 1, 2 order by 1, 2"
    assert rows(api, ended) == [[1, "D", 1], [2, "D", 2], [3, "D", 1], [30, "D", 1]]
    order = "select _ph_cdc_log_position from postgres_users_cdc where id = 1 order by valid_from, _ph_cdc_op"
    places = [row[0] for row in rows(api, order) if row[0]]
    assert places == sorted(places)
    do("ALTER TABLE users ADD COLUMN age int; UPDATE users SET age = 7")
    until(lambda: rows(api, f"select id, age from postgres_users_cdc {_OPEN}") if _has(api) else None, [[1, 7]])
    settled(api, source, "users")


def _has(api: Api) -> bool:
    tables = {t["name"]: t for t in api.get("/warehouse_tables").json()["results"]}
    return "age" in [column["name"] for column in tables["postgres_users_cdc"]["columns"]]


def test_a_mode_can_be_changed(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("users"))
    settled(api, source, "users")
    assert _tables(api) == ["postgres_users"]
    last = f"select id, name, length(big) from postgres_users_cdc {_OPEN} order by id"
    for number, mode in enumerate(["both", "consolidated", "cdc_only", "both", "cdc_only", "consolidated"]):
        assert _patch(api, source, cdc_table_mode=mode)["cdc_table_mode"] == mode
        database.execute("UPDATE users SET name = name || %s WHERE id = 1", [str(number)])
        wanted = ["postgres_users"] * (mode != "cdc_only") + ["postgres_users_cdc"] * (mode != "consolidated")
        until(lambda: _tables(api), wanted)
        settled(api, source, "users")
        if mode != "cdc_only":
            same(api, database, _USERS)
        if mode != "consolidated":
            until(lambda: rows(api, last), theirs(database, "select id, name, length(big) from users order by id"))
    _patch(api, source, cdc_table_mode="both")
    until(lambda: _tables(api), ["postgres_users", "postgres_users_cdc"])
    settled(api, source, "users")
    _patch(api, source, sync_type="full_refresh")
    until(lambda: _tables(api), ["postgres_users"])
    _patch(api, source, sync_type="cdc", cdc_table_mode="cdc_only")
    until(lambda: _tables(api), ["postgres_users_cdc"])
    _patch(api, source, sync_type="full_refresh")
    api.post(f"/external_data_schemas/{schema(source, 'users')['id']}/reload")
    until(lambda: _tables(api), ["postgres_users"])
    api.delete(f"/external_data_sources/{source['id']}")
    assert _tables(api) == []


def test_columns_named_as_marks_are_told(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    database.execute("ALTER TABLE users ADD COLUMN valid_to date")
    source = connect(api, logged_url, cdc("users", cdc_table_mode="both"))
    until(lambda: status(api, source, "users")[0], "Failed")
    assert "column valid_to" in (status(api, source, "users")[1] or "")
    assert _tables(api) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_the_open_rows_are_the_table(
    packed: list[str],  # noqa: F811
    api: Api,
    database: psycopg.Connection[Any],
    logged_url: str,
    seed: int,
) -> None:
    database.execute(MAKE)
    work = Workload(database, seed)
    source = connect(api, logged_url, cdc("things", cdc_table_mode="both"))
    settled(api, source, "things")
    open_rows = OURS.replace("postgres_things", f"postgres_things_cdc {_OPEN}")
    for _ in range(5):
        for _ in range(40):
            work.step()
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
        assert compared(rows(api, open_rows)) == compared(theirs(database, THEIRS))
        twice = "select id, part from postgres_things_cdc where valid_to is null group by 1, 2 having count() > 1"
        assert rows(api, twice) == []
        broken = "select count() from postgres_things_cdc where valid_to < valid_from"
        assert rows(api, broken) == [[0]]
    assert packed
    settled(api, source, "things")
