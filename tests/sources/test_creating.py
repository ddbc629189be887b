"""Sources are made whole or not at all, and what is wrong is said in the documented order and words."""

from typing import Any

import pytest

from tests.sources.conftest import Shop, body, full, incremental, make, schema
from tests.support.apps import Api

_VALID = ("valid_prefix", "_starts_with_underscore", "CamelCase", "with123numbers", "a", "a_b")
_CHARACTERS = "Prefix must contain only letters, numbers, and underscores, and start with a letter or underscore"
_INVALID = ("email@domain.com", "test-prefix", "123_start", "test prefix", "test.prefix", "test/prefix")


def _none_left(api: Api) -> None:
    assert api.get("/external_data_sources").json()["count"] == 0
    assert api.get("/external_data_schemas").json()["count"] == 0


def test_every_table_of_the_remote_becomes_a_schema(api: Api, shop: Shop) -> None:
    made = make(api, full("users"))
    assert [each["name"] for each in made["schemas"]] == ["orders", "users"]
    assert schema(made, "orders")["should_sync"] is False
    assert schema(made, "users")["should_sync"] is True
    assert made["job_inputs"] == {"path": "shop.sqlite"}
    assert made["created_by"]
    assert "@" in made["created_by"]
    fresh = schema(api.get(f"/external_data_sources/{made['id']}").json(), "orders")
    assert (fresh["incremental"], fresh["sync_type"], fresh["table"]) == (False, None, None)


@pytest.mark.parametrize(
    ("schemas", "text"),
    [
        (None, "Schemas not given"),
        ([], "Schemas not given"),
        ("users", "Schemas not given"),
        ([full("nothing")], "Schemas given do not exist in source"),
        ([full("users"), {"should_sync": True}], "Schemas given do not exist in source"),
        (
            [full("users", sync_type="cdc")],
            "CDC must be enabled on the source before selecting it as a sync type: users",
        ),
        ([full("users", sync_type="append")], "Incremental schemas given do not have an incremental field set"),
        (
            [full("users", sync_type="incremental", incremental_field="id")],
            "Incremental schemas given do not have an incremental field type set",
        ),
        ([full("users", enabled_columns=["age"])], "Table users has no column age."),
        ([full("users", sync_time_of_day="25:00:00")], "Invalid sync time of day"),
        ([incremental("users", "name")], 'Table users has no incremental field "name". It has: id, seen.'),
    ],
)
def test_what_is_wrong_with_schemas_leaves_nothing(api: Api, shop: Shop, schemas: Any, text: str) -> None:
    payload = {"path": "shop.sqlite", **({} if schemas is None else {"schemas": schemas})}
    answer = api.post("/external_data_sources", json={"source_type": "SQLite", "payload": payload})
    assert (answer.status_code, answer.json()["message"]) == (400, text)
    _none_left(api)


def test_types_are_known_or_refused(api: Api, shop: Shop) -> None:
    unknown = api.post("/external_data_sources", json=body(full("users")) | {"source_type": "Nope"})
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["attr"]) == (
        400,
        "invalid_choice",
        "source_type",
    )
    missing = api.post("/external_data_sources", json={"payload": {}})
    assert (missing.status_code, missing.json()["attr"]) == (400, "source_type")
    unreleased = api.post("/external_data_sources", json=body(full("users")) | {"source_type": "Workday"})
    assert unreleased.status_code == 400
    assert unreleased.json()["message"].startswith("Workday sources are not supported by this server yet.")
    direct = api.post("/external_data_sources", json=body(full("users"), access_method="direct"))
    assert direct.json()["message"] == "Direct query mode is currently supported only for Postgres and MySQL sources."
    _none_left(api)


def test_prefixes_part_sources_of_one_type(api: Api, shop: Shop) -> None:
    make(api, full("users"))
    again = api.post("/external_data_sources", json=body(full("users")))
    assert (again.status_code, again.json()["message"]) == (400, "Source type already exists. Prefix is required")
    other = make(api, full("users"), prefix="test_")
    assert schema(other, "users")["hogql_name"] == "test_sqlite_users"
    taken = api.post("/external_data_sources", json=body(full("users"), prefix="test_"))
    assert (taken.status_code, taken.json()["message"]) == (400, "Prefix already exists")
    tried = api.post("/external_data_sources/source_prefix", json={"source_type": "SQLite", "prefix": "test_"})
    assert (tried.status_code, tried.json()["message"]) == (400, "Prefix already exists")
    free = api.post("/external_data_sources/source_prefix", json={"source_type": "SQLite", "prefix": "free"})
    assert (free.status_code, free.json()) == (200, None)
    assert api.get("/external_data_sources").json()["count"] == 2


def test_prefixes_are_words(api: Api, shop: Shop) -> None:
    for prefix in _VALID:
        asked = {"source_type": "SQLite", "prefix": prefix}
        assert api.post("/external_data_sources/source_prefix", json=asked).status_code == 200, prefix
    for prefix in _INVALID:
        answer = api.post("/external_data_sources", json=body(full("users"), prefix=prefix))
        assert (answer.status_code, answer.json()["message"]) == (400, _CHARACTERS), prefix
    answer = api.post("/external_data_sources", json=body(full("users"), prefix="___"))
    assert answer.json()["message"] == "Prefix cannot consist of only underscores"
    assert api.post("/external_data_sources", json=body(full("users"), prefix="a" * 101)).status_code == 400
    assert api.post("/external_data_sources", json=body(full("users"), description="a" * 401)).status_code == 400
    _none_left(api)


def test_the_form_is_checked_before_the_remote_is_asked(api: Api, shop: Shop) -> None:
    missing = api.post("/external_data_sources", json={"source_type": "Postgres", "payload": {"host": " db "}})
    assert missing.json()["message"] == (
        "Invalid source config: Required field 'database' is missing, Required field 'user' is missing, "
        "Required field 'password' is missing"
    )
    gone = api.post("/external_data_sources", json={"source_type": "SQLite", "payload": {"path": "gone.sqlite"}})
    assert (gone.status_code, gone.json()["attr"]) == (400, "path")
    assert gone.json()["message"] == "There is no such file in the server's folder for source files."
    _none_left(api)


def test_job_inputs_is_another_name_of_payload_and_texts_are_trimmed(api: Api, shop: Shop) -> None:
    inputs = {"path": "  shop.sqlite ", "schemas": [full("users")]}
    answer = api.post("/external_data_sources", json={"source_type": "SQLite", "job_inputs": inputs})
    assert (answer.status_code, answer.json()["job_inputs"]) == (201, {"path": "shop.sqlite"})


def test_tables_are_found_before_anything_is_kept(api: Api, shop: Shop) -> None:
    missing = api.post("/external_data_sources/database_schema", json={"path": "shop.sqlite"})
    assert (missing.status_code, missing.json()["message"]) == (400, "Missing required parameter: source_type")
    found = api.post("/external_data_sources/database_schema", json={"source_type": "SQLite", "path": "shop.sqlite"})
    users = next(each for each in found.json() if each["table"] == "users")
    field = {"label": "id", "type": "integer", "field": "id", "field_type": "integer"}
    assert users["incremental_fields"][0].items() >= field.items()
    expected = {"should_sync": False, "incremental_available": True, "incremental_field": "id", "sync_type": None}
    assert users.items() >= expected.items()
    assert users["detected_primary_keys"] == ["id"]
    _none_left(api)


def test_the_wizard_shows_every_type(api: Api, shop: Shop) -> None:
    shown = api.get("/external_data_sources/wizard").json()
    assert shown["Postgres"]["unreleasedSource"] is False
    password = next(field for field in shown["Postgres"]["fields"] if field["name"] == "password")
    assert (password["type"], password["secret"], password["required"]) == ("password", True, True)
    assert shown["Workday"]["unreleasedSource"] is True
    assert shown["SQLite"]["existingSource"] is False
    make(api, full("users"))
    assert api.get("/external_data_sources/wizard").json()["SQLite"]["existingSource"] is True


def test_projects_are_apart(api: Api, shop: Shop) -> None:
    made = make(api, full("users"))
    other = api.other_project()
    assert other.get("/external_data_sources").json()["count"] == 0
    for path in (f"/external_data_sources/{made['id']}", f"/external_data_schemas/{made['schemas'][0]['id']}"):
        for method in ("GET", "PATCH", "DELETE"):
            assert other.request(method, path, json={}).status_code == 404, (method, path)
    assert schema(make(other, full("users")), "users")["hogql_name"] == "sqlite_users"


@pytest.mark.parametrize("tunnel", [{"enabled": True, "host": "jump.example"}, {"enabled": "true"}, True])
def test_a_tunnel_is_refused_rather_than_left_out(api: Api, shop: Shop, tunnel: Any) -> None:
    payload = {"path": "shop.sqlite", "ssh_tunnel": tunnel, "schemas": [full("users")]}
    answer = api.post("/external_data_sources", json={"source_type": "SQLite", "payload": payload})
    assert answer.status_code == 400
    assert "SQLite sources know no SSH tunnels" in answer.json()["message"]
    _none_left(api)
    made = make(api, full("users"), ssh_tunnel={"enabled": False})
    changed = api.patch(f"/external_data_sources/{made['id']}", json={"job_inputs": {"ssh_tunnel": tunnel}})
    assert changed.status_code == 400
