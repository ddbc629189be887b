"""Another project as a source: a real server publishes endpoints, and a second one keeps them as tables."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import start_server

pytestmark = pytest.mark.acceptance
KEY, OTHER_KEY = "phx_0123456789abcdef0123456789abcdef", "phx_fedcba9876543210fedcba9876543210"
_WAIT = 60.0
_PARCELS = """
SELECT number AS id, toString(number * 3) AS code, number / 4 AS weight, number % 2 = 0 AS even,
       toDateTime('2026-01-01 00:00:00', 'UTC') + number AS seen, toDate('2026-01-01') + number % 30 AS day,
       if(number % 5 = 0, NULL, number) AS maybe
FROM numbers(2500) ORDER BY id LIMIT 2500
"""


class Client:
    """The API of one server process."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/api/projects/1/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def settled(self, source: str) -> dict[str, Any]:
        end = time.monotonic() + _WAIT
        while time.monotonic() < end:
            found: dict[str, Any] = self.call("GET", f"external_data_sources/{source}")
            if not [each for each in found["schemas"] if each["status"] == "Running"]:
                return found
            time.sleep(0.1)
        raise AssertionError(found)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    """A server with three endpoints: a plain one, one that asks for a value, and one that is switched off."""
    home = tmp_path_factory.mktemp("remote") / "home"
    with start_server(home, {"HEDGEROW_BOOTSTRAP_KEY": OTHER_KEY}) as server, server.client(OTHER_KEY) as http:
        client = Client(http)
        for name, query, more in (
            ("parcels", _PARCELS, {}),
            ("off", "SELECT 1 AS one", {"is_active": False}),
        ):
            body = {"name": name, "query": {"kind": "HogQLQuery", "query": query}, "description": f"All {name}"}
            client.call("POST", "endpoints/", body)
            if more:
                client.call("PATCH", f"endpoints/{name}", more)
        variable = client.call("POST", "insight_variables/", {"name": "least", "type": "Number"})
        asked = {variable["id"]: {"variableId": variable["id"], "code_name": "least"}}
        query = {"kind": "HogQLQuery", "query": "SELECT {variables.least} AS n", "variables": asked}
        client.call("POST", "endpoints/", {"name": "asks", "query": query})
        yield client, server.url


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("local") / "home"
    with start_server(home, {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server, server.client(KEY) as http:
        yield Client(http)


def _rows(client: Client, query: str) -> Any:
    return client.call("POST", "query/", {"query": {"kind": "HogQLQuery", "query": query}})["results"]


_CHECKED = "count(), sum(id), sum(weight), sum(even), count(maybe), min(seen), max(seen), max(day), max(code)"
_THERE = f"select {_CHECKED} from ({_PARCELS})"


def _full(name: str) -> dict[str, Any]:
    return {"name": name, "should_sync": True, "sync_type": "full_refresh"}


def _synced(local: Client, source_type: str, payload: dict[str, Any]) -> str:
    whole = {"source_type": source_type, "payload": {**payload, "schemas": [_full("parcels")]}}
    made = local.call("POST", "external_data_sources/", whole)
    found = local.settled(made["id"])
    assert found["status"] == "Completed", found["latest_error"]
    assert OTHER_KEY not in str(found)
    return str(made["id"])


def test_endpoints_of_another_project_are_tables(local: Client, remote: tuple[Client, str]) -> None:
    there, url = remote
    inputs = {"url": url, "project_id": 1, "api_key": OTHER_KEY}
    tables = local.call("POST", "external_data_sources/database_schema/", {"source_type": "Hedgerow", **inputs})
    assert [(table["table"], table["description"]) for table in tables] == [("parcels", "All parcels")]
    _synced(local, "Hedgerow", inputs)
    assert _rows(local, f"select {_CHECKED} from hedgerow.parcels") == _rows(there, _THERE)


def test_the_documented_manifest_does_the_same(local: Client, remote: tuple[Client, str]) -> None:
    there, url = remote
    page = (Path(__file__).parents[3] / "docs" / "sources" / "custom.md").read_text()
    manifest = page.partition("### Another Hedgerow")[2].partition("```json")[2].partition("```")[0]
    given = manifest.replace("https://hedgerow.example.com", url)
    _synced(local, "Custom", {"manifest_json": given, "auth_token": OTHER_KEY})
    assert _rows(local, f"select {_CHECKED} from custom.parcels") == _rows(there, _THERE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"api_key": "phx_wrong"}, "api_key"),
        ({"project_id": 77}, ""),
        ({"url": "http://127.0.0.1:9"}, ""),
        ({"endpoints": "parcels, nothing"}, "The project has no active endpoint nothing. It has: asks, parcels."),
        ({"endpoints": "off"}, "The project has no active endpoint off."),
    ],
)
def test_what_is_wrong_is_said(local: Client, remote: tuple[Client, str], change: dict[str, Any], words: str) -> None:
    inputs = {"url": remote[1], "project_id": 1, "api_key": OTHER_KEY, **change}
    path = "/api/projects/1/external_data_sources/database_schema/"
    answer = local.http.post(path, json={"source_type": "Hedgerow", **inputs})
    assert answer.status_code == 400, answer.text
    assert words in answer.text
    assert answer.json()["message"]
    assert OTHER_KEY not in answer.text
