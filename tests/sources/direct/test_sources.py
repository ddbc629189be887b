"""Direct sources over the API: made, shown, renamed, looked through; what is for synced tables alone is refused."""

from typing import Any

import pytest

from tests.sources.conftest import schema
from tests.sources.direct.conftest import Shop, ask, body, connect, found
from tests.support.apps import Api

_NEVER = "This source is queried directly, so its tables are never synced: queries read them as they are."


def test_one_is_made_and_shown(api: Api, shop: Shop) -> None:
    source = connect(api, shop, "users", prefix="  Böhm's shop (live) ")
    engine = shop.source_type.lower()
    assert (source["access_method"], source["engine"], source["status"]) == ("direct", engine, "Completed")
    assert (source["prefix"], source["latest_error"], source["last_run_at"]) == ("Böhm's shop (live)", None, None)
    assert not source["supports_webhooks"]
    assert [(s["name"], s["should_sync"], s["sync_type"], s["table"], s["status"]) for s in source["schemas"]] == [
        ("orders", False, None, None, None),
        ("secrets", False, None, None, None),
        ("users", True, None, None, None),
    ]
    assert schema(source, "users")["hogql_name"] == "users"
    assert shop.payload["password"] not in str(source)
    assert api.get(f"/external_data_sources/{source['id']}").json() == source
    assert api.get("/external_data_sources").json()["results"] == [source]
    assert api.get(f"/external_data_sources/{source['id']}/jobs").json() == []
    assert api.get("/external_data_sources/connections").json() == [
        {"id": source["id"], "prefix": "Böhm's shop (live)", "engine": engine}
    ]
    assert api.other_project().get("/external_data_sources/connections").json() == []
    assert api.get("/warehouse_tables").json()["count"] == 0
    assert api.post(f"/warehouse_tables/{schema(source, 'users')['id']}/refresh_schema").status_code == 404


def test_names_are_free_and_needed(api: Api, shop: Shop) -> None:
    connect(api, shop)
    connect(api, shop)  # a name is only shown
    for prefix in (None, "", "   "):
        refused = api.post("/external_data_sources", json=body(shop, prefix=prefix))
        assert (refused.status_code, refused.json()["attr"]) == (400, "prefix")
        assert refused.json()["message"] == "Name is required for direct query sources"
        tried = {"source_type": shop.source_type, "prefix": prefix, "access_method": "direct"}
        assert api.post("/external_data_sources/source_prefix", json=tried).status_code == 400
    tried = {"source_type": shop.source_type, "prefix": "any, name", "access_method": "direct"}
    assert api.post("/external_data_sources/source_prefix", json=tried).status_code == 200
    # Nor does it take the name of one that is synced.
    plain = {"source_type": shop.source_type, "payload": {**shop.payload, "schemas": [{"name": "users"}]}}
    assert api.post("/external_data_sources", json=plain).status_code == 201
    assert api.post("/external_data_sources", json={**plain, "prefix": "My_shop"}).status_code == 201


def test_only_some_types_can_be_queried(api: Api) -> None:
    answer = api.post("/external_data_sources", json={"source_type": "SQLite", "access_method": "direct"})
    text = "Direct query mode is currently supported only for Postgres and MySQL sources."
    assert (answer.status_code, answer.json()["message"], answer.json()["attr"]) == (400, text, "access_method")
    wizard = api.get("/external_data_sources/wizard").json()
    assert {name for name, each in wizard.items() if each["supportsDirectQuery"]} == {"Postgres", "MySQL"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"schemas": None}, "Schemas not given"),
        ({"schemas": []}, "Schemas not given"),
        ({"schemas": [{"name": "nope"}]}, "Schemas given do not exist in source"),
        ({"schemas": ["users"]}, "Schemas given do not exist in source"),
        ({"schemas": [{"name": "users", "should_sync": "yes"}]}, "should_sync of users must be true or false."),
        ({"schemas": [{"name": "users", "enabled_columns": ["nope"]}]}, "Table users has no column nope."),
        ({"cdc_enabled": True}, _NEVER),
        ({"host": ""}, "Invalid source config: Required field 'host' is missing"),
    ],
)
def test_what_is_wrong_leaves_nothing(api: Api, postgres_shop: Shop, change: dict[str, Any], text: str) -> None:
    wanted = body(postgres_shop)
    wanted["payload"] |= change
    answer = api.post("/external_data_sources", json=wanted)
    assert (answer.status_code, answer.json()["message"]) == (400, text)
    assert api.get("/external_data_sources").json()["count"] == 0


def test_it_can_be_renamed_and_stays_direct(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    path = f"/external_data_sources/{source['id']}"
    assert api.patch(path, json={"prefix": " The other "}).json()["prefix"] == "The other"
    for prefix in (None, "", "  ", "x" * 101):
        answer = api.patch(path, json={"prefix": prefix})
        assert (answer.status_code, answer.json()["attr"]) == (400, "prefix"), prefix
    fixed = api.patch(path, json={"access_method": "warehouse"})
    assert fixed.json()["detail"] == "Access method cannot be changed. Create a new source instead."
    kept = api.patch(path, json={"access_method": "direct", "description": "d"}).json()
    assert (kept["prefix"], kept["description"]) == ("The other", "d")
    shown = api.get("/external_data_sources/connections").json()
    assert shown == [{"id": source["id"], "prefix": "The other", "engine": shop.source_type.lower()}]


def test_tables_and_columns_are_chosen(api: Api, shop: Shop) -> None:
    source = connect(api, shop, "users")
    users, orders = (f"/external_data_schemas/{schema(source, name)['id']}" for name in ("users", "orders"))
    assert ask(api, source, "select * from orders").status_code == 400
    assert api.patch(orders, json={"should_sync": True, "enabled_columns": ["price"]}).json()["should_sync"]
    assert found(api, source, "select * from orders order by id limit 1") == [[1, 1.5]]
    hidden = ask(api, source, "select note from orders")
    assert (hidden.status_code, hidden.json()["detail"]) == (400, "Unable to resolve field: note")
    assert api.patch(users, json={"should_sync": False}).status_code == 200
    assert ask(api, source, "select * from users").status_code == 400
    changes = {"schemas": [{"id": schema(source, "users")["id"], "should_sync": True}]}
    assert api.patch(f"/external_data_sources/{source['id']}/bulk_update_schemas", json=changes).status_code == 200
    assert found(api, source, "select count() from users") == [[3]]
    shown = api.get(users).json()
    assert api.patch(users, json=shown).status_code == 200  # what is shown can be sent back


def test_nothing_of_it_can_be_synced(api: Api, shop: Shop) -> None:
    source = connect(api, shop, "users")
    users = f"/external_data_schemas/{schema(source, 'users')['id']}"
    for name, value in (("sync_type", "full_refresh"), ("sync_frequency", "1hour"), ("key_sweep", "always")):
        answer = api.patch(users, json={name: value})
        assert (answer.status_code, answer.json()["attr"], answer.json()["detail"]) == (400, name, _NEVER)
    for action in ("reload", "resync", "cancel", "incremental_fields"):
        answer = api.post(f"{users}/{action}")
        assert (answer.status_code, answer.json()["message"]) == (400, _NEVER), action
    assert api.delete(f"{users}/delete_data").json()["message"] == _NEVER
    if shop.source_type == "Postgres":
        cdc = api.post(f"/external_data_sources/{source['id']}/enable_cdc")
        assert (cdc.status_code, cdc.json()["message"]) == (400, _NEVER)
    assert api.get(f"/external_data_sources/{source['id']}/jobs").json() == []


def test_reload_looks_for_tables(api: Api, shop: Shop) -> None:
    source = connect(api, shop, "users")
    shop.do("CREATE TABLE later (id integer)", "DROP TABLE orders", "ALTER TABLE users ADD COLUMN mail varchar(40)")
    reloaded = api.post(f"/external_data_sources/{source['id']}/reload")
    assert reloaded.status_code == 200, reloaded.text
    assert [(s["name"], s["should_sync"]) for s in reloaded.json()["schemas"]] == [
        ("later", False),
        ("secrets", False),
        ("users", True),
    ]
    assert found(api, source, "select mail from users where id = 1") == [[None]]
    assert api.get(f"/external_data_sources/{source['id']}/jobs").json() == []


def test_another_database_has_other_tables(api: Api, mariadb_shop: Shop) -> None:
    other = f"{mariadb_shop.space}_b"
    mariadb_shop.do(f"CREATE DATABASE {other}", f"CREATE TABLE {other}.users (id bigint, colour varchar(9))")
    try:
        source = connect(api, mariadb_shop, "users", "orders")
        path = f"/external_data_sources/{source['id']}"
        changed = api.patch(path, json={"job_inputs": {"schema": other}})
        assert [(s["name"], s["should_sync"]) for s in changed.json()["schemas"]] == [("users", True)]
        assert found(api, source, f"select id, colour from {other}.users") == []
        assert ask(api, source, "select * from orders").status_code == 400
    finally:
        mariadb_shop.do(f"DROP DATABASE {other}")


def test_a_deleted_one_is_no_connection(api: Api, shop: Shop) -> None:
    source = connect(api, shop, "users")
    path = f"/external_data_sources/{source['id']}"
    assert api.delete(path).status_code == 204
    assert api.get("/external_data_sources/connections").json() == []
    assert ask(api, source, "select * from users").json()["attr"] == "query__connectionId"
    assert (api.get(path).status_code, api.delete(path).status_code) == (404, 404)


def test_setup_lets_all_tables_be_queried(api: Api, postgres_shop: Shop) -> None:
    wanted = body(postgres_shop)
    del wanted["payload"]["schemas"]
    made = api.post("/external_data_sources/setup", json=wanted)
    assert made.status_code == 201, made.text
    assert [s["should_sync"] for s in made.json()["schemas"]] == [True, True, True]
    everywhere = {**wanted, "payload": {**wanted["payload"], "schema": "", "schemas": [{"name": "public.users"}]}}
    everywhere["payload"]["schemas"][0]["should_sync"] = True
    source = api.post("/external_data_sources", json=everywhere).json()
    assert found(api, source, "select count() from public.users") == [[3]]
    assert found(api, source, "select count() from users") == [[3]]


def test_a_table_without_columns_cannot_be_queried(api: Api, postgres_shop: Shop) -> None:
    postgres_shop.do("CREATE TABLE bare (id integer)")
    source = connect(api, postgres_shop, "bare")
    assert found(api, source, "select count() from bare") == [[0]]
    path = f"/external_data_schemas/{schema(source, 'bare')['id']}"
    assert api.patch(path, json={"enabled_columns": []}).status_code == 200
    assert ask(api, source, "select count() from bare").json()["detail"] == "Unknown table `bare`."
