"""A shop in a SQLite file that sources may read, and short words for the API."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Api, MakeApi

_WAIT = 30.0


class Shop:
    """A remote: users and orders, of which rows can be changed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.do(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, seen INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, price REAL, note TEXT)",
            "INSERT INTO users VALUES (1, 'Ada', 10), (2, 'Grace', 20), (3, 'Edsger', 30)",
            "INSERT INTO orders VALUES (1, 1, 1.5, 'a'), (2, 2, 2.5, NULL)",
        )

    def do(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def shop(folder: Path) -> Shop:
    return Shop(folder / "shop.sqlite")


@pytest.fixture
def api(make_app: MakeApi, folder: Path) -> Iterator[Api]:
    return make_app(source_files=str(folder))


def body(*schemas: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request that makes a source of the shop."""
    return {"source_type": "SQLite", "payload": {"path": "shop.sqlite", "schemas": list(schemas)}, **more}


def full(name: str, **more: Any) -> dict[str, Any]:
    """A table that is to be synced whole."""
    return {"name": name, "should_sync": True, "sync_type": "full_refresh", **more}


def incremental(name: str, field: str = "id", **more: Any) -> dict[str, Any]:
    """A table of which changed rows are to be synced."""
    cursor = {"incremental_field": field, "incremental_field_type": "integer"}
    return {"name": name, "should_sync": True, "sync_type": "incremental", **cursor, **more}


def make(api: Api, *schemas: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A source of the shop, as it was answered."""
    answer = api.post("/external_data_sources", json=body(*schemas, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def schema(source: dict[str, Any], name: str) -> dict[str, Any]:
    """A source's schema of that name."""
    found: dict[str, Any] = next(each for each in source["schemas"] if each["name"] == name)
    return found


def settled(api: Api, source_id: str) -> dict[str, Any]:
    """The source when nothing of it runs any more."""
    end = time.monotonic() + _WAIT
    while time.monotonic() < end:
        source: dict[str, Any] = api.get(f"/external_data_sources/{source_id}").json()
        if not [each for each in source["schemas"] if each["status"] == "Running"]:
            return source
        time.sleep(0.02)
    raise AssertionError(f"still running: {source['schemas']}")


def rows(api: Api, query: str) -> Sequence[Any]:
    """What a query answers."""
    answer = api.post("/query", json={"query": {"kind": "HogQLQuery", "query": query}})
    assert answer.status_code == 200, answer.text
    found: Sequence[Any] = answer.json()["results"]
    return found
