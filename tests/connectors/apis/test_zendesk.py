"""Zendesk, against a server that plays its documented API."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.apis.zendesk import DECLARATION, RESOURCES, TICKETS, api_of
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.connectors.rest.kinds import ARROW
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors.apis.configs import CONFIGS
from tests.connectors.apis.zendesk_server import ZendeskServer, limited

CONFIG = CONFIGS["Zendesk"]
START = 1_767_225_600
COUNT = 130


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def ticket(n: int) -> dict[str, Any]:
    return {
        "id": 35_436 + n,
        "generated_timestamp": START + n,
        "subject": f"Printer {n} 🔥",
        "description": "It burns.",
        "status": "open",
        "priority": None,
        "tags": ["hot", "printer"],
        "custom_fields": [{"id": 27_642, "value": "745"}],
        "requester_id": 20_978_392_000 + n,
        "has_incidents": False,
        "created_at": iso(START),
        "updated_at": iso(START + n),
        "via": {"channel": "web"},
    }


EXPECTED: dict[str, list[Any]] = {name: [ticket(n).get(name) for n in range(COUNT)] for name in TICKETS}
EXPECTED |= {
    "tags": ['["hot","printer"]'] * COUNT,
    "custom_fields": ['[{"id":27642,"value":"745"}]'] * COUNT,
    "via": ['{"channel":"web"}'] * COUNT,
    "created_at": [datetime.fromtimestamp(START, UTC)] * COUNT,
    "updated_at": [datetime.fromtimestamp(START + n, UTC) for n in range(COUNT)],
}


@pytest.fixture
def server() -> Iterator[ZendeskServer]:
    zendesk = ZendeskServer()
    zendesk.exports = {
        "tickets": [(START + n, ticket(n)) for n in range(COUNT)],
        "users": [(START + n, {"id": n, "name": f"U{n}", "updated_at": iso(START + n)}) for n in range(90)],
        "organizations": [(START + n // 30, {"id": n, "updated_at": iso(START + n // 30)}) for n in range(100)],
        "ticket_events": [(START + n, {"id": n, "timestamp": START + n, "child_events": [n]}) for n in range(50)],
        "ticket_metric_events": [(START, {"id": 1, "metric": "reply_time", "time": iso(START)})],
    }
    zendesk.lists = {
        "groups": [{"id": n, "name": f"G{n}"} for n in range(250)],
        "sla_policies": [{"id": n, "filter": {"all": []}} for n in range(90)],
        "brands": [{"id": 1, "name": "Acme"}],
    }
    with zendesk.running():
        yield zendesk


def connector_of(server: ZendeskServer, patience: Patience | None = None) -> RestConnector:
    return RestConnector(DECLARATION, api_of, OutgoingGuard(allow_private=True), patience, base_url=server.url)


def read(server: ZendeskServer, ask: Ask) -> list[dict[str, Any]]:
    return [row for batch in connector_of(server).read(CONFIG, ask) for row in batch.to_pylist()]


class TestZendesk(ConnectorConformance):
    @pytest.fixture
    def case(self, server: ZendeskServer) -> Case:
        return Case(
            connector=connector_of(server),
            config=CONFIG,
            table="tickets",
            rows=pa.table({name: pa.array(EXPECTED[name], ARROW[kind]) for name, kind in TICKETS.items()}),
            primary_key=("id",),
            cursor="generated_timestamp",
            open=server.opened,
            refused={
                "a wrong token": ({**CONFIG, "api_key": "zendesk-bad"}, "Couldn't authenticate you"),
                "no subdomain": ({**CONFIG, "subdomain": "evil.example/x"}, "subdomain"),
            },
        )


def test_every_table_can_be_read_and_no_row_comes_twice(server: ZendeskServer) -> None:
    wanted = {
        "tickets": COUNT,
        "users": 90,
        "organizations": 100,
        "ticket_events": 50,
        "ticket_metric_events": 1,
        "groups": 250,
        "sla_policies": 90,
        "brands": 1,
        "satisfaction_ratings": 0,
        "ticket_fields": 0,
    }
    found = {resource.name: read(server, Ask(resource.name)) for resource in RESOURCES}
    assert {name: len(rows) for name, rows in found.items()} == wanted
    assert all(len({row["id"] for row in rows}) == len(rows) for rows in found.values())
    assert {table.name for table in connector_of(server).discover(CONFIG)} == set(wanted)


def test_only_what_changed_is_asked_for(server: ZendeskServer) -> None:
    rows = read(server, Ask("tickets", cursor="generated_timestamp", after=START + 125))
    assert [row["id"] for row in rows] == [35_436 + n for n in range(126, 130)]
    assert server.requests[0].params["start_time"] == str(START + 125)
    after = datetime.fromtimestamp(START, UTC) + timedelta(seconds=85)
    assert len(read(server, Ask("users", cursor="updated_at", after=after))) == 4


def test_the_last_minute_is_not_asked_for(server: ZendeskServer) -> None:
    now = int(time.time())
    server.exports["tickets"].append((now - 90, {**ticket(500), "generated_timestamp": now - 90}))
    rows = read(server, Ask("tickets", cursor="generated_timestamp", after=now - 91))
    assert [row["id"] for row in rows] == [35_936]


def test_it_waits_as_long_as_zendesk_asks(server: ZendeskServer) -> None:
    waits: list[float] = []
    server.faults = [limited()]
    assert sum(b.num_rows for b in connector_of(server, Patience(sleep=waits.append)).read(CONFIG, Ask("users"))) == 90
    assert waits == [37.0]


def test_an_agent_sees_what_an_agent_may(server: ZendeskServer) -> None:
    server.denied = {"incremental"}
    names = {table.name for table in connector_of(server).discover(CONFIG)}
    assert "tickets" not in names
    assert "groups" in names


@pytest.mark.parametrize("given", ["acme", " Acme ", "acme.zendesk.com", "https://acme.zendesk.com/"])
def test_ways_of_naming_a_subdomain(given: str) -> None:
    assert api_of({**CONFIG, "subdomain": given}).base_url == "https://acme.zendesk.com"
    assert DECLARATION.hosts({"subdomain": given}) == {"acme.zendesk.com"}


@pytest.mark.parametrize("given", ["", "evil.com", "a/b", "acme.zendesk.com.evil.com", "me@evil", None])
def test_the_key_goes_to_zendesk_only(given: Any) -> None:
    with pytest.raises(Refused, match="subdomain"):
        api_of({**CONFIG, "subdomain": given})
    assert DECLARATION.hosts({"subdomain": given}) == frozenset()
