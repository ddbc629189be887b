"""Sources set up in one call, webhooks that are not taken, and what the walk through the routes showed."""

from typing import Any

import psycopg
import pytest

from hedgerow.connectors import Cursor, RemoteColumn, RemoteTable
from hedgerow.sources.form.automatic import everything
from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import Shop, body, full, incremental, make, rows, settled
from tests.support.apps import Api


def test_all_tables_are_synced_as_their_columns_allow(api: Api, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE orders (id int PRIMARY KEY, created_at timestamptz, updated_at timestamptz DEFAULT now());"
            "CREATE TABLE lines (id int PRIMARY KEY, created_at timestamptz);"
            "CREATE TABLE loose (updated_at timestamptz); INSERT INTO orders VALUES (1, now()), (2, now())"
        )
    given = {"source_type": "Postgres", "prefix": "shop", "payload": dict(config_of(postgres_url))}
    made = api.post("/external_data_sources/setup", json=given)
    assert made.status_code == 201, made.text
    source = settled(api, made.json()["id"])
    ways = {
        each["name"]: (each["should_sync"], each["sync_type"], each["incremental_field"]) for each in source["schemas"]
    }
    assert ways == {
        "orders": (True, "incremental", "updated_at"),
        "lines": (True, "full_refresh", None),
        "loose": (True, "full_refresh", None),
    }
    assert source["status"] == "Completed", source["latest_error"]
    assert rows(api, "SELECT count() FROM postgres.shop.orders") == [[2]]
    taken = api.post("/external_data_sources/setup", json=given)
    assert (taken.status_code, taken.json()["attr"]) == (400, "prefix")


@pytest.mark.parametrize(
    ("field", "kind", "default", "ways", "key", "chosen"),
    [
        ("updated_at", "datetime", None, ("full_refresh", "incremental", "append"), ("id",), "incremental"),
        ("lastModified", "timestamp", None, ("full_refresh", "incremental"), ("id",), "incremental"),
        ("modified", "timestamp", None, ("full_refresh", "incremental"), ("id",), "incremental"),
        ("updated_by", "integer", None, ("full_refresh", "incremental"), ("id",), "full_refresh"),
        ("updated_at", "datetime", None, ("full_refresh", "incremental", "append"), (), "full_refresh"),
        ("created", "integer", "created", ("full_refresh", "append"), ("id",), "append"),
        ("created", "integer", None, ("full_refresh", "incremental", "append"), ("id",), "full_refresh"),
    ],
)
def test_what_is_chosen(
    field: str, kind: Any, default: str | None, ways: Any, key: tuple[str, ...], chosen: str
) -> None:
    import pyarrow as pa

    columns = tuple(RemoteColumn(name, "any", pa.string()) for name in ("id", field))
    table = RemoteTable("t", columns, key, (Cursor(field, kind),), sync_types=ways, default_cursor=default)
    (wish,) = everything([table])
    assert (wish["name"], wish["should_sync"], wish["sync_type"]) == ("t", True, chosen)
    assert wish.get("incremental_field") == (None if chosen == "full_refresh" else field)


def test_webhooks_are_not_taken(api: Api, shop: Shop) -> None:
    source = make(api, full("users"))["id"]
    told = api.get(f"/external_data_sources/{source}/webhook_info")
    assert (told.status_code, told.json()["supports_webhooks"]) == (200, False)
    for action in ("create_webhook", "update_webhook_inputs", "delete_webhook"):
        answer = api.post(f"/external_data_sources/{source}/{action}", json={})
        assert (answer.status_code, answer.json()["code"]) == (400, "webhooks_unsupported")
        assert answer.json()["message"].startswith("SQLite sources take no webhooks on this server")
        other = api.other_project().post(f"/external_data_sources/{source}/{action}", json={})
        assert other.status_code == 404
        reader = api.with_key(api.make_key(["external_data_source:read"]))
        assert reader.post(f"/external_data_sources/{source}/{action}", json={}).status_code == 403


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ({"should_sync": "yes"}, "should_sync of users must be true or false."),
        ({"should_sync": 1}, "should_sync of users must be true or false."),
        ({"incremental_field_type": "words", "sync_type": "incremental"}, "Not an incremental field type: words."),
    ],
)
def test_what_is_no_wish_is_no_source(api: Api, shop: Shop, wish: dict[str, Any], text: str) -> None:
    answer = api.post("/external_data_sources", json=body({**incremental("users"), **wish}))
    assert (answer.status_code, answer.json()["message"], answer.json()["attr"]) == (400, text, "schemas")
    assert api.get("/external_data_sources").json()["count"] == 0


@pytest.mark.parametrize(
    ("change", "attr"),
    [({"port": "x"}, "port"), ({"host": {"a": 1}}, "host"), ({"port": 99_999}, "port"), ({"database": ""}, "database")],
)
@pytest.mark.parametrize("kind", ["Postgres", "MySQL", "ClickHouse"])
def test_the_field_at_fault_is_named(api: Api, kind: str, change: dict[str, Any], attr: str) -> None:
    if (kind, attr) == ("ClickHouse", "database"):
        change = {"database": ["a"]}
    inputs = {"host": "127.0.0.1", "port": 1, "database": "d", "user": "u", "password": "p", **change}
    asked = {"source_type": kind, **inputs}
    for path, sent in (("database_schema", asked), ("", {"source_type": kind, "payload": inputs})):
        answer = api.post(f"/external_data_sources/{path}", json=sent)
        assert (answer.status_code, answer.json()["attr"]) == (400, attr), answer.text


def test_a_wrong_type_of_cursor_is_named_by_its_field(api: Api, shop: Shop) -> None:
    source = make(api, full("users"))
    path = f"/external_data_schemas/{source['schemas'][0]['id']}"
    answer = api.patch(path, json={"incremental_field_type": "words"})
    assert (answer.status_code, answer.json()["attr"]) == (400, "incremental_field_type")
