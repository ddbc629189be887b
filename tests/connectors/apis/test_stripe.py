"""Stripe, against a server that plays its documented API."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Moved, Onward, Refused, Unreachable
from hedgerow.connectors.apis.stripe import CHARGE, DECLARATION, RESOURCES, VERSION, api_of, normalised
from hedgerow.connectors.custom import custom_connector
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.connectors.rest.kinds import ARROW
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors.apis.stripe_server import ACCOUNT, KEY, RESTRICTED, StripeServer, limited
from tests.support.processes import free_port

GUARD = OutgoingGuard(allow_private=True)
FIRST = 1_767_225_600
CHARGES = [
    {
        "id": f"ch_{n:03}",
        "object": "charge",
        "created": FIRST + n * 60,
        "amount": 2000 + n,
        "amount_captured": 2000 + n,
        "amount_refunded": 0,
        "currency": "eur",
        "customer": f"cus_{n % 3}" if n % 2 else None,
        "description": f"Order {n} 🌼",
        "captured": True,
        "paid": n % 5 != 0,
        "status": "failed" if n % 5 == 0 else "succeeded",
        "refunded": False,
        "disputed": False,
        "livemode": False,
        "metadata": {"order": str(n)},
        "billing_details": {"address": {"city": None, "country": "DE"}, "email": None},
        "outcome": {"risk_score": 5, "seller_message": "Payment complete."},
        "a_field_of_next_year": [n],
    }
    for n in range(1, 251)
]


def _expected() -> pa.Table:
    def cell(row: dict[str, Any], name: str) -> Any:
        value = row.get(name)
        return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value

    return pa.table(
        {name: pa.array([cell(row, name) for row in CHARGES], ARROW[kind]) for name, kind in CHARGE.items()}
    )


@pytest.fixture
def server() -> Iterator[StripeServer]:
    stripe = StripeServer(VERSION)
    stripe.objects["charges"] = list(CHARGES)
    stripe.objects["customers"] = [{"id": f"cus_{n}", "object": "customer", "created": FIRST + n} for n in range(3)]
    for n in range(3):
        rows = [{"id": f"cbtxn_{n}_{m}", "customer": f"cus_{n}", "created": FIRST + 10 * m + n} for m in range(120 * n)]
        stripe.objects[f"customers/cus_{n}/balance_transactions"] = rows
    stripe.objects["subscriptions"] = [
        {"id": f"sub_{status}", "created": FIRST, "status": status} for status in ("active", "canceled", "past_due")
    ]
    stripe.objects["invoiceitems"] = [{"id": f"ii_{n}", "date": FIRST + n} for n in range(5)]
    with stripe.running():
        yield stripe


def connector_of(server: StripeServer, patience: Patience | None = None) -> RestConnector:
    return RestConnector(DECLARATION, api_of, GUARD, patience or Patience(sleep=lambda _s: None), base_url=server.url)


def config_of(key: str = KEY, **more: str) -> dict[str, Any]:
    return {"auth_method": {"selection": "api_key", "stripe_secret_key": key}, **more}


def read(server: StripeServer, ask: Ask) -> list[dict[str, Any]]:
    return [row for batch in connector_of(server).read(config_of(), ask) for row in batch.to_pylist()]


class TestStripe(ConnectorConformance):
    @pytest.fixture
    def case(self, server: StripeServer) -> Case:
        server.denied = {"invoices", "payouts"}
        return Case(
            connector=connector_of(server),
            config=config_of(),
            table="Charge",
            rows=_expected(),
            primary_key=("id",),
            cursor="created",
            open=server.opened,
            refused={
                "a wrong key": (config_of("sk_test_wrong_key"), "Invalid API Key provided"),
                "a key that may not read all": (
                    config_of(RESTRICTED),
                    "Stripe credentials lack permissions for Invoice, Payout",
                ),
                "another account": (config_of(stripe_account_id="acct_other"), "lack permissions"),
            },
        )


def test_nobody_there_may_be_tried_again() -> None:
    lost = StripeServer(VERSION)
    lost.url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable):
        connector_of(lost).check(config_of())


def test_every_table_is_there_with_its_key_and_its_cursor(server: StripeServer) -> None:
    tables = {table.name: table for table in connector_of(server).discover(config_of())}
    assert set(tables) >= {
        *(
            "BalanceTransaction",
            "Charge",
            "Customer",
            "Dispute",
            "InvoiceItem",
            "Invoice",
            "Payout",
            "Price",
            "Product",
        ),
        *("Refund", "Subscription", "CreditNote", "CustomerBalanceTransaction", "CustomerPaymentMethod", "Coupon"),
    }
    for name, table in tables.items():
        (cursor,) = table.cursors
        assert (cursor.field, cursor.type) == ("date" if name == "InvoiceItem" else "created", "integer")
        assert cursor.label == "created_at"
        told = name not in {"BalanceTransaction", "CustomerBalanceTransaction"}
        assert table.sync_types == ("full_refresh", "append", *(("webhook",) if told else ()))
        assert table.primary_key == ("id",)
        assert len({column.name for column in table.columns}) == len(table.columns)


def test_every_table_can_be_read(server: StripeServer) -> None:
    for resource in RESOURCES:
        read(server, Ask(resource.name))
    assert all(asked.headers["stripe-version"] == VERSION for asked in server.requests)


def test_only_what_was_made_since_is_asked_for(server: StripeServer) -> None:
    after = FIRST + 240 * 60
    rows = read(server, Ask("Charge", cursor="created", after=after))
    assert [row["id"] for row in rows] == [f"ch_{n:03}" for n in range(241, 251)]
    assert server.requests[-1].params == {"limit": "100", "created[gte]": str(after)}
    assert len(server.requests) == 1


def test_charges_of_the_last_second_come_again(server: StripeServer) -> None:
    last = CHARGES[-1]
    server.objects["charges"] += [{**last, "id": "ch_same_second"}]
    (table,) = [t for t in connector_of(server).discover(config_of()) if t.name == "Charge"]
    cursor = table.cursor("created")
    assert cursor is not None
    ask = Ask("Charge", cursor="created", after=int(str(last["created"])), inclusive=cursor.inclusive)
    assert {row["id"] for row in read(server, ask)} == {"ch_250", "ch_same_second"}


def test_pages_of_lists_of_customers(server: StripeServer) -> None:
    rows = read(server, Ask("CustomerBalanceTransaction", cursor="created"))
    assert len(rows) == len({row["id"] for row in rows}) == 360
    assert [row["created"] for row in rows] == sorted(row["created"] for row in rows)
    server.requests.clear()
    after = FIRST + 10 * 238
    new = read(server, Ask("CustomerBalanceTransaction", cursor="created", after=after))
    assert [row["id"] for row in new] == ["cbtxn_2_238", "cbtxn_2_239"]
    # Customers, and the first page of each: it ends at what is known already.
    assert len(server.requests) == 4


def test_canceled_subscriptions_and_dated_items_come_too(server: StripeServer) -> None:
    assert {row["status"] for row in read(server, Ask("Subscription"))} == {"active", "canceled", "past_due"}
    rows = read(server, Ask("InvoiceItem", cursor="date", after=FIRST + 2))
    assert [row["id"] for row in rows] == ["ii_3", "ii_4"]


def test_it_waits_as_long_as_stripe_asks(server: StripeServer) -> None:
    waits: list[float] = []
    server.faults = [limited(**{"Retry-After": "2"}), limited()]
    connector = connector_of(server, Patience(sleep=waits.append))
    assert sum(batch.num_rows for batch in connector.read(config_of(), Ask("Charge"))) == 250
    assert waits[0] == 2.0
    assert len(waits) == 2
    server.faults = [limited()] * 10
    with pytest.raises(Unreachable, match="answered 429: Request rate limit exceeded"):
        list(connector.read(config_of(), Ask("Charge")))
    assert len(server.faults) == 4


def test_who_waits_for_a_form_is_not_kept_long(server: StripeServer) -> None:
    waits: list[float] = []
    server.faults = [limited(**{"Retry-After": "30"})]
    with pytest.raises(Unreachable, match="asks to wait 30 s"):
        connector_of(server, Patience(sleep=waits.append)).check(config_of())
    assert waits == []


def test_a_connected_account_is_named(server: StripeServer) -> None:
    connector_of(server).check(config_of(stripe_account_id=ACCOUNT))
    assert {asked.headers.get("stripe-account") for asked in server.requests} == {ACCOUNT}


def test_search_pages_by_a_manifest(server: StripeServer) -> None:
    resource = {
        "name": "failed",
        "endpoint": {
            "path": "charges/search",
            "params": {"query": "status:'failed'", "limit": 20},
            "data_selector": "data",
            "paginator": {
                "type": "cursor",
                "cursor_path": "next_page",
                "cursor_param": "page",
                "has_more_path": "has_more",
            },
        },
        "primary_key": "id",
    }
    client = {"base_url": f"{server.url}/v1", "auth": {"type": "bearer"}, "headers": {"Stripe-Version": VERSION}}
    config = {"manifest_json": json.dumps({"client": client, "resources": [resource]}), "auth_token": KEY}
    batches = list(custom_connector(GUARD).read(config, Ask("failed")))
    assert sum(batch.num_rows for batch in batches) == 50


@pytest.mark.parametrize(
    "given",
    [
        {"client_secret": "sk_1", "account_id": "acct_1"},
        {"stripe_secret_key": "sk_1", "stripe_account_id": "acct_1"},
        {"auth_method": {"type": "api_key", "stripe_secret_key": "sk_1"}, "account_id": "acct_1"},
        {"auth_method": "api_key", "stripe_secret_key": "sk_1", "account_id": "acct_1"},
        {"auth_method": {"selection": "api_key", "stripe_secret_key": "sk_1"}, "stripe_account_id": "acct_1"},
    ],
)
def test_older_ways_of_giving_the_key(given: dict[str, Any]) -> None:
    assert normalised(given) == config_of("sk_1", stripe_account_id="acct_1")


@pytest.mark.parametrize("given", [{}, {"auth_method": None}, {"auth_method": 3}, {"client_secret": {}}])
def test_nonsense_is_borne(given: dict[str, Any]) -> None:
    normalised(given)


def test_an_error_in_the_middle_says_where(server: StripeServer) -> None:
    reading = connector_of(server).read(config_of(), Ask("Charge", batch_rows=50))
    next(reading)
    server.denied = {"charges"}
    server.before = lambda _asked: None
    server.objects["charges"] = []  # the row that the next page begins after is gone
    with pytest.raises(Refused, match="GET /v1/charges answered 404: No such charge"):
        list(reading)


def test_a_list_is_gone_on_with_behind_the_last_page(server: StripeServer) -> None:
    connector = RestConnector(DECLARATION, api_of, GUARD, base_url=server.url)
    config = normalised({"client_secret": KEY})
    ask = Ask("Charge", ("id", "created"), "created")
    first = list(islice(connector.steps(config, ask, Onward(None, lambda: True)), 2))
    assert first[0].batch is not None
    assert (first[0].batch.num_rows, first[1].place) == (100, {"last": "ch_151"})
    server.requests.clear()
    server.objects["charges"].append({"id": "ch_999", "object": "charge", "created": FIRST + 10**6})
    rest = [step.batch for step in connector.steps(config, ask, Onward(first[1].place, lambda: False))]
    ids = [value for batch in (first[0].batch, *rest) if batch is not None for value in batch.column("id").to_pylist()]
    assert sorted(ids) == [row["id"] for row in CHARGES]
    assert [asked.params["starting_after"] for asked in server.requests] == ["ch_151", "ch_051"]
    server.objects["charges"] = []
    with pytest.raises(Moved):
        list(connector.steps(config, ask, Onward({"last": "ch_nobody"}, lambda: False)))


def test_a_list_of_each_customer_is_not_gone_on_with(server: StripeServer) -> None:
    connector = RestConnector(DECLARATION, api_of, GUARD, base_url=server.url)
    config, ask = normalised({"client_secret": KEY}), Ask("CustomerBalanceTransaction")
    assert all(step.place is None for step in connector.steps(config, ask, Onward(None, lambda: True)))
    with pytest.raises(Moved):
        list(connector.steps(config, ask, Onward({"last": "x"}, lambda: True)))
