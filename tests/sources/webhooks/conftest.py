"""A Stripe account that posts what happens, and the source that reads it, in short words."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.connectors.apis.stripe_server import KEY, StripeServer
from tests.sources.conftest import rows, settled
from tests.support.apps import Api, MakeApi

VERSION = "2024-09-30.acacia"
SITE = "https://data.example.com"
FIRST = 1_767_225_600
_WAIT = 30.0


def customer(n: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": f"cus_{n}", "object": "customer", "created": FIRST + n, "name": name, "metadata": {}, **more}


@dataclass
class Account:
    """A Stripe account, and the source that reads it."""

    api: Api
    stripe: StripeServer
    source: str = ""

    def make(self, *tables: str, key: str = KEY, sync_type: str = "webhook") -> None:
        wishes = [{"name": table, "should_sync": True, "sync_type": sync_type} for table in tables]
        body = {"source_type": "Stripe", "payload": {"stripe_secret_key": key, "schemas": wishes}}
        made = self.api.post("/external_data_sources", json=body)
        assert made.status_code == 201, made.text
        self.source = made.json()["id"]
        settled(self.api, self.source)

    def act(self, action: str, status: int = 200, **body: Any) -> dict[str, Any]:
        answer = self.api.post(f"/external_data_sources/{self.source}/{action}", json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def hook(self) -> dict[str, Any]:
        """Registered, and read whole since."""
        made = self.act("create_webhook")
        assert (made["success"], made["error"], made["pending_inputs"]) == (True, None, [])
        settled(self.api, self.source)
        return made

    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/external_data_sources/{self.source}/webhook_info").json()
        return found

    def schema(self, table: str) -> dict[str, Any]:
        source = self.api.get(f"/external_data_sources/{self.source}").json()
        found: dict[str, Any] = next(each for each in source["schemas"] if each["name"] == table)
        return found

    def change(self, table: str, **values: Any) -> dict[str, Any]:
        answer = self.api.patch(f"/external_data_schemas/{self.schema(table)['id']}", json=values)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """What Stripe posts comes here by the address's path."""
        assert url.startswith(SITE)
        return self.api.with_key(None).post(url.removeprefix(SITE), content=body, headers=dict(headers)).status_code

    def tell(self, kind: str, found: dict[str, Any], created: int | None = None, **more: Any) -> None:
        assert self.stripe.hooks.send(self.stripe.hooks.event(kind, found, created, **more), self.post) == [200]

    def names(self) -> list[Any]:
        return [list(row) for row in rows(self.api, "SELECT id, name FROM stripe.customer ORDER BY id")]

    def applied(self) -> dict[str, Any]:
        """What is told when nothing waits any more."""
        return until(lambda: told if not (told := self.info())["events_waiting"] else None)


def until(check: Callable[[], Any]) -> Any:
    end = time.monotonic() + _WAIT
    while not (found := check()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.02)
    return found


@pytest.fixture
def account(make_app: MakeApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """With three customers; the source is yet to be made."""
    stripe = StripeServer(VERSION)
    stripe.objects["customers"] = [customer(n, f"Name {n}") for n in range(3)]
    with stripe.running():
        monkeypatch.setattr("hedgerow.connectors.apis.stripe.BASE_URL", stripe.url)
        yield Account(make_app(site_url=SITE), stripe)
