"""Sources are changed without losing a secret or giving one away, and go without asking anybody."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import ANY

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Connectors, Declaration, Field, Option, Refused, RemoteColumn, RemoteTable
from tests.sources.conftest import Shop, make, schema
from tests.support.apps import Api, MakeApi

_FIELDS = (
    Field("host", "Host"),
    Field("port", "Port", kind="number", default=1),
    Field("password", "Password", kind="password"),
    Field(
        "auth",
        "Auth",
        kind="select",
        required=False,
        options=(
            Option("token", "Token", (Field("token", "Token", secret=True),)),
            Option("pair", "Pair", (Field("user", "User"), Field("pair_password", "Password", kind="password"))),
        ),
    ),
)


class Vault:
    """A connector that remembers what it was asked with; `reachable` says whether it answers."""

    declaration = Declaration("Vault", "Vault", "", "", _FIELDS)

    def __init__(self) -> None:
        self.reachable, self.seen = True, list[dict[str, Any]]()

    def check(self, config: Any) -> None:
        self.seen.append(dict(config))
        if not self.reachable:
            raise Refused("The vault is shut.")

    def discover(self, config: Any) -> list[RemoteTable]:
        return [RemoteTable("coins", (RemoteColumn("id", "int", pa.int64()),), ("id",))]

    def read(self, config: Any, ask: Ask) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"id": pa.array([1], pa.int64())})


@pytest.fixture
def vault(api: Api) -> Vault:
    made = Vault()
    known = api.house.sources.remotes.connectors
    makers = {name: partial(known.get, name) for name in known.types}
    api.house.sources.remotes.connectors = Connectors({**makers, made.declaration.source_type: lambda: made})
    return made


@pytest.fixture
def source(api: Api, vault: Vault) -> str:
    inputs = {"host": "a.example", "password": "one", "auth": {"selection": "token", "token": "two"}, "other": "x"}
    schemas = [{"name": "coins", "should_sync": False}]
    answer = api.post(
        "/external_data_sources", json={"source_type": "Vault", "payload": {**inputs, "schemas": schemas}}
    )
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def test_secrets_are_kept_and_never_shown(api: Api, vault: Vault, source: str) -> None:
    path = f"/external_data_sources/{source}"
    shown = api.get(path).json()
    assert shown["job_inputs"] == {"host": "a.example", "port": 1, "auth": {"selection": "token"}}
    assert (shown["client_secret"], shown["account_id"]) == (None, None)
    for inputs in (shown["job_inputs"], {"password": ""}, {"password": None}, {"auth": {"token": ""}}, {}):
        assert api.patch(path, json={"job_inputs": inputs}).status_code == 200
        assert vault.seen[-1] == {
            "host": "a.example",
            "port": 1,
            "password": "one",
            "auth": {"selection": "token", "token": "two"},
        }
    with api.house.store.read() as session:
        stored = session.connection().exec_driver_sql("SELECT config FROM external_data_sources").scalars().all()
        noted = session.connection().exec_driver_sql("SELECT detail FROM activity_log").scalars().all()
    assert not [text for text in (*stored, *map(str, noted)) if "a.example" in text or '"one"' in text]


def test_another_branch_of_a_choice_drops_the_secrets_of_the_first(api: Api, vault: Vault, source: str) -> None:
    path = f"/external_data_sources/{source}"
    half = api.patch(path, json={"job_inputs": {"auth": {"selection": "pair", "user": "u"}}})
    assert half.json()["detail"] == "Invalid source config: Required field 'pair_password' is missing"
    other = {"selection": "pair", "user": "u", "pair_password": "p"}
    assert api.patch(path, json={"job_inputs": {"auth": other}}).json()["job_inputs"]["auth"] == {
        "selection": "pair",
        "user": "u",
    }
    assert vault.seen[-1]["auth"] == other


def test_a_new_host_is_told_no_secret_that_was_not_given_for_it(api: Api, vault: Vault, source: str) -> None:
    path, asked = f"/external_data_sources/{source}", len(vault.seen)
    text = "Changing the connection host requires re-entering your credentials."
    for inputs in ({"host": "b.example"}, {"host": "b.example", "password": "one"}):
        answer = api.patch(path, json={"job_inputs": inputs})
        assert (answer.status_code, answer.json()["detail"]) == (400, text)
    assert len(vault.seen) == asked
    whole = {"host": "b.example", "password": "one", "auth": {"token": "two"}}
    assert api.patch(path, json={"job_inputs": whole}).status_code == 200
    assert vault.seen[-1]["host"] == "b.example"


def test_a_description_is_changed_without_the_remote(api: Api, vault: Vault, source: str) -> None:
    path, asked, vault.reachable = f"/external_data_sources/{source}", len(vault.seen), False
    assert api.patch(path, json={"description": "Coins"}).json()["description"] == "Coins"
    assert len(vault.seen) == asked
    answer = api.patch(path, json={"job_inputs": {"port": 2}})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The vault is shut.")
    assert api.get(path).json()["job_inputs"]["port"] == 1


def test_what_may_not_be_changed(api: Api, vault: Vault, source: str) -> None:
    path = f"/external_data_sources/{source}"
    assert api.patch(path, json={"job_inputs": "x"}).status_code == 400
    port = api.patch(path, json={"job_inputs": {"port": "x"}})
    assert port.json()["detail"].startswith("Invalid source config")
    assert api.patch(path, json={"prefix": "new"}).json()["prefix"] is None
    direct = api.patch(path, json={"access_method": "direct"})
    assert direct.json()["detail"] == "Access method cannot be changed. Create a new source instead."


def test_a_source_goes_although_the_remote_is_down(api: Api, vault: Vault, source: str) -> None:
    path, vault.reachable = f"/external_data_sources/{source}", False
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404
    assert api.get("/external_data_schemas").json()["count"] == 0
    with api.house.store.read() as session:
        (stored,) = session.connection().exec_driver_sql("SELECT config FROM external_data_sources").scalars().all()
    assert api.house.secrets.decrypt(stored) == "{}"


def test_a_lost_key_hides_values_and_lets_a_source_be_deleted(make_app: MakeApi, tmp_path: Any) -> None:
    api = make_app(source_files=str(tmp_path))
    Shop(tmp_path / "shop.sqlite")
    made = make(api, {"name": "users"})
    with api.house.store.write() as session:
        session.connection().exec_driver_sql("UPDATE external_data_sources SET config = 'unreadable'")
    assert api.get(f"/external_data_sources/{made['id']}").json()["job_inputs"] == {}
    assert api.delete(f"/external_data_sources/{made['id']}").status_code == 204


def test_revenue_settings_are_set_one_by_one(api: Api, vault: Vault, source: str) -> None:
    path = f"/external_data_sources/{source}/revenue_analytics_config"
    first = api.patch(path, json={"enabled": True}).json()["revenue_analytics_config"]
    assert first == {"enabled": True, "include_invoiceless_charges": True}
    second = api.patch(path, json={"include_invoiceless_charges": False}).json()["revenue_analytics_config"]
    assert second == {"enabled": True, "include_invoiceless_charges": False}
    assert api.patch(path, json={"enabled": "perhaps"}).status_code == 400


def test_tables_that_come_and_go_are_seen(api: Api, shop: Shop) -> None:
    made = make(api, {"name": "users"})
    path = f"/external_data_sources/{made['id']}/refresh_schemas"
    shop.do("CREATE TABLE carts (id INTEGER)")
    assert api.post(path).json() == {"added": 1, "deleted": 0, "total_tables_seen": 3}
    assert api.post(path).json() == {"added": 0, "deleted": 0, "total_tables_seen": 3}
    carts = schema(api.get(f"/external_data_sources/{made['id']}").json(), "carts")
    assert carts["should_sync"] is False
    shop.do("DROP TABLE carts")
    assert api.post(path).json() == {"added": 0, "deleted": 1, "total_tables_seen": 2}
    shop.do("CREATE TABLE carts (id INTEGER)")
    assert api.post(path).json() == {"added": 1, "deleted": 0, "total_tables_seen": 3}
    assert schema(api.get(f"/external_data_sources/{made['id']}").json(), "carts")["id"] == carts["id"]


def test_schemas_are_set_up_before_they_are_enabled(api: Api, shop: Shop) -> None:
    made = make(api, {"name": "users"})
    path = f"/external_data_schemas/{schema(made, 'users')['id']}"
    first = api.patch(path, json={"should_sync": True})
    assert first.json()["detail"] == "Sync type must be set up first before enabling schema"
    for frequency in ("never", "5min", "15min", "30min", "1hour", "6hour", "12hour", "24hour", "7day", "30day"):
        assert api.patch(path, json={"sync_frequency": frequency}).json()["sync_frequency"] == frequency
    assert api.patch(path, json={"sync_frequency": "2hour"}).status_code == 400
    assert api.patch(path, json={"sync_time_of_day": "24:00:00"}).json()["detail"] == "Invalid sync time of day"
    assert api.patch(path, json={"enabled_columns": ["age"]}).json()["attr"] == "enabled_columns"
    assert api.patch(path, json={"enabled_columns": None}).json()["enabled_columns"] is None
    assert api.patch(path, json={"primary_key_columns": ["name"]}).json()["primary_key_columns"] == ["name"]
    assert api.post(f"{path}/cancel").json() == {"detail": "No running sync to cancel."}
    fields = api.post(f"{path}/incremental_fields").json()
    assert fields["incremental_fields"][0]["field"] == "id"
    assert fields["full_refresh_available"] is True
    shop.do("DROP TABLE users")
    assert api.post(f"{path}/incremental_fields").status_code == 400


def test_several_schemas_change_together_or_not_at_all(api: Api, shop: Shop) -> None:
    made = make(api, {"name": "users"})
    path = f"/external_data_sources/{made['id']}/bulk_update_schemas"
    users, orders = schema(made, "users")["id"], schema(made, "orders")["id"]
    stranger = {"id": made["id"], "sync_frequency": "1hour"}
    refused = api.patch(path, json={"schemas": [{"id": users, "sync_frequency": "1hour"}, stranger]})
    assert refused.json()["detail"] == "One or more schemas could not be found for this source"
    assert api.patch(path, json={"schemas": [{"id": users}, {"id": users}]}).status_code == 400
    wrong = api.patch(path, json={"schemas": [{"id": users, "sync_frequency": "2hour"}]})
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "schemas__0__sync_frequency")
    done = api.patch(path, json={"schemas": [{"id": each, "sync_frequency": "1hour"} for each in (users, orders)]})
    assert [each["sync_frequency"] for each in done.json()["schemas"]] == ["1hour", "1hour"]


def test_a_schema_names_its_source(api: Api, shop: Shop) -> None:
    made = make(api, {"name": "users"})
    users = schema(made, "users")["id"]
    shown = api.get(f"/external_data_schemas/{users}").json()
    assert shown["source"] == {
        "id": made["id"],
        "source_type": "SQLite",
        "status": ANY,
        "created_at": made["created_at"],
        "created_by": ANY,
    }
    assert api.delete(f"/external_data_schemas/{users}").status_code == 204
    assert api.get(f"/external_data_schemas/{users}").status_code == 404
