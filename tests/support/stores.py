"""Fixtures for the metadata stores: SQLite always, PostgreSQL where one answers or can be started."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pymysql
import pytest

from hedgerow.store import Store
from tests.support import mariadb_process, postgres_process
from tests.support.require import missing

_CANDIDATES = ("postgresql://root@127.0.0.1:5432/postgres", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server where databases may be made: one that answers, else one started here."""
    urls = [os.environ["HEDGEROW_TEST_POSTGRES_URL"]] if "HEDGEROW_TEST_POSTGRES_URL" in os.environ else _CANDIDATES
    found = next((url for url in urls if _answers(url)), None)
    if found is not None:
        yield found
        return
    folder = postgres_process.binaries()
    if folder is None:
        missing("PostgreSQL", "HEDGEROW_TEST_POSTGRES_URL, 127.0.0.1:5432 and initdb")
    with postgres_process.running(folder) as url:
        yield url


@pytest.fixture(scope="session")
def locked_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that asks for a password and offers TLS."""
    folder = postgres_process.binaries()
    if folder is None:
        missing("PostgreSQL", "initdb")
    with postgres_process.running(folder, password="s3cret-of-many-letters", certificate=True) as url:
        yield url


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """The URL of a MariaDB server that asks for a password, offers TLS, and lives in another time zone."""
    if mariadb_process.binaries() is None:
        missing("MariaDB", "mariadb-install-db and mariadbd")
    with mariadb_process.running(password="s3cret-of-many-letters") as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> str:
    """The URL of a MariaDB or MySQL server, for what reads from one."""
    url = os.environ.get("HEDGEROW_TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/test")
    parts = urlsplit(url)
    try:
        pymysql.connect(
            host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or ""
        ).close()
    except pymysql.Error:
        missing("MariaDB", "HEDGEROW_TEST_MARIADB_URL and 127.0.0.1:3306")
    return url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh database, dropped afterwards."""
    name = f"hedgerow_test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def logical_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that keeps a log of changes: started here, so that its slots are its own."""
    folder = postgres_process.binaries()
    if folder is None:
        missing("PostgreSQL", "initdb")
    with postgres_process.running(folder) as url:
        yield url


@pytest.fixture
def logged_url(logical_server: str) -> Iterator[str]:
    """The URL of a fresh database of that server; dropped afterwards, with its slots."""
    name = f"hedgerow_test_{uuid4().hex}"
    with psycopg.connect(logical_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield logical_server.rsplit("/", 1)[0] + f"/{name}"
        _drop_slots(connection, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _drop_slots(connection: psycopg.Connection[Any], database: str) -> None:
    """Drop the slots of a database, and whoever reads them."""
    mine = "FROM pg_replication_slots WHERE database = %s"
    end = time.monotonic() + 30
    while connection.execute(f"SELECT 1 {mine}", [database]).fetchone() and time.monotonic() < end:
        with suppress(psycopg.errors.ObjectInUse):
            connection.execute(f"SELECT pg_terminate_backend(active_pid) {mine} AND active", [database])
            connection.execute(f"SELECT pg_drop_replication_slot(slot_name) {mine}", [database])
        time.sleep(0.05)


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
