"""REST sources when something is amiss: limits, faults, refusals, nonsense; and what is asked for of new rows."""

from datetime import timedelta

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, SourceError, Unreachable
from hedgerow.connectors.rest import (
    ApiKey,
    Increment,
    NextUrl,
    PageNumber,
    Paging,
    Parent,
    Resource,
    columns,
)
from hedgerow.kit.outgoing import OutgoingGuard
from tests.connectors.rest.shop import KNOWN, ORDERS, START, Waits, config_of, connector_of, ids, orders
from tests.support.api_server import Answer, ApiServer, Asked


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Answer({}, 429, {"Retry-After": "3"}), 3.0),
        (Answer({}, 429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}), 7.0),
        (Answer({"message": "secondary rate limit"}, 403, {"Retry-After": "60"}), 60.0),
        (Answer({}, 503), None),
        (Answer(drop=True), None),
    ],
)
def test_what_passes_is_tried_again(server: ApiServer, fault: Answer, wait: float | None) -> None:
    waits = Waits()
    connector = connector_of(orders(), patience=waits.patience())
    server.faults = [fault, fault]
    assert len(ids(connector, server)) == 25
    assert len(waits) == 2
    if wait is not None:
        assert waits == [wait, wait]
    else:
        assert 0 < waits[0] <= 1 < waits[1] <= 2


def test_a_limit_that_resets_at_an_instant(server: ApiServer) -> None:
    waits = Waits()
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000030"}
    server.faults = [Answer({}, 403, reset)]
    connector = connector_of(orders(), patience=waits.patience(clock=lambda: 1_800_000_000.0))
    assert len(ids(connector, server)) == 25
    assert waits == [30.0]


def test_patience_ends(server: ApiServer) -> None:
    waits = Waits()
    connector = connector_of(orders(), patience=waits.patience(attempts=3))
    server.faults = [Answer({"error": {"message": "down"}}, 500)] * 3
    with pytest.raises(Unreachable, match="GET /v1/orders answered 500: down") as caught:
        ids(connector, server)
    assert caught.value.retryable
    assert len(waits) == 2
    server.faults = [Answer({}, 429, {"Retry-After": "3600"})]
    with pytest.raises(Unreachable, match="asks to wait 3600 s"):
        ids(connector, server)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"error": {"message": "no s3cret-token here"}}, 404), "GET /v1/orders answered 404: no … here"),
        (Answer({"errors": [{"message": "bad"}]}, 400), "answered 400: bad"),
        (Answer(b"<html>", 200), "not JSON"),
        (Answer({"rows": []}, 200), "nothing at 'data'"),
        (Answer({"message": "no scope"}, 403), "A permission is missing"),
    ],
)
def test_refusals_say_where_and_why_but_no_secret(server: ApiServer, answer: Answer, words: str) -> None:
    server.faults = [answer]
    connector = connector_of(orders(), auth=ApiKey("s3cret-token", "key", "query"))
    with pytest.raises(Refused) as caught:
        ids(connector, server)
    assert words in caught.value.text
    assert "s3cret" not in caught.value.text
    assert not caught.value.retryable


def test_a_strict_server_reaches_no_internal_host(server: ApiServer) -> None:
    for url, words in (
        (server.url, "must use https"),
        (server.url.replace("http", "https"), "internal IP addresses"),
        ("https://localhost/x", "internal IP addresses"),
        ("https://me:pass@example.com", "credentials"),
    ):
        with pytest.raises(Refused, match=words) as caught:
            connector_of(orders(), guard=OutgoingGuard()).check({"url": url, "token": "t"})
        assert caught.value.field == "url"
    assert server.requests == []


def test_a_name_is_resolved_once_and_only_that_address_is_used(server: ApiServer) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> frozenset[str]:
        asked.append(host)
        return frozenset({"127.0.0.1"}) if len(asked) == 1 else frozenset({"192.0.2.1"})

    guard = OutgoingGuard(allow_private=True, resolver=resolver)
    config = {"url": server.url.replace("127.0.0.1", "shop.example.invalid"), "token": "t"}
    assert sum(b.num_rows for b in connector_of(orders(), guard=guard).read(config, Ask("orders"))) == 25
    assert asked == ["shop.example.invalid"]
    assert server.requests[0].headers["host"].startswith("shop.example.invalid:")


def test_only_new_rows_are_asked_for_and_reading_stops_at_known_ones(server: ApiServer) -> None:
    after = START + timedelta(hours=12)
    ask = Ask("orders", cursor="created_at", after=after)
    assert ids(connector_of(orders()), server, ask) == list(range(13, 26))
    assert server.requests[0].params["since"] == "2026-01-01T12:00:00Z"
    server.requests.clear()
    unfiltered = Increment("created_at", order="desc")
    assert ids(connector_of(orders(increment=unfiltered)), server, ask) == list(range(13, 26))
    assert len(server.requests) == 2


def test_rows_of_a_parent(server: ApiServer) -> None:
    def lines(asked: Asked, order: str) -> Answer:
        return Answer([{"line": n, "since": asked.params["for"]} for n in range(int(order) % 3)])

    server.route("GET", r"/v1/orders/([^/]+)/lines", lines)
    child = Resource(
        "lines",
        "/v1/orders/{order}/lines",
        columns=columns(integer="order_id line", string="since"),
        params={"for": "{order}"},
        key=("order_id", "line"),
        parent=Parent("orders", {"order": "id"}, carried={"order_id": "id"}),
    )
    connector = connector_of(orders(), child)
    connector.check(config_of(server))
    read = pa.Table.from_batches(list(connector.read(config_of(server), Ask("lines"))))
    assert read.num_rows == 25
    assert set(read.column("order_id").to_pylist()) == {n for n in range(1, 26) if n % 3}


def test_values_that_are_not_of_their_declared_kind_are_named(server: ApiServer) -> None:
    with pytest.raises(Refused, match="Column note of orders is declared as integer, and holds naïve"):
        ids(connector_of(orders(columns={**KNOWN, "note": "integer"})), server)


def test_a_page_without_end_is_cut(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.connectors.rest.client._PAGE_BYTES", 1000)
    with pytest.raises(Refused, match="larger than"):
        ids(connector_of(orders()), server)


def test_secrets_are_in_no_log(server: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ids(connector_of(orders(), auth=ApiKey("s3cret-token", "key", "query")), server)
    assert "s3cret" not in caplog.text


def test_errors_are_source_errors(server: ApiServer) -> None:
    connector = connector_of(orders())
    with pytest.raises(SourceError, match="by amount"):
        list(connector.read(config_of(server), Ask("orders", cursor="amount")))
    with pytest.raises(SourceError, match="no column nowhere"):
        list(connector.read(config_of(server), Ask("orders", columns=("nowhere",))))


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://exa mple.com", "http://a:b:c", "http://\u0000", "https://x:99999"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        connector_of(orders()).check({"url": url, "token": "t"})
    assert caught.value.field == "url"


@pytest.mark.parametrize("token", ["tökén", "a\nb", "a\x00"])
def test_what_no_header_can_hold_is_refused(server: ApiServer, token: str) -> None:
    with pytest.raises(Refused, match="no header can") as caught:
        connector_of(orders()).check(config_of(server, token))
    assert caught.value.field == "token"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"no gzip", headers={"Content-Encoding": "gzip"}), "cannot be unpacked"),
        (Answer(None, 302, {"Location": "http://[nowhere"}), "no address"),
        (Answer({"data": ORDERS[:1], "next": "http://[nowhere"}), "no address"),
        (Answer({"data": ORDERS[:1], "total": "many"}), "should be a number"),
        (Answer(b'{"data": [{"id": 1e999}]}'), "holds Infinity"),
    ],
)
def test_nonsense_is_named(server: ApiServer, answer: Answer, words: str) -> None:
    server.faults = [answer]
    paging: Paging = PageNumber(total="total") if words == "should be a number" else NextUrl()
    with pytest.raises(Refused, match=words):
        ids(connector_of(orders(paging=paging, increment=None)), server)


def test_half_a_character_is_no_reason_to_stop(server: ApiServer) -> None:
    server.faults = [Answer(b'{"data": [{"id": 1, "note": "a\\ud800b"}], "has_more": false}')]
    (batch,) = connector_of(orders(increment=None)).read(config_of(server), Ask("orders"))
    assert batch.to_pylist()[0]["note"] == "a?b"
