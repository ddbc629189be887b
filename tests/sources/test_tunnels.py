"""A source behind an SSH server: made, shown, changed and synced over the API, with its secrets to itself."""

from typing import Any

import psycopg
import pytest

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import full, rows, settled
from tests.support.apps import Api
from tests.support.ssh_server import PASSWORD, USER, SshServer

_DATABASE = "Changing the SSH tunnel requires re-entering your database credentials."
_SSH = "Changing the SSH tunnel host requires re-entering your SSH credentials."
_SECRET = "an0ther-secret-word"


@pytest.fixture
def payload(postgres_url: str, ssh_server: SshServer) -> dict[str, Any]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE users AS SELECT n AS id, 'user ' || n AS name FROM generate_series(1, 3) n")
    return {**config_of(postgres_url, password=_SECRET), "ssh_tunnel": ssh_server.by_password()}


def _make(api: Api, payload: dict[str, Any], **tunnel: Any) -> Any:
    inputs = {**payload, "ssh_tunnel": {**payload["ssh_tunnel"], **tunnel}, "schemas": [full("users")]}
    return api.post("/external_data_sources", json={"source_type": "Postgres", "payload": inputs})


def test_it_syncs_and_shows_no_secret(api: Api, payload: dict[str, Any], ssh_server: SshServer) -> None:
    made = _make(api, payload, port=str(ssh_server.port), enabled="True")
    assert made.status_code == 201, made.text
    source = settled(api, made.json()["id"])
    assert source["status"] == "Completed", source["latest_error"]
    assert rows(api, "SELECT name FROM postgres.users ORDER BY id") == [["user 1"], ["user 2"], ["user 3"]]
    shown = {"enabled": True, "host": "127.0.0.1", "port": ssh_server.port, "require_tls": {"enabled": False}}
    shown["auth"] = {"selection": "password", "username": USER}
    assert source["job_inputs"]["ssh_tunnel"] == shown
    assert PASSWORD not in str(source)
    assert ssh_server.opened() == 0


def test_older_shapes_are_understood(api: Api, payload: dict[str, Any]) -> None:
    auth = payload["ssh_tunnel"].pop("auth")
    older = {"type": auth["selection"], "username": auth["username"], "password": auth["password"]}
    made = _make(api, payload, auth_type=older)
    assert made.status_code == 201, made.text
    assert made.json()["job_inputs"]["ssh_tunnel"]["auth"] == {"selection": "password", "username": USER}


@pytest.mark.parametrize(
    ("tunnel", "text"),
    [
        ({"port": 80}, "Port 80 is not allowed"),
        ({"port": "443"}, "Port 443 is not allowed"),
        ({"auth": {"selection": "password", "username": USER}}, "Username and password required"),
        ({"auth": {"selection": "keypair", "username": USER}}, "Private key is required"),
        (
            {"auth": {"selection": "keypair", "username": USER, "private_key": "word"}},
            "Private key could not be parsed",
        ),
        ({"auth": {"selection": "password", "username": USER, "password": "n0pe"}}, "refused the user"),
        ({"host": ""}, "Invalid source config: SSH tunnel: Required field 'host' is missing"),
        ({"port": "ssh"}, "Invalid source config: SSH tunnel: Field 'port' must be a whole number"),
        ({"auth": {"selection": "agent"}}, "Field 'auth' must be one of password, keypair"),
        ({"auth": ["password"]}, "Field 'auth' must be one of password, keypair"),
        ({"require_tls": {"enabled": "perhaps"}}, "Field 'require_tls' must be true or false"),
    ],
)
def test_what_is_wrong_with_a_tunnel_leaves_nothing(
    api: Api, payload: dict[str, Any], tunnel: dict[str, Any], text: str
) -> None:
    answer = _make(api, payload, **tunnel)
    assert answer.status_code == 400
    assert text in answer.json()["message"]
    assert "n0pe" not in answer.text
    flat = {**payload, "ssh_tunnel": {**payload["ssh_tunnel"], **tunnel}, "source_type": "Postgres"}
    assert text in api.post("/external_data_sources/database_schema", json=flat).json()["message"]
    assert api.get("/external_data_sources").json()["count"] == 0


def test_secrets_are_not_led_elsewhere(api: Api, payload: dict[str, Any], ssh_server: SshServer) -> None:
    source = _make(api, payload).json()
    path = f"/external_data_sources/{source['id']}"

    def change(**inputs: Any) -> Any:
        return api.patch(path, json={"job_inputs": inputs})

    assert change(**source["job_inputs"]).status_code == 200  # what is shown can be sent back
    password = {"password": _SECRET}
    auth = {"auth": ssh_server.by_password()["auth"]}
    refused = [
        ({"ssh_tunnel": {"host": "localhost"}}, _DATABASE),
        ({"ssh_tunnel": {"port": 2222}}, _DATABASE),
        ({"ssh_tunnel": {"enabled": False}}, _DATABASE),
        ({"ssh_tunnel": {"host": "localhost"}, **password}, _SSH),
        ({"ssh_tunnel": {"host": "localhost", **auth}}, _DATABASE),
        ({"host": "localhost"}, "Changing the connection host requires re-entering your credentials."),
    ]
    for inputs, text in refused:
        answer = change(**inputs)
        assert answer.status_code == 400, inputs
        assert (answer.json()["detail"], answer.json()["attr"]) == (text, "job_inputs")
    assert change(ssh_tunnel={"host": "localhost", **auth}, **password).status_code == 200
    assert change(host="localhost", **password).status_code == 200  # the SSH server stays: so may its secrets
    off = change(ssh_tunnel={"enabled": False}, **password)
    assert (off.status_code, off.json()["job_inputs"]["ssh_tunnel"]) == (200, {"enabled": False})
    on = change(ssh_tunnel=ssh_server.by_password())
    assert (on.status_code, on.json()["detail"]) == (400, _DATABASE)
    assert change(ssh_tunnel=ssh_server.by_password(), **password).status_code == 200


def test_the_wizard_offers_a_tunnel_to_databases(api: Api) -> None:
    shown = api.get("/external_data_sources/wizard").json()
    for name in ("Postgres", "MySQL", "ClickHouse"):
        (field,) = [each for each in shown[name]["fields"] if each["name"] == "ssh_tunnel"]
        assert (field["type"], field["required"]) == ("ssh-tunnel", False)
    assert "ssh_tunnel" not in [each["name"] for each in shown["SQLite"]["fields"]]
