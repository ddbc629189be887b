"""A server that plays HubSpot's documented API: objects, properties and owners, scopes, and its two limits."""

from typing import Any

from tests.support.api_server import Answer, ApiServer, Asked

TOKEN = "pat-eu1-good"
MOST = 100


def error(status: int, message: str, category: str) -> Answer:
    """An error as HubSpot words it."""
    return Answer({"status": "error", "message": message, "correlationId": "c-1", "category": category}, status)


def limited(policy: str = "TEN_SECONDLY_ROLLING") -> Answer:
    """Too many requests; no header tells how long to wait."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.split('_', maxsplit=1)[0].lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": "c-2",
        "policyName": policy,
    }
    return Answer(body, 429, {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"})


class HubspotServer(ApiServer):
    """`objects` by type with all their properties, `properties` with their types; `denied`: types without a scope."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.properties: dict[str, list[dict[str, Any]]] = {}
        self.owners: list[dict[str, Any]] = []
        self.denied: set[str] = set()
        self.before = self._locked
        self.route("GET", r"/crm/v3/objects/([a-z]+)", self._objects)
        self.route("GET", r"/crm/v3/properties/([a-z]+)", self._properties)
        self.route("GET", r"/crm/v3/owners", lambda asked: self._page(asked, self.owners))

    def _locked(self, asked: Asked) -> Answer | None:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return error(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
        if asked.path.rpartition("/")[2] in self.denied:
            return error(403, "This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES")
        return None

    def _properties(self, asked: Asked, name: str) -> Answer:
        return Answer({"results": self.properties.get(name, [])})

    def _objects(self, asked: Asked, name: str) -> Answer:
        wanted = set(asked.params.get("properties", "").split(","))
        rows = []
        for row in self.objects.get(name, []):
            kept = {key: value for key, value in row["properties"].items() if key in wanted | {"hs_object_id"}}
            linked = {"associations": row["linked"]} if "associations" in asked.params and "linked" in row else {}
            rows.append({**{k: v for k, v in row.items() if k != "linked"}, "properties": kept, **linked})
        return self._page(asked, rows)

    def _page(self, asked: Asked, rows: list[dict[str, Any]]) -> Answer:
        limit = int(asked.params.get("limit", 10))
        if limit > MOST:
            return error(400, f"Page size is too large. No more than {MOST} may be requested.", "VALIDATION_ERROR")
        rows = [row for row in rows if int(row["id"]) >= int(asked.params.get("after", 0))]
        body: dict[str, Any] = {"results": rows[:limit]}
        if len(rows) > limit:
            after = str(rows[limit]["id"])
            body["paging"] = {"next": {"after": after, "link": f"https://api.hubapi.com{asked.path}?after={after}"}}
        return Answer(body)
