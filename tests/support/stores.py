"""Fixtures for the metadata stores: SQLite always, PostgreSQL where one answers or can be started."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from hedgerow.store import Store
from tests.support.require import missing

_CANDIDATES = ("postgresql://root@127.0.0.1:5432/postgres", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a PostgreSQL server where databases may be made."""
    urls = [os.environ["HEDGEROW_TEST_POSTGRES_URL"]] if "HEDGEROW_TEST_POSTGRES_URL" in os.environ else _CANDIDATES
    for url in urls:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.Error:
            continue
        return url
    return missing("PostgreSQL", "HEDGEROW_TEST_POSTGRES_URL and 127.0.0.1:5432")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh database, dropped afterwards."""
    name = f"hedgerow_test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A fresh, migrated store on SQLite."""
    store = Store(f"sqlite:///{tmp_path / 'metadata.sqlite'}")
    store.migrate()
    yield store
    store.dispose()


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """A fresh, migrated store on PostgreSQL."""
    store = Store(postgres_url)
    store.migrate()
    yield store
    store.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """Both stores, one after the other."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found
