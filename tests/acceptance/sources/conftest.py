"""A running server, its API in short words, and databases that syncs read from and that faults befall."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pymysql
import pytest

from tests.connectors import mysql_tables, postgres_tables
from tests.support.processes import Server, start_server

KEY = "phx_0123456789abcdef0123456789abcdef"
SETTINGS = {"HEDGEROW_BOOTSTRAP_KEY": KEY, "HEDGEROW_WORKERS": "4", "HEDGEROW_THROTTLE": "false"}
_WAIT = 90.0
Row = dict[str, Any]


def until(check: Callable[[], Any]) -> Any:
    """What `check` finds as soon as it finds anything."""
    end = time.monotonic() + _WAIT
    while not (found := check()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.02)
    return found


class Client:
    """The API of one server process."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @classmethod
    @contextmanager
    def of(cls, server: Server) -> Iterator["Client"]:
        with server.client(KEY) as http:
            yield cls(http)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"/api/projects/1/{path}", json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def add(self, source_type: str, config: Mapping[str, Any], *schemas: Row) -> str:
        """A source of those tables; its id."""
        prefix = f"p{uuid4().hex[:8]}_"
        body = {"source_type": source_type, "prefix": prefix, "payload": {**config, "schemas": list(schemas)}}
        found: str = self.call("POST", "external_data_sources", body)["id"]
        return found

    def source(self, source: str) -> Row:
        found: Row = self.call("GET", f"external_data_sources/{source}")
        return found

    def schema(self, source: str, table: str) -> Row:
        found: Row = next(each for each in self.source(source)["schemas"] if each["name"] == table)
        return found

    def act(self, source: str, table: str, action: str = "reload") -> None:
        """Reload, resync or cancel a table."""
        self.call("POST", f"external_data_schemas/{self.schema(source, table)['id']}/{action}")

    def settled(self, source: str) -> Row:
        """The source when nothing of it runs any more."""

        def still() -> Row | None:
            found = self.source(source)
            return None if any(each["status"] == "Running" for each in found["schemas"]) else found

        found: Row = until(still)
        return found

    def complains(self, source: str, table: str, words: str) -> None:
        """Wait for an error of a table that says this."""
        until(lambda: words in (self.schema(source, table)["latest_error"] or ""))

    def runs(self, source: str, table: str) -> list[Row]:
        """Newest first."""
        found: list[Row] = self.call("GET", f"external_data_sources/{source}/jobs?schemas={table}")
        return found

    def ask(self, query: str) -> list[Any]:
        body = {"query": {"kind": "HogQLQuery", "query": query}}
        found: list[Any] = self.call("POST", "query/", body)["results"]
        return found

    def rows(self, source: str, table: str, columns: str, order: str = "id") -> list[Any]:
        """The rows of a table as it is served."""
        return self.ask(
            f"select {columns} from {self.schema(source, table)['hogql_name']} order by {order} limit 50000"
        )


class Remote:
    """A database of the tests' own: `source_type` and `config` are those of a source that reads from it."""

    def __init__(self, source_type: str, config: Mapping[str, Any], connect: Callable[[], Any]) -> None:
        self.source_type, self.config, self.connect = source_type, dict(config), connect
        self._own = connect()

    def do(self, *statements: str) -> list[Any]:
        """Run statements; the rows of the last."""
        return run(self._own, *statements)

    def again(self) -> None:
        """Connect anew: the server was away."""
        self._own.close()
        self._own = self.connect()

    def close(self) -> None:
        self._own.close()


def run(connection: Any, *statements: str) -> list[Any]:
    """Run statements on a connection; the rows of the last."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def postgres(url: str) -> Iterator[Remote]:
    """A fresh database of a PostgreSQL server that asks for a password."""
    name = f"t_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    own = url.rsplit("/", 1)[0] + f"/{name}"
    made = Remote("Postgres", postgres_tables.config_of(own), lambda: psycopg.connect(own, autocommit=True))
    try:
        yield made
    finally:
        made.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def mariadb(url: str) -> Iterator[Remote]:
    """A fresh database of a MariaDB server."""
    name = f"t_{uuid4().hex[:12]}"
    config = mysql_tables.config_of(url, name)

    def connect(database: str | None = name) -> Any:
        login = {word: config[word] for word in ("host", "port", "user", "password")}
        return pymysql.connect(**login, database=database, autocommit=True)

    with connect(None) as connection:
        run(connection, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    made = Remote("MySQL", config, connect)
    try:
        yield made
        made.do(f"DROP DATABASE {name}")
    finally:
        made.close()


@pytest.fixture(params=["Postgres", "MySQL"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    """One after the other."""
    if request.param == "Postgres":
        with postgres(request.getfixturevalue("locked_postgres")) as made:
            yield made
    else:
        with mariadb(request.getfixturevalue("mariadb_server")) as made:
            yield made


@pytest.fixture
def pg(locked_postgres: str) -> Iterator[Remote]:
    """PostgreSQL alone."""
    with postgres(locked_postgres) as made:
        yield made


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process for all tests that leave it alive."""
    with start_server(Path(tmp_path_factory.mktemp("sources")) / "home", SETTINGS) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.of(server) as made:
        yield made


def whole(table: str) -> Row:
    """A table that is synced whole."""
    return {"name": table, "should_sync": True, "sync_type": "full_refresh"}


def by_cursor(table: str, field: str, sync_type: str = "incremental") -> Row:
    """A table of which new rows are synced, by a whole number."""
    cursor = {"incremental_field": field, "incremental_field_type": "integer"}
    return {"name": table, "should_sync": True, "sync_type": sync_type, **cursor}


def running(home: Path) -> int:
    """How many syncs were under way when the process died."""
    with closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        counted: int = store.execute("SELECT count(*) FROM jobs WHERE kind = 'sync' AND state = 'running'").fetchone()[
            0
        ]
    return counted
