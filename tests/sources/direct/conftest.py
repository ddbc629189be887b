"""Two shops that queries read at the remote, one in PostgreSQL and one in MariaDB, and words to ask them with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pymysql
import pytest

from tests.connectors import mysql_tables, postgres_tables
from tests.support.apps import Api

SHOP = (
    "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40), joined timestamp NULL, born date)",
    "INSERT INTO users VALUES (1, 'Ada', '2026-01-01 10:00:00', '1815-12-10'), (2, 'Grace', '2026-02-01 10:00:00',"
    " '1906-12-09'), (3, 'Edsger', NULL, '1930-05-11')",
    "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer NOT NULL, price decimal(10, 2), note varchar(40))",
    "INSERT INTO orders VALUES (1, 1, 1.50, 'a'), (2, 2, 2.50, NULL), (3, 1, 4.00, 'A')",
    "CREATE TABLE secrets (id integer PRIMARY KEY, word varchar(40))",
)


@dataclass(frozen=True)
class Shop:
    """A remote: what a source of it is made with, and a way to change it."""

    source_type: str
    payload: dict[str, Any]
    do: Callable[..., None]
    space: str
    """The schema, or database, that its tables are in."""
    asked: Callable[[str], int]
    """The number that a statement answers there."""


@pytest.fixture
def postgres_shop(postgres_url: str) -> Iterator[Shop]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        def do(*statements: str) -> None:
            for statement in statements:
                connection.execute(statement)

        def asked(statement: str) -> int:
            (number,) = connection.execute(statement).fetchone() or (0,)
            return int(number)

        do(*SHOP)
        yield Shop("Postgres", dict(postgres_tables.config_of(postgres_url)), do, "public", asked)


@pytest.fixture
def mariadb_shop(mariadb_server: str) -> Iterator[Shop]:
    name = f"shop_{uuid4().hex}"
    config = mysql_tables.config_of(mariadb_server, name)
    login = {"host": config["host"], "port": config["port"], "user": config["user"], "password": config["password"]}
    with pymysql.connect(**login, autocommit=True, charset="utf8mb4") as connection:

        def do(*statements: str) -> None:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

        def asked(statement: str) -> int:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                (number,) = cursor.fetchone() or (0,)
                return int(number)

        do("SET time_zone = '+00:00'", f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"USE {name}", *SHOP)
        yield Shop("MySQL", config, do, name, asked)
        do(f"DROP DATABASE {name}")


@pytest.fixture(params=["postgres_shop", "mariadb_shop"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """Either of them."""
    found: Shop = request.getfixturevalue(request.param)
    return found


def body(shop: Shop, *tables: str, **more: Any) -> dict[str, Any]:
    """A request that makes a direct source, of which these tables may be queried."""
    schemas = [{"name": name, "should_sync": True} for name in tables or ("users", "orders")]
    payload = {**shop.payload, "schemas": schemas}
    return {"source_type": shop.source_type, "access_method": "direct", "prefix": "My shop", "payload": payload, **more}


def connect(api: Api, shop: Shop, *tables: str, **more: Any) -> dict[str, Any]:
    """A direct source, as it was answered."""
    answer = api.post("/external_data_sources", json=body(shop, *tables, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ask(api: Api, source: dict[str, Any], query: str, **more: Any) -> Any:
    """What a query over the source's tables is answered."""
    asked = {"kind": "HogQLQuery", "query": query, "connectionId": source["id"], **more}
    return api.post("/query", json={"query": asked})


def found(api: Api, source: dict[str, Any], query: str) -> list[list[Any]]:
    """The rows."""
    answer = ask(api, source, query)
    assert answer.status_code == 200, answer.text
    results: list[list[Any]] = answer.json()["results"]
    return results
