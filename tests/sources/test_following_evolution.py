"""What becomes of a followed table when its remote is altered: frozen ones stop, discarding ones keep their columns."""

from typing import Any

import psycopg
import pytest

from tests.sources.conftest import rows, schema
from tests.sources.following import cdc, connect, same, settled, status, until
from tests.support.apps import Api, MakeApi

_MODES = pytest.mark.parametrize("mode", ["consolidated", "both"])


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE things (id int PRIMARY KEY, size int, name text, small smallint); "
            "INSERT INTO things VALUES (1, 10, 'one', 1), (2, 20, 'two', 2); "
            "CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1)"
        )
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


def _columns(api: Api, name: str = "postgres_things") -> list[str]:
    (table,) = [t for t in api.get("/warehouse_tables").json()["results"] if t["name"] == name]
    return [each["name"] for each in table["columns"]]


@_MODES
@pytest.mark.parametrize(
    ("altered", "told"),
    [
        ("ADD COLUMN colour text", "column colour (text) is new"),
        ("DROP COLUMN name", "column name is gone"),
        ("ALTER COLUMN size TYPE bigint", "column size went from integer to bigint"),
        ("RENAME COLUMN name TO title", "column title (text) is new; column name is gone"),
    ],
)
def test_a_frozen_table_stops_and_says_why(
    api: Api, database: psycopg.Connection[Any], logged_url: str, mode: str, altered: str, told: str
) -> None:
    source = connect(api, logged_url, cdc("things", evolution="freeze", cdc_table_mode=mode), cdc("others"))
    settled(api, source, "things", "others")
    database.execute("INSERT INTO things VALUES (3, 30, 'three', 3)")
    same(api, database, "select id, size, name from postgres_things order by id")
    before = rows(api, "select id, size, name from postgres_things order by id")
    database.execute(f"ALTER TABLE things {altered}")
    database.execute("INSERT INTO things (id, size) VALUES (4, 40); INSERT INTO others VALUES (2)")
    until(lambda: status(api, source, "things")[0], "Failed")
    assert told in (status(api, source, "things")[1] or "")
    assert rows(api, "select id, size, name from postgres_things order by id") == before
    same(api, database, "select id from postgres_others order by id")
    assert status(api, source, "others") == ("Completed", None)
    api.post(f"/external_data_schemas/{schema(source, 'things')['id']}/resync")
    settled(api, source, "things")
    database.execute("UPDATE things SET size = 41 WHERE id = 4")
    same(api, database, "select id, size from postgres_things order by id")


@_MODES
def test_a_discarding_table_keeps_its_columns(
    api: Api, database: psycopg.Connection[Any], logged_url: str, mode: str
) -> None:
    source = connect(api, logged_url, cdc("things", evolution="discard", cdc_table_mode=mode))
    settled(api, source, "things")
    do = database.execute
    do("ALTER TABLE things ADD COLUMN colour text; UPDATE things SET colour = 'red', size = 11 WHERE id = 1")
    same(api, database, "select id, size, name from postgres_things order by id")
    assert _columns(api) == ["id", "size", "name", "small"]
    do("ALTER TABLE things ALTER COLUMN size TYPE text, DROP COLUMN name")
    query = "select id, size, name from postgres_things order by id"
    expected: list[list[Any]] = [[1, 11, "one"], [2, 20, "two"]]
    for number, size in ((3, "no number"), (4, "40"), (5, "x")):  # a wave for each: all of them are lenient
        do("INSERT INTO things (id, size) VALUES (%s, %s)", [number, size])
        expected.append([number, 40 if size == "40" else None, None])
        until(lambda: rows(api, query), expected)
    do("UPDATE things SET size = '21' WHERE id = 2")
    expected[1] = [2, 21, None]
    until(lambda: rows(api, query), expected)
    do("ALTER TABLE things ADD COLUMN name int; INSERT INTO things (id, name) VALUES (6, 7)")
    until(lambda: rows(api, "select id from postgres_things order by id"), [[n] for n in range(1, 7)])
    assert _columns(api) == ["id", "size", "name", "small"]
    settled(api, source, "things")


@_MODES
def test_a_discarding_table_is_widened(api: Api, database: psycopg.Connection[Any], logged_url: str, mode: str) -> None:
    source = connect(api, logged_url, cdc("things", evolution="discard", cdc_table_mode=mode))
    settled(api, source, "things")
    database.execute(
        "ALTER TABLE things ALTER COLUMN small TYPE bigint; INSERT INTO things VALUES (3, 1, 'x', 6000000000)"
    )
    same(api, database, "select id, small from postgres_things order by id")
    database.execute("INSERT INTO things VALUES (4, 1, 'x', 7000000000)")
    same(api, database, "select id, small from postgres_things order by id")
    database.execute(
        "ALTER TABLE things ALTER COLUMN id TYPE bigint; INSERT INTO things VALUES (8000000000, 1, 'x', 1)"
    )
    same(api, database, "select id, small from postgres_things order by id")
    if mode == "both":
        last = "select id, small from postgres_things_cdc where valid_to is null order by id"
        same(api, database, last, "select id, small from things order by id")
    settled(api, source, "things")


def test_a_column_that_comes_back_as_another_is_read_anew(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("things"))
    settled(api, source, "things")
    database.execute("ALTER TABLE things DROP COLUMN size; INSERT INTO things VALUES (3, 'three', 3)")
    until(lambda: rows(api, "select id, size from postgres_things order by id"), [[1, 10], [2, 20], [3, None]])
    database.execute("ALTER TABLE things ADD COLUMN size text; UPDATE things SET size = 'large' WHERE id = 2")
    same(api, database, "select id, size, name from postgres_things order by id")
    settled(api, source, "things")
