"""A server that plays Stripe's documented API: lists, search, versions, keys, limits and error objects."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.connectors.apis.stripe_hooks import RESTRICTED, Hooks, error
from tests.support.api_server import Answer, ApiServer, Asked

KEY = "sk_test_51Hedgerow"
ACCOUNT = "acct_1Connected"
Object = dict[str, Any]

_COLLECTIONS = {
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "coupons": "coupon",
    "credit_notes": "credit_note",
    "customers": "customer",
    "disputes": "dispute",
    "invoices": "invoice",
    "invoiceitems": "invoiceitem",
    "payouts": "payout",
    "prices": "price",
    "products": "product",
    "refunds": "refund",
    "payment_methods": "payment_method",
    "subscriptions": "subscription",
}
_CREATED = re.compile(r"created\[(gt|gte|lt|lte)\]")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def limited(**headers: str) -> Answer:
    """Too many requests."""
    answer = error(429, "Request rate limit exceeded. Learn more about rate limits.", code="rate_limit")
    return Answer(answer.body, 429, {"Stripe-Rate-Limited-Reason": "global-rate", **headers})


class StripeServer(ApiServer):
    """Objects by collection, in the order they were made; `customers/<id>/<list>` are collections as well."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self.objects: dict[str, list[Object]] = {name: [] for name in _COLLECTIONS}
        self.denied: set[str] = set()
        self.version = version
        self.before = self._locked
        self.hooks = Hooks(self.denied)
        self.hooks.serve(self)
        self.route("GET", r"/v1/charges/search", self._search)
        self.route("GET", r"/v1/([a-z_]+)", self._collection)
        self.route("GET", r"/v1/customers/([^/]+)/(balance_transactions|payment_methods)", self._of_customer)
        self.route("GET", r"/v1/([a-z_]+)/([^/]+)", self._single)

    def _locked(self, asked: Asked) -> Answer | None:
        key = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not key:
            return error(401, "You did not provide an API key.")
        if key not in {KEY, RESTRICTED}:
            return error(401, f"Invalid API Key provided: {key[:8]}{'*' * 10}{key[-4:]}")
        if asked.headers.get("stripe-account") not in {None, ACCOUNT}:
            return error(403, "The provided key does not have access to that account.", code="account_invalid")
        if asked.headers.get("stripe-version") != self.version:
            return error(400, f"Invalid Stripe API version: {asked.headers.get('stripe-version')}")
        return None

    def _refused(self, asked: Asked, name: str) -> Answer | None:
        if name in self.denied and RESTRICTED in asked.headers["authorization"]:
            return error(
                403,
                f"The provided key '{RESTRICTED}' does not have the required permissions for this endpoint on "
                f"account '{ACCOUNT}'. Having the '{name}_read' permission would allow this request to continue.",
            )
        return None

    def _collection(self, asked: Asked, name: str) -> Answer:
        if name not in self.objects:
            return error(404, f"Unrecognized request URL (GET: /v1/{name}).")
        if (refused := self._refused(asked, name)) is not None:
            return refused
        kept = self.objects[name]
        status = asked.params.get("status")
        if name == "subscriptions" and status != "all":
            kept = [each for each in kept if each["status"] != "canceled"]
        return self._page(asked, name, kept, time="date" if name == "invoiceitems" else "created")

    def _single(self, asked: Asked, name: str, row_id: str) -> Answer:
        if (refused := self._refused(asked, name)) is not None:
            return refused
        found = next((each for each in self.objects.get(name, []) if each["id"] == row_id), None)
        if found is None:
            return error(404, f"No such {_COLLECTIONS.get(name, name)}: '{row_id}'", code="resource_missing")
        return Answer(found)

    def _of_customer(self, asked: Asked, customer: str, name: str) -> Answer:
        if customer not in {each["id"] for each in self.objects["customers"]}:
            return error(404, f"No such customer: '{customer}'", code="resource_missing", param="customer")
        if any(_CREATED.fullmatch(param) for param in asked.params):
            return error(400, "Received unknown parameter: created", code="parameter_unknown", param="created")
        path = f"customers/{customer}/{name}"
        return self._page(asked, path, self.objects.get(path, []), time="created")

    def _page(self, asked: Asked, name: str, kept: Sequence[Object], time: str) -> Answer:
        params = asked.params
        known = {"limit", "starting_after", "ending_before", "expand[]", "status"}
        unknown = [param for param in params if param not in known and not _CREATED.fullmatch(param)]
        if unknown:
            return error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
        limit = int(params.get("limit", 10))
        if not 1 <= limit <= 100:
            return error(400, "This value must be less than or equal to 100 (it is an integer).", param="limit")
        found = sorted(kept, key=lambda each: each[time], reverse=True)  # newest first
        for param, value in params.items():
            if compare := _CREATED.fullmatch(param):
                found = [each for each in found if _COMPARE[compare[1]](each[time], int(value))]
        if after := params.get("starting_after"):
            places = [place for place, each in enumerate(found) if each["id"] == after]
            if not places:
                return error(404, f"No such {_COLLECTIONS.get(name, name)}: '{after}'", code="resource_missing")
            found = found[places[0] + 1 :]
        body = {"object": "list", "url": f"/v1/{name}", "has_more": len(found) > limit, "data": found[:limit]}
        return Answer(body, headers={"Request-Id": "req_2", "Stripe-Version": self.version})

    def _search(self, asked: Asked) -> Answer:
        query = re.fullmatch(r"status:'(\w+)'", asked.params.get("query", ""))
        if query is None:
            return error(400, "We were unable to parse your search query.", param="query")
        found = [each for each in self.objects["charges"] if each["status"] == query[1]]
        start, limit = int(asked.params.get("page", "p0")[1:]), int(asked.params.get("limit", 10))
        more = start + limit < len(found)
        body = {"object": "search_result", "url": "/v1/charges/search", "data": found[start : start + limit]}
        return Answer({**body, "has_more": more, "next_page": f"p{start + limit}" if more else None})
