"""A long read that is cut goes on where it was: pieces become one table, on a ClickHouse server and on two shards."""

import psycopg
import pytest

from hedgerow.engine.base import Engine
from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import rows, settled
from tests.support.apps import MakeApi
from tests.support.cutting import way_to

_ROWS = 60_000


@pytest.fixture(params=["clickhouse_engine", "cluster_engine"])
def chdb_engine(request: pytest.FixtureRequest) -> Engine:
    """What the application runs on here."""
    found: Engine = request.getfixturevalue(request.param)
    return found


def test_pieces_become_one_table(make_app: MakeApi, postgres_url: str) -> None:
    api = make_app(source_checkpoint_seconds=0)
    with psycopg.connect(postgres_url, autocommit=True) as database:
        database.execute("CREATE TABLE many (id bigint PRIMARY KEY, word text, seen bigint)")
        database.execute(f"INSERT INTO many SELECT i, repeat(md5(i::text), 8), i FROM generate_series(1, {_ROWS}) i")
        config = config_of(postgres_url)
        with way_to(int(config["port"])) as way:
            way.cuts, way.after = 1, 12_000_000
            wish = {"name": "many", "should_sync": True, "sync_type": "incremental", "incremental_field": "seen"}
            wish["incremental_field_type"] = "integer"
            payload = {**config, "host": "127.0.0.1", "port": way.port, "schemas": [wish]}
            made = api.post("/external_data_sources", json={"source_type": "Postgres", "payload": payload})
            assert made.status_code == 201, made.text
            # Written while the first try reads or rests: it is found by the second.
            database.execute("UPDATE many SET word = 'again', seen = seen + 100000 WHERE id % 50 = 0")
            source = settled(api, made.json()["id"])
        assert (source["status"], source["latest_error"], way.made) == ("Completed", None, 1)
        assert way.passed < 12_000_000 + 14_000_000  # anew, it would be 12 and 16
        found = database.execute("SELECT count(*), sum(id), sum(length(word)), sum(seen)::bigint FROM many").fetchone()
    assert found is not None
    (ours,) = rows(api, "select count(), sum(id), sum(length(word)), sum(seen) from postgres.many")
    assert [int(value) for value in ours] == [int(value) for value in found]
