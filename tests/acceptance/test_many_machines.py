"""Many machines: two real processes over PostgreSQL, Redis, a bucket and a ClickHouse cluster of two shards."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hedgerow.kit.ids import token
from tests.connectors.postgres_tables import config_of
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
ROWS = 2_000
ENDLESS = "select count() from numbers(100000000000) where sipHash64(number) = 1"


class Pair:
    """Two processes and a client of each."""

    def __init__(self, servers: tuple[Server, Server], key: str) -> None:
        self.one, self.two = (server.client(key) for server in servers)

    def close(self) -> None:
        self.one.close()
        self.two.close()


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, redis_url: str, cluster_url: str) -> Iterator[Pair]:
    key = token("phx_")
    shared = {
        "HEDGEROW_DATABASE_URL": postgres_url,
        "HEDGEROW_CACHE_URL": redis_url,
        "HEDGEROW_ENGINE_URL": cluster_url,
        "HEDGEROW_FILES_URL": str(tmp_path / "files"),
        "HEDGEROW_SECRET_KEY": "the same in both",
        "HEDGEROW_BOOTSTRAP_KEY": key,
    }
    with start_server(tmp_path / "one", shared) as one, start_server(tmp_path / "two", shared) as two:
        made = Pair((one, two), key)
        yield made
        made.close()


def _sql(client: httpx.Client, text: str) -> Any:
    answer = client.post("/api/projects/1/query/", json={"query": {"kind": "HogQLQuery", "query": text}})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def _until(check: Any, seconds: float = 5) -> Any:
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.05)
    return found


def test_two_processes_are_one_server(pair: Pair) -> None:
    csv = "id,customer,amount\n" + "".join(f"{i},c{i % 7},{i}.5\n" for i in range(ROWS))
    uploaded = pair.one.post(
        "/api/projects/1/warehouse_tables/file/", data={"name": "orders"}, files={"file": ("orders.csv", csv)}
    )
    assert uploaded.status_code == 201, uploaded.text

    def seen() -> bool:
        query = {"kind": "HogQLQuery", "query": "select count() from orders"}
        return pair.two.post("/api/projects/1/query/", json={"query": query}).status_code == 200

    _until(seen, 30)
    assert _sql(pair.two, "select count(), uniq(customer), sum(amount) from orders") == [
        [ROWS, 7, sum(i + 0.5 for i in range(ROWS))]
    ]
    joined = "select count() from orders a full join (select id from orders where id < 10) b on a.id = b.id"
    assert _sql(pair.one, joined) == [[ROWS]]

    variable = {"name": "who", "type": "String", "default_value": "c1"}
    assert pair.one.post("/api/projects/1/insight_variables/", json=variable).status_code == 201
    query = {"kind": "HogQLQuery", "query": "select count() from orders where customer = {variables.who}"}
    made = pair.two.post("/api/projects/1/endpoints/", json={"name": "per_customer", "query": query})
    assert made.status_code == 201, made.text
    run = "/api/projects/1/endpoints/per_customer/run"
    body = {"variables": {"who": "c3"}}
    answer = _until(lambda: (a := pair.one.post(run, json=body)).status_code == 200 and a)
    assert answer.json()["results"] == [[len([i for i in range(ROWS) if i % 7 == 3])]]

    changed = {"query": {"kind": "HogQLQuery", "query": "select {variables.who}"}}
    assert pair.one.patch("/api/projects/1/endpoints/per_customer/", json=changed).status_code == 200
    _until(lambda: pair.two.post(run, json=body).json()["results"] == [["c3"]], 30)

    background = {"query": {"kind": "HogQLQuery", "query": ENDLESS}, "refresh": "async", "client_query_id": "long"}
    assert pair.one.post("/api/projects/1/query/", json=background).status_code == 202
    assert pair.two.get("/api/projects/1/query/long/").status_code == 202
    assert pair.two.delete("/api/projects/1/query/long/").status_code == 200
    _until(lambda: pair.one.get("/api/projects/1/query/long/").status_code == 400)


def test_a_revoked_key_ends_everywhere(pair: Pair) -> None:
    made = pair.one.post("/api/personal_api_keys/", json={"label": "short", "scopes": ["query:read"]}).json()
    header = {"Authorization": f"Bearer {made['value']}"}
    path = "/api/projects/1/query/check_auth_for_async/"
    assert _until(lambda: pair.two.post(path, headers=header).status_code == 200, 30)
    assert pair.one.delete(f"/api/personal_api_keys/{made['id']}/").status_code == 204
    assert pair.one.post(path, headers=header).status_code == 401
    _until(lambda: pair.two.post(path, headers=header).status_code == 401, 30)


def test_a_direct_source_is_queried_and_cancelled_from_either(pair: Pair, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE shop AS SELECT n AS id FROM generate_series(1, 3) n")
        connection.execute("CREATE VIEW slow AS SELECT id, pg_sleep(60)::text AS nap FROM shop")
        schemas = [{"name": name, "should_sync": True} for name in ("shop", "slow")]
        body = {"source_type": "Postgres", "access_method": "direct", "prefix": "Shop"}
        payload = {**config_of(postgres_url), "schemas": schemas}
        made = pair.one.post("/api/projects/1/external_data_sources/", json={**body, "payload": payload})
        assert made.status_code == 201, made.text

        def asked(text: str) -> dict[str, Any]:
            return {"query": {"kind": "HogQLQuery", "query": text, "connectionId": made.json()["id"]}}

        answer = pair.two.post("/api/projects/1/query/", json=asked("select sum(id) from shop"))
        assert answer.json()["results"] == [[6]]
        late = {**asked("select * from slow"), "refresh": "async", "client_query_id": "mine"}
        assert pair.one.post("/api/projects/1/query/", json=late).status_code == 202
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%slow%' AND state = 'active'"
        _until(lambda: connection.execute(busy).fetchone() == (1,), 20)
        assert pair.two.delete("/api/projects/1/query/mine/").status_code == 200
        _until(lambda: connection.execute(busy).fetchone() == (0,), 20)
        ended = _until(lambda: _ended(pair.two, "mine"), 10)
        assert (ended["error"], ended["error_message"]) == (True, "The query was cancelled.")


def _ended(client: httpx.Client, query_id: str) -> Any:
    status = client.get(f"/api/projects/1/query/{query_id}/").json()["query_status"]
    return status if status["complete"] else None
