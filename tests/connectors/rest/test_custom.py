"""Custom sources: APIs that nobody here has heard of, connected by a manifest against a real HTTP server."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, RemoteTable
from hedgerow.connectors.custom import custom_connector
from hedgerow.connectors.custom.manifest import Client, Endpoint, Incremental, Paginator, Resource
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.connectors.rest.kinds import ARROW, KINDS
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.support.api_server import Answer, ApiServer, Asked
from tests.support.processes import free_port

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICKETS = [
    {
        "id": f"t{n:03}",
        "type": "tickets",
        "attributes": {
            "title": f"Ticket {n} 🌼",
            "changed": (START + timedelta(minutes=n)).isoformat(),
            "votes": n,
            "score": n / 4,
            "labels": ["a", n],
            "due": f"2026-04-{n % 28 + 1:02}",
        },
        "owner": {"id": n % 3},
    }
    for n in range(1, 31)
]
WANTED = pa.table(
    {
        "id": pa.array([t["id"] for t in TICKETS], pa.string()),
        "type": pa.array(["tickets"] * 30, pa.string()),
        "attributes_title": pa.array([f"Ticket {n} 🌼" for n in range(1, 31)], pa.string()),
        "attributes_changed": pa.array([START + timedelta(minutes=n) for n in range(1, 31)], pa.timestamp("us", "UTC")),
        "attributes_votes": pa.array(range(1, 31), pa.int64()),
        "attributes_score": pa.array([n / 4 for n in range(1, 31)], pa.float64()),
        "attributes_labels": pa.array([f'["a",{n}]' for n in range(1, 31)], pa.string()),
        "attributes_due": pa.array(
            [datetime(2026, 4, n % 28 + 1, tzinfo=UTC).date() for n in range(1, 31)], pa.date32()
        ),
        "owner": pa.array([f'{{"id":{n % 3}}}' for n in range(1, 31)], pa.string()),
    }
)


def tickets(asked: Asked) -> Answer:
    since = datetime.fromisoformat(asked.params.get("filter[since]", "2000-01-01T00:00:00Z"))
    rows = [t for t in TICKETS if datetime.fromisoformat(t["attributes"]["changed"]) >= since]  # type: ignore[index]
    start = int(asked.params.get("page[cursor]") or 0)
    following = start + 8 if start + 8 < len(rows) else None
    return Answer({"payload": {"items": rows[start : start + 8]}, "meta": {"page": {"next": following}}})


@pytest.fixture
def server() -> Iterator[ApiServer]:
    api = ApiServer()
    api.route("GET", "/api/v3/tickets", tickets)
    with api.running():
        yield api


@pytest.fixture
def connector() -> RestConnector:
    return custom_connector(OutgoingGuard(allow_private=True), Patience(sleep=lambda _seconds: None))


TICKET_RESOURCE = {
    "name": "tickets",
    "endpoint": {
        "path": "tickets",
        "data_selector": "payload.items",
        "paginator": {"type": "cursor", "cursor_path": "meta.page.next", "cursor_param": "page[cursor]"},
        "incremental": {"cursor_path": "attributes.changed", "start_param": "filter[since]"},
    },
    "primary_key": "id",
    "flatten": ["attributes"],
}


def config_of(
    server: ApiServer, *resources: Any, client: dict[str, Any] | None = None, **secrets: str
) -> dict[str, Any]:
    manifest = {"client": {"base_url": f"{server.url}/api/v3", **(client or {})}, "resources": resources}
    return {"manifest_json": json.dumps(manifest), **secrets}


def read(connector: RestConnector, config: dict[str, Any], table: str) -> list[dict[str, Any]]:
    return [row for batch in connector.read(config, Ask(table)) for row in batch.to_pylist()]


class TestCustom(ConnectorConformance):
    @pytest.fixture
    def case(self, server: ApiServer, connector: RestConnector) -> Case:
        def locked(asked: Asked) -> Answer | None:
            known = asked.headers.get("authorization") == "Bearer s3cret"
            return None if known else Answer({"errors": [{"detail": "?"}], "message": "who are you"}, 401)

        server.before = locked
        bearer = {"auth": {"type": "bearer"}}
        config = config_of(server, TICKET_RESOURCE, client=bearer, auth_token="s3cret")
        elsewhere = ApiServer()
        elsewhere.url = f"http://127.0.0.1:{free_port()}"
        lost = {**TICKET_RESOURCE, "endpoint": {"path": "tickets", "data_selector": "payload.rows"}}
        return Case(
            connector=connector,
            config=config,
            table="tickets",
            rows=WANTED,
            primary_key=("id",),
            cursor="attributes_changed",
            open=server.opened,
            refused={
                "a wrong token": ({**config, "auth_token": "wr0ng"}, "who are you"),
                "no token": (config_of(server, TICKET_RESOURCE, client=bearer), "needs auth_token"),
                "no JSON": ({"manifest_json": "{"}, "not JSON"),
                "no rows there": (config_of(server, lost, client=bearer, auth_token="s3cret"), "'payload.rows'"),
            },
            unreachable=config_of(elsewhere, TICKET_RESOURCE, client=bearer, auth_token="s3cret"),
        )


def test_only_what_is_new_is_asked_for(server: ApiServer, connector: RestConnector) -> None:
    ask = Ask("tickets", cursor="attributes_changed", after=START + timedelta(minutes=28, microseconds=5))
    rows = [r for b in connector.read(config_of(server, TICKET_RESOURCE), ask) for r in b.to_pylist()]
    assert [row["id"] for row in rows] == ["t029", "t030"]
    assert server.requests[-1].params["filter[since]"] == "2026-03-01T12:28:00Z"


CLIENT = {"base_url": "https://api.example.com"}
ONE = {"name": "a", "endpoint": {"path": "a"}}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ([], "manifest: "),
        ({}, "client: is required; resources: is required"),
        ({"client": {}, "resources": [ONE]}, "client.base_url: is required"),
        ({"client": {"base_url": "api.example.com"}, "resources": [ONE]}, "client.base_url: must be an address"),
        ({"client": CLIENT, "resources": []}, "resources: "),
        ({"client": CLIENT, "resources": [ONE, {"name": "A", "endpoint": "b"}]}, "more than one resource is called a"),
        ({"client": CLIENT, "resources": [{"name": "a b", "endpoint": "x"}]}, "resources[0].name: "),
        ({"client": CLIENT, "resources": [{"name": "a"}]}, "resources[0].endpoint: is required"),
        ({"client": CLIENT, "resources": [{**ONE, "keys": 1}]}, "resources[0].keys: is not known here"),
        (
            {"client": CLIENT, "resources": [ONE, {"name": "b", "endpoint": {"path": "b", "method": "PUT"}}]},
            "resources[1].endpoint.method: ",
        ),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": {"paginator": {"type": "offset"}}}]},
            "resources[0].endpoint.paginator.limit: is required",
        ),
        ({"client": {**CLIENT, "paginator": "pages"}, "resources": [ONE]}, "client.paginator: "),
        (
            {"client": {**CLIENT, "auth": {"type": "bearer", "token": "x"}}, "resources": [ONE]},
            "give token as auth_token",
        ),
        ({"client": {**CLIENT, "headers": {"X-Api-Key": "x"}}, "resources": [ONE]}, "client.headers: X-Api-Key looks"),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": {"params": {"access_token": "x"}}}]},
            "resources[0].endpoint.params: access_token looks",
        ),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": {"data_selector": "a..b"}}]},
            "resources[0].endpoint.data_selector: 'a..b' is no path",
        ),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": "b/{c}"}]},
            "resources[0].endpoint.path: {c} stands for nothing",
        ),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": "b/{resources.z.id}"}]},
            "resources[0].endpoint.path: there is no resource z before",
        ),
        (
            {"client": CLIENT, "resources": [{"name": "a", "endpoint": "https://evil.example/x"}]},
            "must be a path below",
        ),
        (
            {"client": CLIENT, "resources": [{**ONE, "primary_key": ["x.y"]}]},
            "resources[0].primary_key: x.y is inside x; name x in flatten",
        ),
        ({"client": CLIENT, "resources": [{**ONE, "columns": {"x": "text"}}]}, "resources[0].columns.x: "),
    ],
)
def test_what_is_wrong_is_named_by_its_path(connector: RestConnector, manifest: Any, words: str) -> None:
    for given in (manifest, json.dumps(manifest)):
        with pytest.raises(Refused) as caught:
            connector.check({"manifest_json": given})
        assert words in caught.value.text
        assert caught.value.field == "manifest_json"


def test_secrets_go_to_the_hosts_that_the_manifest_names_only(connector: RestConnector) -> None:
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": "https://Login.example.com/token",
        "client_id": "me",
    }
    manifest = {"client": {**CLIENT, "auth": auth}, "resources": [ONE]}
    hosts = connector.declaration.hosts
    assert hosts({"manifest_json": manifest}) == {"api.example.com", "login.example.com"}
    plain = {"client": {**CLIENT, "base_url": "http://API.example.com:8080/v1"}, "resources": [ONE]}
    assert hosts({"manifest_json": plain}) == {"http://api.example.com:8080"}
    assert hosts({"manifest_json": "nonsense"}) == hosts({}) == frozenset()


def test_every_resource_is_probed(server: ApiServer, connector: RestConnector) -> None:
    server.route("GET", "/api/v3/closed", lambda _asked: Answer({"message": "no"}, 403))
    gone = {"name": "gone", "endpoint": "gone"}
    closed = {"name": "closed", "endpoint": "closed"}
    with pytest.raises(Refused, match="GET /api/v3/gone answered 404: Not Found"):
        connector.check(config_of(server, TICKET_RESOURCE, gone))
    with pytest.raises(Refused, match="lack permissions for closed"):
        connector.check(config_of(server, TICKET_RESOURCE, closed))


@pytest.mark.parametrize("form", ["placeholder", "resolve"])
def test_resources_that_hang_on_others(server: ApiServer, connector: RestConnector, form: str) -> None:
    def replies(asked: Asked, ticket: str) -> Answer:
        if asked.params.get("of") not in {None, ticket}:
            return Answer(None, 400)
        return Answer([{"n": n, "text": f"{ticket}/{n}"} for n in range(int(ticket[1:]) % 2)])

    server.route("GET", r"/api/v3/tickets/([^/]+)/replies", replies)
    endpoint: dict[str, Any] = {
        "path": "tickets/{resources.tickets.id}/replies",
        "params": {"of": "{resources.tickets.id}"},
    }
    if form == "resolve":
        resolve = {"type": "resolve", "resource": "tickets", "field": "id"}
        endpoint = {"path": "tickets/{ticket}/replies", "params": {"ticket": resolve}}
    child = {
        "name": "replies",
        "endpoint": endpoint,
        "primary_key": ["_tickets_id", "n"],
        "include_from_parent": ["id"],
    }
    config = config_of(server, TICKET_RESOURCE, child)
    found = {table.name: table for table in connector.discover(config)}
    assert found["replies"].primary_key == ("_tickets_id", "n")
    rows = read(connector, config, "replies")
    assert len(rows) == 15
    assert rows[0] == {"_tickets_id": "t001", "n": 0, "text": "t001/0"}


def test_a_search_by_post_with_the_cursor_in_the_body(server: ApiServer, connector: RestConnector) -> None:
    def search(asked: Asked) -> Answer:
        page = asked.json["page"]
        start = page.get("after", 0)
        assert asked.json["query"] == "open"
        rows = [{"n": n} for n in range(start, min(start + page["size"], 10))]
        return Answer({"hits": rows, "after": start + page["size"], "more": start + page["size"] < 10})

    server.route("POST", "/api/v3/search", search)
    resource = {
        "name": "found",
        "endpoint": {
            "path": "search",
            "method": "POST",
            "json": {"query": "open", "page": {"size": 4}},
            "paginator": {
                "type": "cursor",
                "cursor_path": "after",
                "cursor_body_path": "page.after",
                "has_more_path": "more",
            },
        },
    }
    assert [row["n"] for row in read(connector, config_of(server, resource), "found")] == list(range(10))


@pytest.mark.parametrize(
    "document",
    [
        lambda page, more: {"results": page, "next": "/api/v3/auto?page=2" if more else None},
        lambda page, more: {"count": 5, "paging": {"next": "?page=2" if more else ""}, "whatever": page},
        lambda page, _more: page,
    ],
)
def test_links_and_rows_are_found_without_being_told(
    server: ApiServer, connector: RestConnector, document: Any
) -> None:
    def answer(asked: Asked) -> Answer:
        more = asked.params.get("page") != "2"
        page = [{"n": 1}, {"n": 2}] if more else [{"n": 3}]
        return Answer(document(page, more), headers={"Link": '<?page=2>; rel="next"'} if more else {})

    server.route("GET", "/api/v3/auto", answer)
    rows = read(connector, config_of(server, {"name": "auto", "endpoint": "auto"}), "auto")
    assert [row["n"] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize("document", [{"data": [1], "has_more": True}, {"data": [1], "meta": {"next_cursor": "x"}}])
def test_rows_are_never_left_out_in_silence(server: ApiServer, connector: RestConnector, document: Any) -> None:
    server.route("GET", "/api/v3/auto", lambda _asked: Answer(document))
    with pytest.raises(Refused, match="set a paginator"):
        read(connector, config_of(server, {"name": "auto", "endpoint": "auto"}), "auto")


def test_lists_that_could_both_be_the_rows_are_asked_about(server: ApiServer, connector: RestConnector) -> None:
    server.route("GET", "/api/v3/two", lambda _asked: Answer({"cats": [1], "dogs": [2]}))
    with pytest.raises(Refused, match="set a data_selector"):
        read(connector, config_of(server, {"name": "two", "endpoint": "two"}), "two")
    assert read(connector, config_of(server, {"name": "dogs", "endpoint": "two"}), "dogs") == [{"value": 2}]


def test_declared_kinds_come_first(server: ApiServer, connector: RestConnector) -> None:
    rows = [{"price": "12.50", "at": 1767225600, "zip": "01234", "empty": None}, {"price": 3, "at": None, "zip": 9}]
    server.route("GET", "/api/v3/kinds", lambda _asked: Answer(rows))
    kinds = {"price": "decimal", "at": "datetime", "zip": "string", "missing": "boolean"}
    resource = {"name": "kinds", "endpoint": "kinds", "columns": kinds}
    config = config_of(server, resource)
    (table,) = connector.discover(config)
    assert _kinds(table) == {**kinds, "empty": "string"}
    first, second = read(connector, config, "kinds")
    assert first["price"] == pytest.approx(12.5)
    assert first["at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert (first["zip"], second["zip"], first["missing"]) == ("01234", "9", None)


def _kinds(table: RemoteTable) -> dict[str, str]:
    return {column.name: column.remote_type for column in table.columns}


@pytest.mark.parametrize(
    ("auth", "secret", "wanted"),
    [
        ({"type": "api_key", "name": "X-Key"}, {"auth_api_key": "k"}, ("x-key", "k")),
        ({"type": "http_basic", "username": "me"}, {"auth_password": "p"}, ("authorization", "Basic bWU6cA==")),
        ({"type": "http_basic", "username": "key"}, {}, ("authorization", "Basic a2V5Og==")),
    ],
)
def test_secrets_beside_the_manifest_are_used(
    server: ApiServer, connector: RestConnector, auth: Any, secret: dict[str, str], wanted: tuple[str, str]
) -> None:
    client = {"auth": auth, "headers": {"X-Version": "3"}, "params": {"locale": "en"}}
    connector.check(config_of(server, TICKET_RESOURCE, client=client, **secret))
    asked = server.requests[0]
    assert asked.headers[wanted[0]] == wanted[1]
    assert (asked.headers["x-version"], asked.params["locale"]) == ("3", "en")


def test_the_documentation_tells_every_kind_and_every_key() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sources" / "custom.md").read_text()
    rows = {
        line.split("|")[1].strip(): line.split("|")[3].strip() for line in text.splitlines() if line.count("|") == 4
    }
    assert {f"`{kind}`": str(ARROW[kind]) for kind in KINDS}.items() <= rows.items()
    keys = [Client, Resource, Endpoint, Incremental, *get_args(get_args(Paginator)[0])]
    names = {field.alias or name for model in keys for name, field in model.model_fields.items()}
    # Keys of one value, taken so that manifests written for other tools are read.
    names -= {"stop_after_empty_page"}
    assert not [name for name in names if name not in text and not name.endswith("_body_path")]


def test_columns_that_turn_out_wider_are_read_again_and_then_known(server: ApiServer, connector: RestConnector) -> None:
    pages = [[{"id": 1, "v": 1}], [{"id": 2, "v": 2.5}], [{"id": 3, "v": "many", "late": True}]]

    def answer(asked: Asked) -> Answer:
        page = int(asked.params.get("page", 1))
        return Answer({"data": pages[page - 1] if page <= len(pages) else []})

    server.route("GET", "/api/v3/drift", answer)
    resource = {"name": "drift", "endpoint": {"path": "drift", "paginator": "page_number"}, "primary_key": "id"}
    config = config_of(server, resource)
    table = connector.find(config, "drift")
    assert table is not None
    assert _kinds(table) == {"id": "integer", "v": "integer"}
    asked = Ask("drift", columns=tuple(column.name for column in table.columns))
    with pytest.raises(Refused, match="turned out wider than they began: v, late") as caught:
        list(connector.read(config, asked))
    assert caught.value.retryable
    table = connector.find(config, "drift")
    assert table is not None
    assert _kinds(table) == {"id": "integer", "v": "string", "late": "boolean"}
    asked = Ask("drift", columns=tuple(column.name for column in table.columns))
    rows = [row for batch in connector.read(config, asked) for row in batch.to_pylist()]
    assert [row["v"] for row in rows] == ["1", "2.5", "many"]
    assert connector.find({**config, "auth_token": "another"}, "drift") != table  # nothing is told to another source


@pytest.mark.parametrize(
    "names", [["id", "name"], [{"name": "id", "type": "int"}, {"name": "name", "type": "str"}], None]
)
def test_rows_that_are_lists_get_names(server: ApiServer, connector: RestConnector, names: Any) -> None:
    server.route("GET", "/api/v3/lists", lambda _asked: Answer({"columns": names, "rows": [[1, "a"], [2, "b"]]}))
    endpoint = {"path": "lists", "data_selector": "rows"}
    if names is None:
        resource = {"name": "lists", "endpoint": endpoint, "columns": {"id": "integer", "name": "string"}}
    else:
        selector = "columns" if names[0] == "id" else "columns[*].name"
        resource = {"name": "lists", "endpoint": {**endpoint, "columns_selector": selector}, "primary_key": "id"}
    rows = read(connector, config_of(server, resource), "lists")
    assert rows == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_lists_of_another_length_are_named(server: ApiServer, connector: RestConnector) -> None:
    server.route("GET", "/api/v3/lists", lambda _asked: Answer({"columns": ["id"], "rows": [[1], [1, 2]]}))
    endpoint = {"path": "lists", "data_selector": "rows", "columns_selector": "columns"}
    with pytest.raises(Refused, match="Rows of lists come as lists"):
        read(connector, config_of(server, {"name": "lists", "endpoint": endpoint}), "lists")


def test_a_graphql_api(server: ApiServer, connector: RestConnector) -> None:
    query = "query($after: String) { issues(after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }"

    def graphql(asked: Asked) -> Answer:
        if asked.json["query"] != query:
            return Answer({"errors": [{"message": "Field 'isues' doesn't exist"}], "data": None})
        start = int(asked.json["variables"].get("after") or 0)
        info = {"endCursor": str(start + 2), "hasNextPage": start + 2 < 5}
        nodes = [{"id": n} for n in range(start, min(start + 2, 5))]
        return Answer({"data": {"issues": {"nodes": nodes, "pageInfo": info}}})

    server.route("POST", "/api/v3/graphql", graphql)

    def resource(text: str) -> dict[str, Any]:
        paginator = {
            "type": "cursor",
            "cursor_path": "data.issues.pageInfo.endCursor",
            "cursor_body_path": "variables.after",
            "has_more_path": "data.issues.pageInfo.hasNextPage",
        }
        endpoint = {
            "path": "graphql",
            "method": "POST",
            "json": {"query": text, "variables": {}},
            "paginator": paginator,
        }
        return {"name": "issues", "endpoint": {**endpoint, "data_selector": "data.issues.nodes"}}

    assert [row["id"] for row in read(connector, config_of(server, resource(query)), "issues")] == [0, 1, 2, 3, 4]
    with pytest.raises(Refused, match=r"nothing at 'data.issues.nodes' of the answer: Field 'isues' doesn't exist"):
        connector.check(config_of(server, resource("query { isues }")))


def test_a_resource_without_any_row_yet_has_its_key(server: ApiServer, connector: RestConnector) -> None:
    server.route("GET", "/api/v3/empty", lambda _asked: Answer({"data": []}))
    config = config_of(server, {"name": "empty", "endpoint": "empty", "primary_key": "id"})
    connector.check(config)
    (table,) = connector.discover(config)
    assert _kinds(table) == {"id": "string"}
    assert list(connector.read(config, Ask("empty", columns=("id",)))) == []
