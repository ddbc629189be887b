"""Keys, tokens and limits over two real processes that share PostgreSQL and Redis."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.support.caches import RedisServer
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
ENDPOINTS = "/api/projects/1/endpoints"
ENDLESS = "select count() from numbers(100000000000) where number % 7 = 3"


class Pair:
    """Two processes, and clients of both with any key."""

    def __init__(self, servers: tuple[Server, Server], key: str) -> None:
        self._servers, self._key = servers, key

    def ask(self, number: int, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
        with self._servers[number].client(key or self._key) as client:
            return client.request(method, path, **options)

    def kill(self, number: int) -> None:
        self._servers[number].process.kill()

    def make(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.ask(0, "POST", f"/api/projects/1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def run(self, number: int, key: str | None = None, name: str = "e", **body: Any) -> httpx.Response:
        return self.ask(number, "POST", f"{ENDPOINTS}/{name}/run", key, json=body)


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str, own_redis: RedisServer) -> Iterator[Pair]:
    key = token("phx_")
    shared = {
        "HEDGEROW_DATABASE_URL": postgres_url,
        "HEDGEROW_CACHE_URL": own_redis.url,
        "HEDGEROW_SECRET_KEY": "the same in both",
        "HEDGEROW_BOOTSTRAP_KEY": key,
        "HEDGEROW_THROTTLE_QUERY_BURST": "6/hour",
        "HEDGEROW_THROTTLE_KEYS_BURST": "1000/hour",
        "HEDGEROW_CONCURRENT_QUERIES": "1",
        "HEDGEROW_API_QUERY_TIMEOUT": "4",
    }
    with start_server(tmp_path / "one", shared) as one, start_server(tmp_path / "two", shared) as two:
        pair = Pair((one, two), key)
        pair.make("insight_variables", name="tenant", type="String", default_value="everybody")
        for name, text in (("e", "select {variables.tenant} as tenant"), ("slow", ENDLESS)):
            pair.make("endpoints", name=name, query={"kind": "HogQLQuery", "query": text})
        yield pair


def _until(check: Any, seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.05)


def test_what_one_process_makes_and_ends_holds_in_the_other(pair: Pair) -> None:
    secret = pair.make("project_secret_api_keys", label="backend")
    minted = pair.make("endpoints/e/tokens", variables={"tenant": "a"})["token"]
    _until(lambda: pair.run(1, secret["value"]).status_code == 200)
    assert pair.run(1, minted).json()["results"] == [["a"]]
    assert pair.run(1, minted, tenant="b").status_code in {400, 403}
    assert pair.run(1, minted, variables={"tenant": "b"}).status_code == 403
    assert pair.ask(0, "DELETE", f"/api/projects/1/project_secret_api_keys/{secret['id']}").status_code == 204
    _until(lambda: pair.run(1, secret["value"]).status_code == 401)
    for key in pair.ask(0, "GET", "/api/projects/1/endpoint_signing_keys").json():
        assert pair.ask(0, "DELETE", f"/api/projects/1/endpoint_signing_keys/{key['id']}").status_code == 204
    _until(lambda: pair.run(1, minted).status_code == 401)
    log = pair.ask(1, "GET", "/api/projects/1/activity_log?limit=50").json()["results"]
    assert ("ProjectSecretAPIKey", "deleted") in [(entry["scope"], entry["activity"]) for entry in log]


def test_rates_are_counted_over_both(pair: Pair) -> None:
    secret = pair.make("project_secret_api_keys", label="backend")["value"]
    _until(lambda: pair.run(1, secret).status_code == 200)
    assert [pair.run(number % 2, secret).status_code for number in range(8)] == [200] * 5 + [429] * 3
    other = pair.make("project_secret_api_keys", label="other")["value"]
    assert pair.run(0, other).status_code == 200


def test_slots_are_shared_by_both(pair: Pair) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(pair.run, 0, None, "slow")
        statuses = []
        while not slow.done():
            # A key for each: this is not about rates.
            statuses.append(pair.run(1, pair.make("project_secret_api_keys", label="k")["value"]).status_code)
            time.sleep(0.1)
    assert slow.result().json()["code"] == "query_timeout", slow.result().text
    assert 429 in statuses
    _until(lambda: pair.run(1, pair.make("project_secret_api_keys", label="k")["value"]).status_code == 200)


def test_the_slot_of_a_process_that_was_killed_comes_back(pair: Pair) -> None:
    secret = pair.make("project_secret_api_keys", label="k")["value"]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(pair.run, 0, None, "slow")
        time.sleep(1)
        pair.kill(0)
        assert isinstance(slow.exception(), httpx.TransportError)
    assert pair.run(1, secret).status_code == 429
    time.sleep(15)
    assert pair.run(1, secret).status_code == 200
