"""Stripe's webhook endpoints as it documents them, and its events: signed, and posted by it to where they belong."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.support.api_server import Answer, ApiServer, Asked

RESTRICTED = "rk_test_51Hedgerow"
Object = dict[str, Any]
Post = Callable[[str, bytes, Mapping[str, str]], int]
_MOST = 16
_WORDS = ("created", "deleted", "updated")
_EVENTS = frozenset(
    {
        f"{kind}.{word}"
        for kind in ("coupon", "customer", "customer.subscription", "price", "product")
        for word in _WORDS
    }
    | {f"charge.{w}" for w in "captured expired failed pending refunded succeeded updated refund.updated".split()}
    | {f"charge.dispute.{w}" for w in "closed created funds_reinstated funds_withdrawn updated".split()}
    | {f"credit_note.{w}" for w in "created updated voided".split()}
    | {f"customer.subscription.{w}" for w in "paused pending_update_applied pending_update_expired resumed".split()}
    | {"customer.subscription.trial_will_end", "invoice.upcoming", "payment_intent.succeeded"}
    | {f"invoice.{w}" for w in "created deleted finalization_failed finalized marked_uncollectible paid sent".split()}
    | {f"invoice.{w}" for w in "payment_action_required payment_failed payment_succeeded updated voided".split()}
    | {"invoiceitem.created", "invoiceitem.deleted", "refund.created", "refund.updated"}
    | {f"payment_method.{w}" for w in "attached automatically_updated detached updated".split()}
    | {f"payout.{w}" for w in "canceled created failed paid reconciliation_completed updated".split()}
)
_PARAMS = frozenset({"url", "enabled_events[]", "api_version", "description", "disabled"})


def error(status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> Answer:
    """An error object."""
    return Answer({"error": {"message": message, "type": kind, **more}}, status, {"Request-Id": "req_1"})


def over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post for real."""
    return httpx.post(url, content=body, headers=dict(headers), timeout=30).status_code


def signature(secret: str, body: bytes, at: float | None = None) -> str:
    """The header `Stripe-Signature`."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest},v0={'0' * 64}"


class Hooks:
    """Endpoints by their ids, each with its secret, which is shown when it is made and never again."""

    def __init__(self, denied: set[str]) -> None:
        self.endpoints: dict[str, Object] = {}
        self.secrets: dict[str, str] = {}
        self._denied, self._made = denied, {}  # type: ignore[var-annotated]
        self._count = 0

    def serve(self, server: ApiServer) -> None:
        """Answer for them."""
        server.route("GET", r"/v1/webhook_endpoints", self._list)
        server.route("POST", r"/v1/webhook_endpoints", self._make)
        server.route("GET", r"/v1/webhook_endpoints/([^/]+)", self._one)
        server.route("POST", r"/v1/webhook_endpoints/([^/]+)", self._change)
        server.route("DELETE", r"/v1/webhook_endpoints/([^/]+)", self._delete)

    def event(self, kind: str, found: Object, created: int | None = None, **more: Any) -> Object:
        """An event as Stripe makes it; `api_version` is that of the endpoint it is sent to unless it is said."""
        self._count += 1
        return {
            "id": f"evt_{self._count:04}",
            "object": "event",
            "api_version": None,
            "created": int(time.time()) if created is None else created,
            "data": {"object": found},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            **more,
        }

    def send(self, event: Object, post: Post = over_http, at: float | None = None) -> list[int]:
        """Post an event to every endpoint that wants it; what each answered."""
        answers = []
        for each in list(self.endpoints.values()):
            if each["status"] == "enabled" and {event["type"], "*"} & set(each["enabled_events"]):
                body = self.body(event, each)
                headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
                headers["Stripe-Signature"] = signature(self.secrets[each["id"]], body, at)
                answers.append(post(each["url"], body, headers))
        return answers

    def body(self, event: Object, endpoint: Object) -> bytes:
        """What is posted: JSON as Stripe indents it."""
        version = event["api_version"] or endpoint["api_version"] or "2020-08-27"
        return json.dumps({**event, "api_version": version}, indent=2).encode()

    def _refused(self, asked: Asked) -> Answer | None:
        if "webhook_endpoints" in self._denied and RESTRICTED in asked.headers["authorization"]:
            return error(
                403, f"The provided key '{RESTRICTED}' does not have the required permissions for this endpoint."
            )
        return None

    def _form(self, asked: Asked) -> dict[str, list[str]] | Answer:
        if not asked.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return error(400, "Invalid request: the body is no form.")
        form = parse_qs(asked.content.decode(), keep_blank_values=True)
        if unknown := [name for name in form if name not in _PARAMS]:
            return error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown")
        if wrong := [name for name in form.get("enabled_events[]", []) if name not in {*_EVENTS, "*"}]:
            return error(400, f"Invalid enabled_events: {wrong[0]}", param="enabled_events")
        return form

    def _list(self, asked: Asked) -> Answer:
        found = list(self.endpoints.values())[::-1]
        body = {"object": "list", "url": "/v1/webhook_endpoints", "has_more": False, "data": found}
        return self._refused(asked) or Answer(body)

    def _one(self, asked: Asked, endpoint: str) -> Answer:
        if (refused := self._refused(asked)) is not None:
            return refused
        found = self.endpoints.get(endpoint)
        return (
            Answer(found) if found else error(404, f"No such webhook endpoint: '{endpoint}'", code="resource_missing")
        )

    def _make(self, asked: Asked) -> Answer:
        form = self._form(asked)
        if (refused := self._refused(asked)) is not None:
            return refused
        if isinstance(form, Answer):
            return form
        again = asked.headers.get("idempotency-key")
        if again in self._made:
            return Answer(self._made[again])
        if "url" not in form or "enabled_events[]" not in form:
            return error(400, "Missing required param.")
        if len(self.endpoints) >= _MOST:
            return error(400, "You have reached the maximum of 16 test webhook endpoints.")
        made = {
            "id": f"we_{secrets.token_hex(8)}",
            "object": "webhook_endpoint",
            "api_version": form.get("api_version", [None])[0],
            "application": None,
            "created": int(time.time()),
            "description": form.get("description", [None])[0],
            "enabled_events": form["enabled_events[]"],
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": form["url"][0],
        }
        self.endpoints[made["id"]], self.secrets[made["id"]] = made, f"whsec_{secrets.token_hex(16)}"
        shown = {**made, "secret": self.secrets[made["id"]]}
        if again:
            self._made[again] = shown
        return Answer(shown)

    def _change(self, asked: Asked, endpoint: str) -> Answer:
        form, found = self._form(asked), self.endpoints.get(endpoint)
        if isinstance(form, Answer):
            return form
        if found is None or "api_version" in form:
            return error(404, f"No such webhook endpoint: '{endpoint}'", code="resource_missing")
        found["enabled_events"] = form.get("enabled_events[]", found["enabled_events"])
        if "disabled" in form:
            found["status"] = "disabled" if form["disabled"] == ["true"] else "enabled"
        return self._refused(asked) or Answer(found)

    def _delete(self, asked: Asked, endpoint: str) -> Answer:
        if (refused := self._refused(asked)) is not None:
            return refused
        if self.endpoints.pop(endpoint, None) is None:
            return error(404, f"No such webhook endpoint: '{endpoint}'", code="resource_missing")
        return Answer({"id": endpoint, "object": "webhook_endpoint", "deleted": True})
