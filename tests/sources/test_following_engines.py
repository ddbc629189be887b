"""Changes are followed into a ClickHouse server and into a cluster of two shards: the same rows, by the same steps."""

from typing import Any

import psycopg
import pytest

from hedgerow.engine.base import Engine
from tests.sources.conftest import rows
from tests.sources.following import cdc, connect, same, settled, theirs, until
from tests.sources.test_following_faults import packed  # noqa: F401
from tests.sources.workload import MAKE, OURS, THEIRS, Workload, compared
from tests.support.apps import Api, MakeApi

_OPEN = OURS.replace("postgres_things", "postgres_things_cdc where valid_to is null and not _ph_deleted")


@pytest.fixture(params=["clickhouse_engine", "cluster_engine"])
def chdb_engine(request: pytest.FixtureRequest) -> Engine:
    """What the application runs on here."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(MAKE)
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


def test_random_changes_are_followed(
    packed: list[str],  # noqa: F811
    api: Api,
    database: psycopg.Connection[Any],
    logged_url: str,
) -> None:
    work = Workload(database, 21)
    source = connect(api, logged_url, cdc("things", cdc_table_mode="both"), cdc("others"))
    settled(api, source, "things", "others")
    for _ in range(3):
        for _ in range(40):
            work.step()
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
        assert compared(rows(api, _OPEN)) == compared(theirs(database, THEIRS))
        same(api, database, "select id, amount from postgres_others order by id")
    until(lambda: len(packed) > 0)
    database.execute("TRUNCATE others; ALTER TABLE things ADD COLUMN age int; INSERT INTO others VALUES (1, 1)")
    database.execute("UPDATE things SET age = id")
    same(api, database, "select id, amount from postgres_others order by id")
    same(
        api, database, "select count(), sum(age) from postgres_things", "select count(*), sum(age)::bigint from things"
    )
    settled(api, source, "things", "others")
