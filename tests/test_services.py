"""The services that tests find or start are the real ones."""

import asyncio
from urllib.parse import urlsplit

import psycopg
import pymysql

from hedgerow.engine.base import Engine
from hedgerow.engine.result import Query
from hedgerow.store import Store
from tests.support import postgres_process
from tests.support.require import missing


def test_a_postgres_of_our_own_serves_a_store() -> None:
    folder = postgres_process.binaries()
    if folder is None:
        missing("PostgreSQL's binaries", "initdb on the PATH and in /usr/lib/postgresql")
    with postgres_process.running(folder) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT version()").fetchone()[0].startswith("PostgreSQL")  # type: ignore[index]
        store = Store(url)
        store.migrate()
        assert store.ready()
        store.dispose()


def test_mariadb_answers_us_and_the_embedded_engine(mariadb_url: str, chdb_engine: Engine) -> None:
    parts = urlsplit(mariadb_url)
    login = {"user": parts.username or "root", "password": parts.password or ""}
    with pymysql.connect(host=parts.hostname, port=parts.port or 3306, **login) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 + 1")
        assert cursor.fetchone() == (2,)
    place, user, password = f"{parts.hostname}:{parts.port or 3306}", login["user"], login["password"]
    sql = f"SELECT 1 FROM mysql('{place}', 'information_schema', 'SCHEMATA', '{user}', '{password}') LIMIT 1"
    assert asyncio.run(chdb_engine.run(Query(sql))).row_count == 1
