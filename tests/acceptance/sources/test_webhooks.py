"""A Stripe that posts events to real processes: kills at any moment, a held load, and two processes over one store."""

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.sources.conftest import SETTINGS, Client, until
from tests.connectors.apis.stripe_hooks import Post
from tests.connectors.apis.stripe_server import KEY, StripeServer
from tests.support.api_server import Answer, Asked
from tests.support.processes import Server, free_port, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_CUT = int(os.environ.get("HEDGEROW_TEST_KILLED_EVENTS", "5"))
"""So often a server is killed while events come."""
_EVENTS = 80
_CUSTOMERS = 40
FIRST = 1_767_225_600
_MODULE = ("tests.support.stripe_process",)
_WISH = {"name": "Customer", "should_sync": True, "sync_type": "webhook"}
_STRIPE = httpx.Client(timeout=5)
_WAITING = "SELECT count(*) FROM external_data_events WHERE state = 'waiting'"


@dataclass
class Account:
    """Customers as Stripe has them, and events of what is done to them, each a second after the one before."""

    stripe: StripeServer
    clock: int = field(default_factory=lambda: int(time.time()))
    chance: random.Random = field(default_factory=random.Random)

    @property
    def customers(self) -> list[dict[str, Any]]:
        return self.stripe.objects["customers"]

    @property
    def rows(self) -> list[Any]:
        return sorted([each["id"], each["name"], each["balance"]] for each in self.customers)

    def add(self, number: int) -> dict[str, Any]:
        made = {"id": f"cus_{number:04}", "object": "customer", "created": FIRST + number, "name": "new", "balance": 0}
        self.customers.append(made)
        return made

    def happen(self, number: int) -> dict[str, Any]:
        """Something happens to a customer; the event of it."""
        self.clock += 1
        what = self.chance.choice(("created", "updated", "updated", "updated", "deleted"))
        if len(self.customers) < 2:
            what = "created"
        if what == "created":
            found = self.add(_CUSTOMERS + number)
        else:
            found = self.chance.choice(self.customers)
            found["name"], found["balance"] = f"event {number}", number
            if what == "deleted":
                self.customers.remove(found)
        return self.stripe.hooks.event(f"customer.{what}", dict(found), self.clock)


@pytest.fixture
def account() -> Iterator[Account]:
    stripe = StripeServer("2024-09-30.acacia")
    made = Account(stripe)
    for number in range(_CUSTOMERS):
        made.add(number)
    with stripe.running():
        yield made


def _settings(account: Account, port: int) -> dict[str, str]:
    of_stripe = {"HEDGEROW_TEST_STRIPE_URL": account.stripe.url, "HEDGEROW_SITE_URL": f"http://127.0.0.1:{port}"}
    return {**SETTINGS, **of_stripe, "HEDGEROW_PORT": str(port)}


def _connect(client: Client) -> str:
    source = client.add("Stripe", {"stripe_secret_key": KEY}, _WISH)
    assert client.settled(source)["status"] == "Completed"
    made = client.call("POST", f"external_data_sources/{source}/create_webhook")
    assert (made["success"], made["error"]) == (True, None)
    client.settled(source)
    return source


def _info(client: Client, source: str) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", f"external_data_sources/{source}/webhook_info")
    return found


def _shown(client: Client, source: str) -> list[Any]:
    return client.rows(source, "Customer", "id, name, balance")


def _waiting(home: Path) -> int:
    with closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        found: int = store.execute(_WAITING).fetchone()[0]
    return found


class Sender:
    """Delivers as Stripe does: in no order, again until somebody says 200, and now and then once more after that."""

    def __init__(self, account: Account, events: list[dict[str, Any]], post: Post | None = None) -> None:
        self._account, self._left, self._post = account, list(events), post or _posted
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def _send(self) -> None:
        chance = self._account.chance
        while self._left:
            event = self._left[chance.randrange(min(len(self._left), 8))]
            if self._account.stripe.hooks.send(event, self._post) == [200] and chance.random() < 0.9:
                self._left.remove(event)


def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    try:
        return _STRIPE.post(url, content=body, headers=dict(headers)).status_code
    except httpx.TransportError:
        time.sleep(0.02)
        return 0


def test_no_event_is_lost_doubled_or_overtaken_by_kills_at_any_moment(account: Account, tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    settings = _settings(account, port)
    with start_server(home, settings, _MODULE) as server, Client.of(server) as client:
        source = _connect(client)
    number = waited = 0
    for _ in range(_CUT):
        events = [account.happen(number + each) for each in range(_EVENTS)]
        number += _EVENTS
        with start_server(home, settings, _MODULE) as server:
            sender = Sender(account, events)
            time.sleep(account.chance.uniform(0, 1.5))
            server.stop(signal.SIGKILL)
        waited += _waiting(home) > 0
        with start_server(home, settings, _MODULE) as server, Client.of(server) as client:
            until(lambda sender=sender: sender.done)
            until(lambda client=client: not _info(client, source)["events_waiting"])
            assert _shown(client, source) == account.rows
    assert waited, "no kill met an event that was received and not applied"


def test_an_event_received_before_a_kill_is_applied_after_it(account: Account, tmp_path: Path) -> None:
    """The process that receives runs no jobs, so that nothing is applied before it is killed."""
    home, port = tmp_path / "home", free_port()
    settings = _settings(account, port)
    with start_server(home, settings, _MODULE) as server, Client.of(server) as client:
        source = _connect(client)
    events = [account.happen(each) for each in range(20)]
    with start_server(home, {**settings, "HEDGEROW_WORKERS": "0"}, _MODULE) as server:
        for event in reversed(events):
            assert account.stripe.hooks.send(event, _posted) == [200]
        server.stop(signal.SIGKILL)
    assert _waiting(home) == len(events)
    with start_server(home, settings, _MODULE) as server, Client.of(server) as client:
        until(lambda: not _info(client, source)["events_waiting"])
        assert _shown(client, source) == account.rows


def test_what_happens_while_a_table_is_read_whole_is_not_lost(account: Account, tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    settings = _settings(account, port)
    held, let_go = threading.Event(), threading.Event()

    def hold(asked: Asked) -> Answer | None:
        """The list is answered as it was when it was asked for."""
        if asked.path != "/v1/customers" or not account.stripe.hooks.endpoints or let_go.is_set():
            return None
        answer = Answer({"object": "list", "has_more": False, "data": [dict(each) for each in account.customers]})
        held.set()
        assert let_go.wait(60)
        return answer

    with start_server(home, settings, _MODULE) as server, Client.of(server) as client:
        source = client.add("Stripe", {"stripe_secret_key": KEY}, _WISH)
        client.settled(source)
        account.stripe.before = hold
        client.call("POST", f"external_data_sources/{source}/create_webhook")
        assert held.wait(60)
        for each in range(30):
            assert account.stripe.hooks.send(account.happen(each), _posted) == [200]
        assert _info(client, source)["events_waiting"] == 30
        let_go.set()
        until(lambda: not _info(client, source)["events_waiting"])
        assert _shown(client, source) == account.rows


def test_two_processes_over_one_postgresql_take_events_together(
    account: Account, tmp_path: Path, postgres_url: str, clickhouse_url: str
) -> None:
    port = free_port()
    shared = {"HEDGEROW_DATABASE_URL": postgres_url, "HEDGEROW_ENGINE_URL": clickhouse_url}
    settings = {**_settings(account, port), **shared, "HEDGEROW_SECRET_KEY": "k" * 40, "HEDGEROW_JOB_LEASE": "2"}
    other = {**settings, "HEDGEROW_PORT": str(free_port())}
    with ExitStack() as stack:
        first = stack.enter_context(start_server(tmp_path / "one", settings, _MODULE))
        second: Server = stack.enter_context(start_server(tmp_path / "two", other, _MODULE))
        with Client.of(second) as client:
            source = _connect(client)
            urls = [first.url, second.url]
            events = [account.happen(each) for each in range(_EVENTS)]

            def anywhere(url: str, body: bytes, headers: Mapping[str, str]) -> int:
                return _posted(account.chance.choice(urls) + url.partition(f":{port}")[2], body, headers)

            senders = [Sender(account, events[part::3], anywhere) for part in range(3)]
            until(lambda: all(sender.done for sender in senders))
            urls.remove(first.url)
            first.stop(signal.SIGKILL)
            until(lambda: not _info(client, source)["events_waiting"])
            assert _shown(client, source) == account.rows
