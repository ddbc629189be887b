"""Changes of a PostgreSQL database are followed: rows, keys, truncates, large values, columns."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.sources.conftest import rows
from tests.sources.following import cdc, connect, same, settled, status, until
from tests.support.apps import Api, MakeApi

_ALL = "select id, name, note, length(big) from postgres_users order by id"
_BIG = "repeat(md5(random()::text), 2000)"


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


@pytest.fixture
def database(logged_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text, note text, big text); "
            "ALTER TABLE users ALTER big SET STORAGE EXTERNAL; "
            "CREATE TABLE orders (user_id int, number int, price numeric(10, 2), PRIMARY KEY (user_id, number)); "
            f"INSERT INTO users SELECT i, 'user ' || i, NULL, {_BIG} FROM generate_series(1, 20) i"
        )
        yield connection


def test_every_kind_of_change_is_followed(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("users"), cdc("orders"))
    settled(api, source, "users", "orders")
    assert len(rows(api, _ALL)) == 20
    do = database.execute
    do("INSERT INTO users VALUES (21, 'new', 'x', 'small')")
    do("UPDATE users SET name = 'changed' WHERE id <= 5")  # the large value is not sent again
    do("DELETE FROM users WHERE id IN (6, 7)")
    same(api, database, _ALL)
    do("UPDATE users SET id = id + 100 WHERE id IN (8, 9)")
    do("UPDATE users SET id = CASE id WHEN 10 THEN 110 ELSE id END, note = 'moved' WHERE id IN (10, 11)")
    same(api, database, _ALL)
    with database.transaction():
        do("UPDATE users SET id = 0 WHERE id = 12; UPDATE users SET id = 12 WHERE id = 13")
        do("UPDATE users SET id = 13 WHERE id = 0; UPDATE users SET note = 'swapped' WHERE id IN (12, 13)")
        do("INSERT INTO orders VALUES (1, 1, 1.5), (1, 2, NULL), (2, 1, 12345678.25)")
        do("DELETE FROM users WHERE id = 14; INSERT INTO users VALUES (14, 'again', NULL, NULL)")
    same(api, database, _ALL)
    orders = "select user_id, number, toFloat(price) from postgres_orders order by user_id, number"
    same(api, database, orders, "select user_id, number, price::float from orders order by user_id, number")
    do("UPDATE orders SET number = 7 WHERE number = 1")
    do("TRUNCATE users; INSERT INTO users VALUES (1, 'first', NULL, 'after')")
    same(api, database, _ALL)
    same(api, database, orders, "select user_id, number, price::float from orders order by user_id, number")
    do("TRUNCATE users")
    same(api, database, _ALL)
    do(f"INSERT INTO users SELECT i, 'late', NULL, {_BIG} FROM generate_series(1, 3) i")
    same(api, database, "select id, big from postgres_users order by id")
    settled(api, source, "users", "orders")


def test_what_is_rolled_back_never_comes(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("users"))
    settled(api, source, "users")
    database.execute("BEGIN; DELETE FROM users; ROLLBACK")
    database.execute("UPDATE users SET name = 'kept' WHERE id = 1")
    same(api, database, _ALL)
    assert len(rows(api, _ALL)) == 20


def test_columns_come_and_go(api: Api, database: psycopg.Connection[Any], logged_url: str) -> None:
    source = connect(api, logged_url, cdc("users"), cdc("orders"))
    settled(api, source, "users", "orders")
    database.execute("ALTER TABLE users ADD COLUMN age int; UPDATE users SET age = id WHERE id < 4")
    until(lambda: _has(api, "age"))
    same(api, database, "select id, age from postgres_users order by id")
    database.execute(
        "ALTER TABLE users ADD COLUMN level int NOT NULL DEFAULT 5; UPDATE users SET name = 'x' WHERE id = 1"
    )
    until(lambda: status(api, source, "users")[0], "Completed")
    until(lambda: _levels(api), [[20, 5]])
    database.execute("ALTER TABLE users DROP COLUMN note; INSERT INTO users (id, name) VALUES (30, 'no note')")
    same(api, database, "select id, name, level from postgres_users order by id")
    database.execute("ALTER TABLE users RENAME COLUMN age TO years; UPDATE users SET name = 'y' WHERE id = 2")
    until(lambda: _has(api, "years"))
    same(api, database, "select id, years from postgres_users order by id")
    settled(api, source, "users", "orders")


def test_checks_look_at_what_came_and_keep_nothing_back(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("users", cdc_table_mode="both"))
    settled(api, source, "users")
    tables = {each["name"]: each["id"] for each in api.get("/warehouse_tables").json()["results"]}
    for name in ("postgres_users", "postgres_users_cdc"):
        check = {"kind": "not_null", "config": {"column": "name"}}
        assert api.post(f"/warehouse_tables/{tables[name]}/data_checks", json=check).status_code == 201
    database.execute("UPDATE users SET name = NULL WHERE id <= 2")
    same(api, database, _ALL)
    for name in ("postgres_users", "postgres_users_cdc"):
        until(lambda name=name: _found(api, tables[name]), ("failed", 2))  # type: ignore[misc]
    assert status(api, source, "users") == ("Completed", None)


def _found(api: Api, table: str) -> tuple[str, int]:
    """What a table's check found last."""
    (check,) = api.get(f"/warehouse_tables/{table}/data_checks").json()["results"]
    return check["status"], check["failing_rows"]


def _levels(api: Api) -> Any:
    return rows(api, "select count(), max(level) from postgres_users") if _has(api, "level") else None


def _has(api: Api, column: str) -> bool:
    (table,) = [t for t in api.get("/warehouse_tables").json()["results"] if t["name"] == "postgres_users"]
    return column in [each["name"] for each in table["columns"]]
