"""REST sources against a real HTTP server: conformance, ways of paging and of proof, limits, faults and refusals."""

from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.rest import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    ClientCredentials,
    Cursor,
    HeaderCursor,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    Paging,
)
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors.rest.shop import ORDERS, TABLE, config_of, connector_of, ids, orders
from tests.support.api_server import Answer, ApiServer, Asked
from tests.support.processes import free_port


class TestRest(ConnectorConformance):
    @pytest.fixture(params=["declared", "found out"])
    def case(self, server: ApiServer, request: pytest.FixtureRequest) -> Case:
        def locked(asked: Asked) -> Answer | None:
            if asked.headers.get("authorization") != "Bearer s3cret-token":
                return Answer({"error": {"message": "Invalid token: wr0ng-token"}}, 401)
            return None

        server.before = locked
        found_out = request.param == "found out"
        resource = orders(columns={}, open=True) if found_out else orders()
        rows = TABLE
        if found_out:
            rows = rows.append_column("mixed", pa.array([str(o["mixed"]) for o in ORDERS], pa.string()))
            rows = rows.append_column("late", pa.array([o.get("late") for o in ORDERS], pa.int64()))
            # As the first page shows it: its rows are all text there already.
            order = ["id", "created_at", "amount", "note", "tags", "paid", "mixed", "late"]
            rows = rows.select(order)
        return Case(
            connector=connector_of(resource),
            config=config_of(server),
            table="orders",
            rows=rows,
            primary_key=("id",),
            cursor="created_at",
            open=server.opened,
            refused={
                "a wrong token": (config_of(server, "wr0ng-token"), "credentials were not accepted"),
                "no URL": ({"url": "nowhere", "token": "s3cret-token"}, "address"),
                "a name that leads nowhere": ({"url": "http://nowhere.invalid", "token": "x"}, "could not be resolved"),
            },
            unreachable={"url": f"http://127.0.0.1:{free_port()}", "token": "s3cret-token"},
        )


def numbered(asked: Asked) -> Answer:
    page, size = int(asked.params.get("page", 1)), int(asked.params.get("size", 7))
    rows = ORDERS[(page - 1) * size : page * size]
    more = page * size < len(ORDERS)
    link = f'</v1/p?page={page + 1}>; rel="next", </v1/p?page=9>; rel="last"' if more else '</v1/p>; rel="first"'
    return Answer(
        {
            "rows": rows,
            "meta": {"pages": 4, "total": len(ORDERS)},
            "next": f"/v1/p?page={page + 1}" if more else None,
            "token": str(page + 1) if more else "",
            "end": not more,
        },
        headers={"Link": link, **({"X-Next": str(page + 1)} if more else {})},
    )


def skipped(asked: Asked) -> Answer:
    given = asked.json if asked.method == "POST" else asked.params
    offset = int(given.get("offset", 0))
    return Answer({"rows": ORDERS[offset : offset + min(int(given["limit"]), 10)], "total": len(ORDERS)})


@pytest.mark.parametrize(
    ("paging", "requests"),
    [
        (PageNumber(), 5),
        (PageNumber(total="meta.pages"), 4),
        (LinkHeader(), 4),
        (NextUrl("next"), 4),
        (Cursor("page", "token"), 4),
        (Cursor("page", "token", ended="end"), 4),
        (HeaderCursor("page", "X-Next"), 4),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else "",
)
def test_every_way_of_paging_reads_every_row_once(server: ApiServer, paging: Paging, requests: int) -> None:
    server.route("GET", "/v1/p", numbered)
    resource = orders(path="/v1/p", rows="rows", paging=paging, increment=None)
    assert sorted(ids(connector_of(resource), server)) == list(range(1, 26))
    assert len(server.requests) == requests


@pytest.mark.parametrize("total", [None, "total"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_offset_counts_the_rows_that_came(server: ApiServer, total: str | None, method: str) -> None:
    server.route(method, "/v1/s", skipped)  # gives ten though it is asked for a hundred
    into = "body." if method == "POST" else ""
    paging = Offset(100, f"{into}offset", f"{into}limit", total=total)
    resource = orders(path="v1/s", rows="rows", paging=paging, increment=None, method=method)
    assert sorted(ids(connector_of(resource), server)) == list(range(1, 26))
    assert len(server.requests) == (3 if total else 4)


def test_rows_that_shift_between_pages_come_once(server: ApiServer) -> None:
    added: list[dict[str, Any]] = []

    def shifting(asked: Asked) -> Answer:
        rows = [*reversed(added), *reversed(ORDERS)]
        page = int(asked.params["page"])
        added.append({**ORDERS[0], "id": 100 + page})  # someone adds a row after each page
        return Answer({"data": rows[(page - 1) * 10 : page * 10]})

    server.route("GET", "/v1/shift", shifting)
    found = ids(connector_of(orders(path="/v1/shift", paging=PageNumber(), increment=None)), server)
    assert len(found) == len(set(found))
    assert set(range(1, 26)) <= set(found)


@pytest.mark.parametrize("paging", [PageNumber(), Offset(10)])
def test_an_api_that_takes_no_notice_of_pages_is_named(server: ApiServer, paging: Paging) -> None:
    server.route("GET", "/v1/all", lambda _asked: Answer({"data": ORDERS}))
    with pytest.raises(Refused, match="same rows come for every page"):
        ids(connector_of(orders(path="/v1/all", paging=paging, increment=None)), server)


def test_a_circle_of_pages_is_named(server: ApiServer) -> None:
    def circling(asked: Asked) -> Answer:
        cursor = int(asked.params.get("c", 0))
        return Answer({"data": ORDERS[cursor : cursor + 2], "c": (cursor + 2) % 6 or "0"})

    server.route("GET", "/v1/circle", circling)
    with pytest.raises(Refused, match="circle"):
        ids(connector_of(orders(path="/v1/circle", paging=Cursor("c", "c"), increment=None)), server)


def test_another_host_never_gets_the_credentials(server: ApiServer) -> None:
    other = ApiServer()
    with other.running():
        server.route("GET", "/v1/away", lambda _asked: Answer({"data": ORDERS[:1], "next": f"{other.url}/v1/orders"}))
        server.route("GET", "/v1/moved", lambda _asked: Answer(None, 302, {"Location": f"{other.url}/v1/orders"}))
        for path in ("/v1/away", "/v1/moved"):
            with pytest.raises(Refused, match="another host"):
                ids(connector_of(orders(path=path, paging=NextUrl(), increment=None)), server)
        assert other.requests == []


def test_a_redirect_on_the_same_host_is_followed_with_the_proof(server: ApiServer) -> None:
    def moved(asked: Asked) -> Answer:
        return Answer(None, 301, {"Location": f"/v1/orders?after={asked.params.get('after', 99)}"})

    server.route("GET", "/v1/old", moved)
    server.route("GET", "/v1/loop", lambda _asked: Answer(None, 301, {"Location": "/v1/loop"}))
    connector = connector_of(orders(path="/v1/old"), auth=ApiKey("s3cret-token", "key", "query"))
    assert len(ids(connector, server)) == 25
    assert server.requests[1].params["key"] == "s3cret-token"
    with pytest.raises(Refused, match="without end"):
        ids(connector_of(orders(path="/v1/loop")), server)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Bearer("t"), "authorization", "Bearer t"),
        (Bearer("t", "token"), "authorization", "token t"),
        (Basic("me", "pä:ss"), "authorization", "Basic bWU6cMOkOnNz"),
        (ApiKey("k", "X-Key"), "x-key", "k"),
    ],
)
def test_ways_of_proof(server: ApiServer, auth: Auth, header: str, value: str) -> None:
    connector_of(orders(), auth=auth).check(config_of(server))
    assert server.requests[0].headers[header] == value


def test_a_key_in_the_query(server: ApiServer) -> None:
    assert len(ids(connector_of(orders(), auth=ApiKey("k", "api_key", "query")), server)) == 25
    assert all(asked.params["api_key"] == "k" for asked in server.requests)


def test_client_credentials_are_traded_for_a_token_and_again_when_it_ends(server: ApiServer) -> None:
    given: list[str] = []

    def trade(asked: Asked) -> Answer:
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        if b"client_secret=s3cret-token" not in asked.content:
            return Answer({"error": "invalid_client"}, 401)
        given.append(f"token-{len(given)}")
        return Answer({"access_token": given[-1], "expires_in": 3600})

    def locked(asked: Asked) -> Answer | None:
        if asked.path == "/token" or asked.headers.get("authorization") == f"Bearer {given[-1]}":
            return None
        return Answer({"message": "expired"}, 401)

    server.route("POST", "/token", trade)
    server.before = locked
    connector = connector_of(orders(), auth=ClientCredentials("/token", "me", "s3cret-token", "read"))
    reading = connector.read(config_of(server), Ask("orders"))
    assert sum(batch.num_rows for batch in reading) == 25
    assert given == ["token-0"]
    given.append("another")  # the server forgets the first token: it is renewed
    server.route("POST", "/token", trade)
    assert len(ids(connector, server)) == 25
    assert given[-1] == "token-2"
    with pytest.raises(Refused, match="invalid_client") as caught:
        connector_of(orders(), auth=ClientCredentials("/token", "me", "wrong")).check(config_of(server))
    assert caught.value.field == "token"
