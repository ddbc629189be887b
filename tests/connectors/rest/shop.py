"""A shop whose orders an API lists, as declared for REST sources."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from hedgerow.connectors import Ask, Declaration, Field
from hedgerow.connectors.rest import (
    Api,
    Auth,
    Bearer,
    Increment,
    LastRow,
    Patience,
    Resource,
    RestConnector,
    columns,
)
from hedgerow.kit.outgoing import OutgoingGuard
from tests.support.api_server import Answer, ApiServer, Asked

DECLARATION = Declaration(
    source_type="Shop",
    label="Shop",
    caption="",
    docs_url="docs/sources/custom.md",
    fields=(Field("url", "URL"), Field("token", "Token", kind="password")),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = [
    {
        "id": n,
        "created_at": (START + timedelta(hours=n)).isoformat().replace("+00:00", "Z"),
        "amount": n * 1.25 if n % 2 else n,
        "note": None if n == 3 else "naïve 🌼" if n == 2 else "",
        "tags": ["a", {"b": n}],
        "paid": n % 2 == 0,
        "mixed": n if n < 20 else "many",
        **({"late": 2**60 + n} if n > 20 else {}),
    }
    for n in range(1, 26)
]
TABLE = pa.table(
    {
        "id": pa.array([o["id"] for o in ORDERS], pa.int64()),
        "created_at": pa.array([START + timedelta(hours=n) for n in range(1, 26)], pa.timestamp("us", "UTC")),
        "amount": pa.array([float(o["amount"]) for o in ORDERS], pa.float64()),
        "note": pa.array([o["note"] for o in ORDERS], pa.string()),
        "tags": pa.array([f'["a",{{"b":{n}}}]' for n in range(1, 26)], pa.string()),
        "paid": pa.array([o["paid"] for o in ORDERS], pa.bool_()),
    }
)
KNOWN = columns(integer="id", datetime="created_at", float="amount", string="note", json="tags", boolean="paid")


class Waits(list[float]):
    """Sleeps nothing, remembers what it was asked for."""

    def patience(self, **options: Any) -> Patience:
        return Patience(sleep=self.append, **options)


def newest_first(asked: Asked) -> Answer:
    """As many APIs list: newest first, ten a page, after the row that is named."""
    rows = list(reversed(ORDERS))
    if "since" in asked.params:
        rows = [row for row in rows if str(row["created_at"]) >= asked.params["since"]]
    if "after" in asked.params:
        rows = [row for row in rows if row["id"] < int(asked.params["after"])]
    return Answer({"data": rows[:10], "has_more": len(rows) > 10})


def orders(**options: Any) -> Resource:
    increment = Increment("created_at", param="since", written="iso", order="desc")
    resource = Resource(
        "orders",
        "/v1/orders",
        columns=KNOWN,
        rows="data",
        key=("id",),
        paging=LastRow("after"),
        increment=increment,
    )
    return replace(resource, **options)


def connector_of(
    *resources: Resource, auth: Auth | None = None, patience: Patience | None = None, guard: OutgoingGuard | None = None
) -> RestConnector:
    def make(config: Any) -> Api:
        return Api(
            config["url"],
            resources,
            auth=auth or Bearer(config["token"]),
            secrets=(config["token"],),
            key_field="token",
            address_field="url",
        )

    return RestConnector(DECLARATION, make, guard or OutgoingGuard(allow_private=True), patience or Waits().patience())


def config_of(server: ApiServer, token: str = "s3cret-token") -> dict[str, Any]:
    return {"url": server.url, "token": token}


def ids(connector: RestConnector, server: ApiServer, ask: Ask | None = None) -> list[int]:
    found = []
    for batch in connector.read(config_of(server), ask or Ask("orders")):
        found += batch.column("id").to_pylist()
    return found
