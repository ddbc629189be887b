"""What a remote is told of a query: the answer is that of the same query over the same table synced, and less comes."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pymysql
import pytest

from hedgerow.connectors import Ask, Condition, Sift
from tests.connectors import mysql_tables, postgres_tables
from tests.sources.conftest import rows, settled
from tests.sources.direct.conftest import Shop, body, found
from tests.support.apps import Api

_QUERIES = """
select id from {t} where id = 3
select id from {t} where 3 <= id order by id desc
select id from {t} where id in (1, 3, 5) order by id
select id from {t} where id != 3 order by id
select id from {t} where small between 0 and 5 order by id
select id from {t} where small > 0 limit 50
select count(), sum(small), min(price) from {t}
select id from {t} where price > 1 order by id
select id from {t} where price = 1 and small = 1 order by id
select id from {t} where {text} = 'ab' order by id
select id from {t} where {text} = 'AB' order by id
select id from {t} where {text} in ('ab', '', 'x') order by id
select id from {t} where {text} = 'x\\'); drop table kinds; --' order by id
select id from {t} where {text} != 'ab' order by id
select id from {t} where {text} like 'a%' order by id
select id from {t} where day >= '1900-01-01' order by id
select id from {t} where day < '2026-03-01' order by id
select id from {t} where day = toDate('2026-02-28') order by id
select id from {t} where day > '2299-12-30' order by id
select id from {t} where day between toDate('1950-01-01') and today() order by id
select id from {t} where local > '1950-01-01 00:00:00' and local <= now() order by id
select id from {t} where local = toDateTime64('2026-02-28 23:59:59.999999', 6) order by id
select id from {t} where instant < now() - interval 1 day order by id
select id from {t} where instant >= toStartOfDay(toDateTime('2026-02-28 05:00:00')) order by id
select id, day from {t} order by day, id limit 3
select id, day from {t} order by day desc, id limit 3
select id, local from {t} order by local desc, id desc limit 2
select id, local from {t} order by local, id limit 2
select id, instant as i from {t} order by i desc, id limit 3
select id, small from {t} order by small, id limit 2
select id, small from {t} order by small desc, id limit 2 offset 1
select id, price from {t} order by price, id limit 2
select id, small from {t} order by small desc nulls first, id limit 2
select id, {text} from {t} order by {text}, id limit 3
select distinct small from {t} order by small limit 2
select small, count() from {t} group by small order by small limit 2
select id from {t} where id > 1 and day is null order by id limit 3
select id from {t} where not (id = 1) order by id limit 2
select id from {t} where id = 1 or small = 1 order by id limit 2
select a.id, b.id from {t} a left join {t} b on a.id = b.small where a.id < 4 order by a.id, b.id
select a.id, b.id from {t} a left join (select id, small from {t} where id > 1) b on a.small = b.id order by a.id
select id, row_number() over (order by id desc) as n from {t} order by id limit 2
select x.id from (select id from {t} order by id desc limit 2) x order by x.id
select id from (select id from {t} limit 100) where id > 3 order by id
with c as (select id from {t} where id < 4) select count() from c a join c b on a.id = b.id
select id from (select id from {t} where id = 1 union all select id from {t} where id = 2) order by id
select * from {t} order by id
""".strip().splitlines()


@pytest.fixture
def postgres_kinds(postgres_url: str) -> Iterator[Shop]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(postgres_tables.MAKE)
        yield Shop("Postgres", dict(postgres_tables.config_of(postgres_url)), lambda: None, "t", lambda _query: 0)


@pytest.fixture
def mariadb_kinds(mariadb_server: str) -> Iterator[Shop]:
    name = f"kinds_{uuid4().hex}"
    config = mysql_tables.config_of(mariadb_server, name)
    login = {"host": config["host"], "port": config["port"], "user": config["user"], "password": config["password"]}
    with pymysql.connect(**login, autocommit=True, charset="utf8mb4") as connection, connection.cursor() as cursor:
        for statement in ("SET sql_mode = ''", f"CREATE DATABASE {name}", f"USE {name}"):
            cursor.execute(statement)
        for statement in (mysql_tables.MAKE, mysql_tables.ROWS_SQL):
            cursor.execute(statement)
        yield Shop("MySQL", config, lambda: None, "v", lambda _query: 0)
        cursor.execute(f"DROP DATABASE {name}")


@pytest.mark.parametrize("kinds", ["postgres_kinds", "mariadb_kinds"])
def test_a_direct_table_answers_as_a_synced_one(api: Api, kinds: str, request: pytest.FixtureRequest) -> None:
    shop: Shop = request.getfixturevalue(kinds)
    synced = {"name": "kinds", "should_sync": True, "sync_type": "full_refresh"}
    made = api.post(
        "/external_data_sources",
        json={"source_type": shop.source_type, "payload": {**shop.payload, "schemas": [synced]}},
    )
    assert settled(api, made.json()["id"])["status"] == "Completed"
    direct = api.post("/external_data_sources", json=body(shop, "kinds")).json()
    table = f"{shop.source_type.lower()}_kinds"
    other = []
    for query in _QUERIES:
        here = rows(api, query.format(t=table, text=shop.space))
        there = found(api, direct, query.format(t="kinds", text=shop.space))
        kept = "order by" in query
        if (here if kept else sorted(here, key=str)) != (there if kept else sorted(there, key=str)):
            other.append((query, here, there))
    assert other == []


@pytest.mark.parametrize(
    ("sift", "ids"),
    [
        (Sift((Condition("id", "=", (2,)),)), [2]),
        (Sift((Condition("id", "in", (1, 3)), Condition("user_id", "=", (1,)))), [1, 3]),
        (Sift((Condition("note", "in", ("a", "'")),)), None),
        (Sift((), (("id", True),), 2), [3, 2]),
        (Sift((Condition("id", ">", (1,)),), (("id", False),), 1), [2]),
        (Sift((Condition("note", "=", ("a",)),), (("id", True),), 1), None),
        (Sift((), (("note", False),), 1), [1, 2, 3]),  # texts may be sorted otherwise there
    ],
)
def test_less_is_read(api: Api, shop: Shop, sift: Sift, ids: list[int] | None) -> None:
    connector: Any = api.house.sources.remotes.connector(shop.source_type)
    read = connector.read(shop.payload | {"sslmode": "prefer"}, Ask("orders", ("id",), sift=sift))
    got = [row["id"] for batch in read for row in batch.to_pylist()]
    insensitive = shop.source_type == "MySQL"
    assert got == (ids if ids is not None else [1, 3] if insensitive else [1])
