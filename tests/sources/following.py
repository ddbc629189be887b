"""A PostgreSQL database that sources follow, and words for what is followed."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import rows, schema
from tests.support.apps import Api

# What follows a server that was away pauses for up to a minute before it tries again.
WAIT = 150.0


def cdc(name: str, **more: Any) -> dict[str, Any]:
    """A table that is to be followed."""
    return {"name": name, "should_sync": True, "sync_type": "cdc", **more}


def connect(api: Api, url: str, *schemas: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A source whose log is read, as it was answered."""
    payload = {**config_of(url), "cdc_enabled": True, "schemas": list(schemas), **more}
    answer = api.post("/external_data_sources", json={"source_type": "Postgres", "payload": payload})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def until(what: Callable[[], Any], wanted: Any = True) -> None:
    """Wait for something to be what it should be."""
    end, found = time.monotonic() + WAIT, None
    while time.monotonic() < end:
        found = what()
        if found == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"{found!r} is not {wanted!r}")


def status(api: Api, source: dict[str, Any], name: str) -> tuple[str | None, str | None]:
    """A schema's status and error."""
    found = schema(api.get(f"/external_data_sources/{source['id']}").json(), name)
    return found["status"], found["latest_error"]


def settled(api: Api, source: dict[str, Any], *names: str) -> None:
    """Wait until tables are whole."""
    for name in names:
        until(lambda name=name: status(api, source, name), ("Completed", None))  # type: ignore[misc]


def theirs(database: psycopg.Connection[Any], query: str) -> list[list[Any]]:
    """Rows of the database, as the API would write them."""
    return [list(row) for row in database.execute(query).fetchall()]


def same(api: Api, database: psycopg.Connection[Any], ours: str, query: str | None = None) -> Sequence[Any]:
    """Wait until both sides answer the same."""
    until(lambda: rows(api, ours) == theirs(database, query or ours.replace("postgres_", "")))
    return rows(api, ours)
