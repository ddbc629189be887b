"""Stripe's webhook endpoints and events: which events tell of which table, and what proves that one is Stripe's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from hedgerow.connectors.base import Field, WebhookForm
from hedgerow.connectors.rest import Request, Send
from hedgerow.connectors.rest.client import Absent
from hedgerow.connectors.webhooks import (
    TOLERANCE_SECONDS,
    Delivery,
    Event,
    Registration,
    RemoteWebhook,
    Row,
    RowChange,
    Unproven,
    Unreadable,
    signed,
)
from hedgerow.kit.clock import iso, of_unix

_ENDPOINTS = "/v1/webhook_endpoints"
_SIGNED_BY = "signing_secret"
_END = 1 << 40
_SIGNATURE = "stripe-signature"


@dataclass(frozen=True, slots=True)
class _Told:
    """A table: what Stripe calls its objects, the path of one, and the events that tell of it (`prefix.word`)."""

    object: str
    path: str
    events: tuple[str, ...]


def _told(kind: str, path: str, *events: str) -> _Told:
    parted = [each.partition(":") for each in events]
    return _Told(kind, path, tuple(f"{prefix}.{word}" for prefix, _, words in parted for word in words.split()))


TABLES: Mapping[str, _Told] = {
    "Charge": _told("charge", "charges", "charge:captured expired failed pending refunded succeeded updated"),
    "Coupon": _told("coupon", "coupons", "coupon:created deleted updated"),
    "CreditNote": _told("credit_note", "credit_notes", "credit_note:created updated voided"),
    "Customer": _told("customer", "customers", "customer:created deleted updated"),
    "CustomerPaymentMethod": _told(
        "payment_method", "payment_methods", "payment_method:attached automatically_updated detached updated"
    ),
    "Dispute": _told("dispute", "disputes", "charge.dispute:closed created funds_reinstated funds_withdrawn updated"),
    "Invoice": _told(
        "invoice",
        "invoices",
        "invoice:created deleted finalization_failed finalized marked_uncollectible paid payment_action_required "
        "payment_failed payment_succeeded sent updated voided",
    ),
    "InvoiceItem": _told("invoiceitem", "invoiceitems", "invoiceitem:created deleted"),
    "Payout": _told("payout", "payouts", "payout:canceled created failed paid reconciliation_completed updated"),
    "Price": _told("price", "prices", "price:created deleted updated"),
    "Product": _told("product", "products", "product:created deleted updated"),
    "Refund": _told("refund", "refunds", "refund:created updated", "charge.refund:updated"),
    "Subscription": _told(
        "subscription",
        "subscriptions",
        "customer.subscription:created deleted paused pending_update_applied pending_update_expired resumed "
        "trial_will_end updated",
    ),
}
EVENTS = tuple(sorted(event for table in TABLES.values() for event in table.events))
_BY_OBJECT = {told.object: table for table, told in TABLES.items()}
# Of a subscription that is deleted the list still tells, as canceled.
_GONE = frozenset(
    {f"{kind}.deleted" for kind in ("coupon", "customer", "invoice", "invoiceitem", "price", "product")}
    | {"payment_method.detached"}
)

WEBHOOK = WebhookForm(
    fields=(Field(_SIGNED_BY, "Signing secret", kind="password", placeholder="whsec_…"),),
    caption="In Stripe's Dashboard open Developers, Webhooks, and add an endpoint with the webhook's URL and the "
    "events told in `missing_events`. Then give its signing secret (`whsec_…`) with `update_webhook_inputs`. For this "
    "server to do that by itself, a restricted key needs the permission to write webhook endpoints.",
    tables=frozenset(TABLES),
)


@dataclass(frozen=True, slots=True)
class StripeWebhooks:
    """Keeps `rest.Webhooks`. Events are wanted in `version` of the API; `account` is the connected one, if any."""

    version: str
    account: str | None = None

    def register(self, send: Send, url: str, known: str | None) -> Registration:
        there = list(_listed(send, url))
        own = next((each for each in there if each["id"] == known and each.get("api_version") == self.version), None)
        wanted = {"enabled_events[]": list(EVENTS)}
        if own is not None:
            send(Request(f"{_ENDPOINTS}/{known}", method="POST", form={**wanted, "disabled": False}))
            found = Registration(str(known), {})
        else:
            form = {**wanted, "url": url, "api_version": self.version, "description": "Hedgerow"}
            # A request that is tried again because its answer was lost makes no second endpoint.
            again = {"Idempotency-Key": uuid4().hex}
            made = send(Request(_ENDPOINTS, method="POST", form=form, headers=again))
            found = Registration(made["id"], {_SIGNED_BY: made["secret"]})
        _delete(send, (each["id"] for each in there if each["id"] != found.remote_id))
        return found

    def state(self, send: Send, url: str, known: str | None) -> RemoteWebhook:
        found = next(_listed(send, url), None) if known is None else _one(send, known)
        if found is None:
            return RemoteWebhook(False, missing_events=EVENTS)
        enabled = list(found.get("enabled_events") or ())
        return RemoteWebhook(
            True,
            url=found.get("url"),
            enabled_events=enabled,
            status=found.get("status"),
            description=found.get("description"),
            created_at=iso(of_unix(found["created"])) if found.get("created") else None,
            api_version=found.get("api_version"),
            missing_events=[] if "*" in enabled else [event for event in EVENTS if event not in enabled],
        )

    def remove(self, send: Send, url: str, known: str | None) -> None:
        _delete(send, {*([known] if known else []), *(each["id"] for each in _listed(send, url))})

    def verify(self, inputs: Mapping[str, str], delivery: Delivery) -> None:
        header = delivery.headers.get(_SIGNATURE, "")
        pairs = [part.strip().partition("=") for part in header.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        given = [value for name, _, value in pairs if name == "v1"]
        if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12 or not given:
            raise Unproven("The header Stripe-Signature is missing, or has no time and no signature of version 1.")
        if not signed(inputs[_SIGNED_BY], times[0].encode() + b"." + delivery.body, given):
            raise Unproven("The signature is not that of this webhook's signing secret.")
        if abs(delivery.at - int(times[0])) > TOLERANCE_SECONDS:
            raise Unproven(f"The signature is more than {TOLERANCE_SECONDS} seconds old, or the clocks differ by that.")

    def read(self, document: Any) -> Event:
        if document.get("object") != "event":
            raise Unreadable("The body is no event.")
        kind, found = str(document["type"]), document["data"]["object"]
        created = int(document["created"])
        if not 0 <= created < _END:
            raise Unreadable("The event is of no time.")
        event = Event(str(document["id"]), kind, created)
        table, row_id = _BY_OBJECT.get(found.get("object")), found.get("id")
        ours = document.get("account") in (None, self.account)
        if not ours or table is None or not isinstance(row_id, str) or not row_id:
            return event
        sure = document.get("api_version") == self.version
        gone = kind in _GONE or not self.present(table, found)
        change = RowChange(table, {"id": row_id}, None if gone else found, sure or gone)
        return Event(event.id, kind, event.at, (change,))

    def single(self, table: str, key: Row) -> Request:
        return Request(f"/v1/{TABLES[table].path}/{key['id']}")

    def present(self, table: str, row: Row) -> bool:
        """A deleted object is told by its id alone; a payment method that is detached is no customer's."""
        if row.get("deleted") is True:
            return False
        return table != "CustomerPaymentMethod" or bool(row.get("customer"))


def _listed(send: Send, url: str) -> Iterator[Mapping[str, Any]]:
    """The endpoints with that address; an account may have sixteen, so all are on one page."""
    found: Sequence[Mapping[str, Any]] = send(Request(_ENDPOINTS, {"limit": 100}))["data"]
    return (each for each in found if each.get("url") == url)


def _one(send: Send, known: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = send(Request(f"{_ENDPOINTS}/{known}"))
    except Absent:
        return None
    return None if found.get("deleted") else found


def _delete(send: Send, ids: Iterator[str] | set[str]) -> None:
    for each in ids:
        try:
            send(Request(f"{_ENDPOINTS}/{each}", method="DELETE"))
        except Absent:
            continue
