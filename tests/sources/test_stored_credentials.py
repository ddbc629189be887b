"""Credentials that wait for their source: tried out, kept encrypted, their user's own, used once, gone after a day."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text, update

from hedgerow.kit.clock import now
from hedgerow.sources.parked.credentials import KEPT
from hedgerow.sources.rows import CredentialRow
from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import full
from tests.support.apps import Api

_BASE = "/external_data_sources"
_SECRET = "a-w0rd-that-is-secret"


@pytest.fixture
def config(postgres_url: str) -> dict[str, Any]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 3) n")
    return dict(config_of(postgres_url, password=_SECRET))


def store(api: Api, config: dict[str, Any], source_type: str = "Postgres") -> Any:
    return api.post(f"{_BASE}/store_credentials", json={"source_type": source_type, "payload": config})


def make(api: Api, credential: str, path: str = "", **more: Any) -> Any:
    payload = {"credential_id": credential, "schemas": [full("users")], **more}
    return api.post(f"{_BASE}{path}", json={"source_type": "Postgres", "payload": payload})


def test_a_source_is_made_with_them_once(api: Api, config: dict[str, Any]) -> None:
    stored = store(api, config)
    assert stored.status_code == 201, stored.text
    told = stored.json()
    assert set(told) == {"credential_id", "source_type", "created_at", "expires_at"}
    assert api.get(f"{_BASE}/stored_credentials").json() == [told]
    with api.house.store.read() as session:
        assert _SECRET not in str(session.execute(text("SELECT * FROM external_data_credentials")).all())
    made = make(api, told["credential_id"])
    assert made.status_code == 201, made.text
    assert made.json()["job_inputs"]["host"] == config["host"]
    assert "credential_id" not in made.json()["job_inputs"]
    assert _SECRET not in made.text + stored.text
    assert api.get(f"{_BASE}/stored_credentials").json() == []
    used = {"credential_id": told["credential_id"], "schemas": [full("users")]}
    again = api.post(_BASE, json={"source_type": "Postgres", "prefix": "a", "payload": used})
    assert (again.status_code, again.json()["attr"]) == (400, "credential_id")
    newer = [store(api, config).json()["credential_id"] for _ in range(2)]
    assert [each["credential_id"] for each in api.get(f"{_BASE}/stored_credentials").json()] == newer[::-1]
    set_up = api.post(
        f"{_BASE}/setup",
        json={"source_type": "Postgres", "prefix": "b", "payload": {"credential_id": newer[0]}},
    )
    assert set_up.status_code == 201, set_up.text


def test_a_source_that_is_not_made_leaves_them(api: Api, config: dict[str, Any]) -> None:
    credential = store(api, config).json()["credential_id"]
    wrong = make(api, credential, schemas=[full("nope")])
    assert (wrong.status_code, wrong.json()["message"]) == (400, "Schemas given do not exist in source")
    assert make(api, credential).status_code == 201


def test_what_is_not_let_in_is_not_kept(api: Api, config: dict[str, Any]) -> None:
    for change, source_type in (({"database": "nowhere"}, "Postgres"), ({"host": ""}, "Postgres"), ({}, "Nope")):
        answer = store(api, {**config, **change}, source_type)
        assert answer.status_code == 400, change
        assert _SECRET not in answer.text
    assert api.get(f"{_BASE}/stored_credentials").json() == []


def test_they_are_led_nowhere_else(api: Api, config: dict[str, Any]) -> None:
    credential = store(api, config).json()["credential_id"]
    for more in (
        {"host": "example.com"},
        {"port": 1},
        {"dbname": "x"},
        {"connection_string": "postgresql://u:p@example.com/x"},
        {"ssh_tunnel": {"enabled": True, "host": "example.com"}},
    ):
        answer = make(api, credential, **more)
        assert (answer.status_code, answer.json()["attr"]) == (400, "credential_id"), more
    other = api.post(
        _BASE, json={"source_type": "MySQL", "payload": {"credential_id": credential, "schemas": [full("users")]}}
    )
    assert (other.status_code, other.json()["attr"]) == (400, "credential_id")
    assert make(api.other_project(), credential).json()["attr"] == "credential_id"
    for unknown in ("nope", "00000000-0000-0000-0000-000000000000", 7):
        assert make(api, unknown).json()["attr"] == "credential_id"  # type: ignore[arg-type]


def test_they_are_gone_after_a_day(api: Api, config: dict[str, Any]) -> None:
    credential = store(api, config).json()["credential_id"]
    with api.house.store.write() as session:
        session.execute(update(CredentialRow).values(created_at=now() - KEPT - timedelta(seconds=1)))
        (when, kind) = session.execute(text("SELECT run_at, kind FROM jobs WHERE kind = 'forget_credentials'")).one()
    assert kind == "forget_credentials"
    assert str(when) > str(now() + KEPT - timedelta(minutes=5))[:19]
    assert api.get(f"{_BASE}/stored_credentials").json() == []
    assert make(api, credential).json()["attr"] == "credential_id"
