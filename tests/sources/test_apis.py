"""Sources over HTTP APIs, through this server's own API: made, synced, synced again, queried."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sources.conftest import rows, settled
from tests.support.api_server import Answer, ApiServer, Asked
from tests.support.apps import Api
from tests.support.processes import start_server

KEY = "s3cret-key"


@pytest.fixture
def remote() -> Iterator[ApiServer]:
    server = ApiServer()
    with server.running():
        yield server


class Parcels:
    """An API nobody has heard of: two parcels a page, oldest change first; later pages are wider than the first."""

    def __init__(self, server: ApiServer) -> None:
        self.rows: list[dict[str, Any]] = [
            {"id": f"p{n}", "weight": n, "changed": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 5)
        ]
        self.rows[3] |= {"weight": 4.5, "note": "fragile"}
        server.route("GET", "/v1/parcels", self._list)
        server.before = lambda asked: None if asked.headers.get("x-key") == KEY else Answer({"message": "no"}, 401)

    def _list(self, asked: Asked) -> Answer:
        start = int(asked.params.get("cursor", 0))
        rows = [row for row in self.rows if row["changed"] >= asked.params.get("since", "")]
        following = start + 2 if start + 2 < len(rows) else None
        return Answer({"parcels": rows[start : start + 2], "next": following})


def manifest(server: ApiServer) -> str:
    resource = {
        "name": "parcels",
        "endpoint": {
            "path": "parcels",
            "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"},
            "incremental": {"cursor_path": "changed", "start_param": "since"},
        },
        "primary_key": "id",
    }
    client = {"base_url": f"{server.url}/v1", "auth": {"type": "api_key", "name": "X-Key"}}
    return json.dumps({"client": client, "resources": [resource]})


def payload(server: ApiServer, **changes: Any) -> dict[str, Any]:
    wish = {
        "name": "parcels",
        "should_sync": True,
        "sync_type": "incremental",
        "incremental_field": "changed",
        "incremental_field_type": "datetime",
    }
    return {"manifest_json": manifest(server), "auth_api_key": KEY, "schemas": [wish], **changes}


def test_an_api_nobody_has_heard_of_is_synced_and_kept_in_step(api: Api, remote: ApiServer) -> None:
    parcels = Parcels(remote)
    made = api.post("/external_data_sources", json={"source_type": "Custom", "payload": payload(remote)})
    assert made.status_code == 201, made.text
    assert KEY not in made.text
    source = settled(api, made.json()["id"])
    (schema,) = source["schemas"]
    assert schema["latest_error"] is None
    query = "SELECT id, weight, note FROM custom.parcels ORDER BY id"
    assert rows(api, query)[2:] == [["p3", 3.0, None], ["p4", 4.5, "fragile"]]
    parcels.rows[0] = {**parcels.rows[0], "weight": 10, "changed": "2026-02-01T00:00:00Z"}
    remote.requests.clear()
    assert api.post(f"/external_data_schemas/{schema['id']}/reload").status_code == 200
    settled(api, source["id"])
    assert rows(api, query)[0] == ["p1", 10.0, None]
    assert rows(api, "SELECT count() FROM custom.parcels") == [[4]]
    assert any("since" in asked.params for asked in remote.requests)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"manifest_json": "{}"}, "client: is required"),
        ({"auth_api_key": ""}, "needs auth_api_key"),
        ({"auth_api_key": "wrong"}, "answered 401: no"),
        ({"manifest_json": "{"}, "is not JSON"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    api: Api, remote: ApiServer, changes: dict[str, Any], words: str
) -> None:
    Parcels(remote)
    given = payload(remote, **changes)
    answer = api.post("/external_data_sources", json={"source_type": "Custom", "payload": given})
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert api.get("/external_data_sources").json()["count"] == 0


def test_the_wizard_offers_them(api: Api) -> None:
    wizard = api.get("/external_data_sources/wizard").json()
    for name in ("Custom", "Github", "Hubspot", "MySQL", "Stripe", "Zendesk"):
        assert not wizard[name]["unreleasedSource"]
        assert wizard[name]["fields"]


@pytest.mark.acceptance
def test_the_endpoint_of_another_project_is_a_table(api: Api, tmp_path: Path) -> None:
    """With the manifest of the documentation, against a real process."""
    page = (Path(__file__).parents[2] / "docs" / "sources" / "custom.md").read_text()
    told = json.loads(page.partition("### Another")[2].partition("```json")[2].partition("```")[0])
    with start_server(tmp_path / "other") as other:
        found = re.search(r"phx_\w+", other.log)
        assert found is not None
        with other.client(found[0]) as remote:
            content = "id,name\n" + "".join(f"{n},n{n}\n" for n in range(1, 2501))
            made = remote.post(
                "/api/projects/1/warehouse_tables/file/", files={"file": ("a.csv", content)}, data={"name": "parcels"}
            )
            assert made.status_code == 201, made.text
            query = {"kind": "HogQLQuery", "query": "SELECT id, name FROM parcels ORDER BY id"}
            made = remote.post("/api/projects/1/endpoints/", json={"name": "parcels", "query": query})
            assert made.status_code == 201, made.text
        told["client"]["base_url"] = f"{other.url}/api/projects/1"
        wish = {"name": "parcels", "should_sync": True, "sync_type": "full_refresh"}
        given = {"manifest_json": told, "auth_token": found[0], "schemas": [wish]}
        answer = api.post("/external_data_sources", json={"source_type": "Custom", "payload": given})
        assert answer.status_code == 201, answer.text
        source = settled(api, answer.json()["id"])
    assert [schema["latest_error"] for schema in source["schemas"]] == [None]
    assert rows(api, "SELECT count(), uniq(id), max(id) FROM custom.parcels") == [[2500, 2500, 2500]]


def test_deleted_rows_are_not_looked_for_where_keys_may_hide(api: Api, remote: ApiServer) -> None:
    Parcels(remote)
    wish = {**payload(remote)["schemas"][0], "key_sweep": "always"}
    body = {"source_type": "Custom", "payload": payload(remote, schemas=[wish])}
    refused = api.post("/external_data_sources", json=body)
    assert (refused.status_code, "all keys as of one moment" in refused.text) == (400, True)
    made = api.post("/external_data_sources", json={"source_type": "Custom", "payload": payload(remote)}).json()
    path = f"/external_data_schemas/{made['schemas'][0]['id']}"
    refused = api.patch(path, json={"key_sweep": "always"})
    assert (refused.status_code, refused.json()["attr"]) == (400, "key_sweep")
    assert api.patch(path, json={"key_sweep": "yearly"}).status_code == 400
    assert api.patch(path, json={"key_sweep": "never"}).json()["key_sweep"] == "never"
