"""A remote table that changes: followed, refused by name, or passed over, as its schema says; on a real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.connectors.postgres_tables import MAKE, config_of
from tests.sources.conftest import incremental, rows, schema, settled
from tests.support.apps import Api, MakeApi

_MAKE = (
    "CREATE TABLE things (id integer PRIMARY KEY, size integer, name text, price numeric(6, 2), seen integer);"
    "INSERT INTO things VALUES (1, 10, 'one', 1.50, 1), (2, 20, 'two', 2.50, 2)"
)


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(_MAKE)
        yield connection


@pytest.fixture
def api(make_app: MakeApi) -> Api:
    return make_app()


def _connect(api: Api, url: str, *schemas: dict[str, Any]) -> dict[str, Any]:
    payload = {**config_of(url), "schema": "public", "schemas": list(schemas)}
    made = api.post("/external_data_sources", json={"source_type": "Postgres", "payload": payload})
    assert made.status_code == 201, made.text
    assert "password" not in made.json()["job_inputs"]
    return settled(api, made.json()["id"])


def _things(api: Api, url: str, policy: str) -> dict[str, Any]:
    return _connect(api, url, incremental("things", "seen", evolution=policy))


def _again(api: Api, source: dict[str, Any]) -> dict[str, Any]:
    api.post(f"/external_data_schemas/{schema(source, 'things')['id']}/reload")
    return schema(settled(api, source["id"]), "things")


def _synced(api: Api, source: dict[str, Any]) -> int:
    found: int = api.get(f"/external_data_sources/{source['id']}/jobs").json()[0]["rows_synced"]
    return found


def test_every_type_comes_over(api: Api, database: psycopg.Connection[Any], postgres_url: str) -> None:
    database.execute(MAKE)
    wish = {"name": "kinds", "should_sync": True, "sync_type": "full_refresh"}
    source = _connect(api, postgres_url, wish)
    assert schema(source, "kinds")["latest_error"] is None
    picked = (
        "id, small, yes, toString(price), toString(wide), t, u, e, toString(day), toString(instant), numbers, words"
    )
    assert rows(api, f"select {picked} from postgres.kinds order by id limit 1") == [
        [
            1,
            32767,
            True,
            "12.5",
            "12345678901234567890123456789012345678901234567.123",
            'line\nbreak, "quotes" and \\.',
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "happy 🦔",
            "2026-02-28",
            "2026-02-28 21:59:59.999999",
            [1, None, 2**63 - 1],
            ["a", "b,c", None, "NULL", 'é"'],
        ]
    ]
    empty = rows(api, "select small, yes, price, t, u, day, instant, numbers from postgres.kinds where id = 2")
    assert empty == [[None, None, None, None, None, None, None, []]]


def test_new_columns_and_wider_types_are_followed_in_place(
    api: Api, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    source = _things(api, postgres_url, "evolve")
    database.execute(
        "ALTER TABLE things ADD COLUMN colour text, ALTER COLUMN size TYPE bigint, "
        "ALTER COLUMN price TYPE numeric(12, 4), DROP COLUMN name;"
        "INSERT INTO things VALUES (3, 5000000000, 12345678.1234, 3, 'red')"
    )
    _again(api, source)
    assert _synced(api, source) == 1
    picked = "select id, size, toString(price), name, colour from postgres.things order by id"
    assert rows(api, picked) == [
        [1, 10, "1.5", "one", None],
        [2, 20, "2.5", "two", None],
        [3, 5_000_000_000, "12345678.1234", None, "red"],
    ]


def test_another_type_has_everything_read_again(api: Api, database: psycopg.Connection[Any], postgres_url: str) -> None:
    source = _things(api, postgres_url, "evolve")
    database.execute("ALTER TABLE things ALTER COLUMN size TYPE text USING 'size ' || size")
    changed = _again(api, source)
    assert (changed["latest_error"], _synced(api, source)) == (None, 2)
    assert rows(api, "select id, size from postgres.things order by id") == [[1, "size 10"], [2, "size 20"]]


def test_a_frozen_schema_names_what_has_changed(api: Api, database: psycopg.Connection[Any], postgres_url: str) -> None:
    source = _things(api, postgres_url, "freeze")
    database.execute(
        "ALTER TABLE things ADD COLUMN colour text, ALTER COLUMN size TYPE text, DROP COLUMN name;"
        "INSERT INTO things VALUES (3, 'x', 1, 3, 'red')"
    )
    failed = _again(api, source)
    assert failed["latest_error"] == (
        "Table things has changed: column size went from Nullable(Int32) to Nullable(String); "
        "column colour (Nullable(String)) is new; column name is gone. "
        "Its schema is frozen: set evolution to evolve or discard, or resync it to take the table as it is now."
    )
    assert rows(api, "select count() from postgres.things") == [[2]]
    api.post(f"/external_data_schemas/{failed['id']}/resync")
    taken = schema(settled(api, source["id"]), "things")
    assert (taken["latest_error"], taken["table"]["row_count"]) == (None, 3)


def test_a_discarding_schema_keeps_its_columns(api: Api, database: psycopg.Connection[Any], postgres_url: str) -> None:
    source = _things(api, postgres_url, "discard")
    database.execute(
        "ALTER TABLE things ADD COLUMN colour text, ALTER COLUMN size TYPE text, DROP COLUMN name;"
        "INSERT INTO things VALUES (3, 'no number', 1, 3, 'red'), (4, '40', 1, 4, 'red')"
    )
    changed = _again(api, source)
    assert [column["name"] for column in changed["table"]["columns"]] == ["id", "size", "name", "price", "seen"]
    found = rows(api, "select id, size, name from postgres.things order by id")
    assert found == [[1, 10, "one"], [2, 20, "two"], [3, None, None], [4, 40, None]]
    api.patch(f"/external_data_schemas/{changed['id']}", json={"sync_type": "append", "evolution": "discard"})
    _again(api, source)
    columns = schema(settled(api, source["id"]), "things")["table"]["columns"]
    assert [column["name"] for column in columns] == ["id", "size", "price", "seen", "colour"]


def test_a_key_of_another_type_has_everything_read_again(
    api: Api, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    source = _things(api, postgres_url, "evolve")
    database.execute(
        "ALTER TABLE things ALTER COLUMN id TYPE bigint; INSERT INTO things VALUES (6000000000, 1, 'x', 1, 3)"
    )
    _again(api, source)
    assert rows(api, "select id from postgres.things order by id") == [[1], [2], [6_000_000_000]]


def test_a_lost_key_is_told(api: Api, database: psycopg.Connection[Any], postgres_url: str) -> None:
    source = _things(api, postgres_url, "evolve")
    database.execute("ALTER TABLE things DROP CONSTRAINT things_pkey")
    failed = _again(api, source)
    assert failed["latest_error"] == (
        "Table things has no primary key any more. Sync it as append or full_refresh, or name another key."
    )


def test_a_user_s_key_that_is_not_unique_keeps_the_last_row(
    api: Api, database: psycopg.Connection[Any], postgres_url: str
) -> None:
    database.execute("INSERT INTO things VALUES (3, 30, 'one', 3, 9), (4, 40, 'two', 4, 0)")
    wish = incremental("things", "seen", primary_key_columns=["name"])
    source = _connect(api, postgres_url, wish)
    assert rows(api, "select name, id from postgres.things order by name") == [["one", 3], ["two", 2]]
    database.execute("INSERT INTO things VALUES (5, 50, 'two', 5, 10), (6, 60, 'two', 6, 11)")
    _again(api, source)
    assert rows(api, "select name, id from postgres.things order by name") == [["one", 3], ["two", 6]]
