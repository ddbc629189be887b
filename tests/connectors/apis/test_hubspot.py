"""HubSpot, against a server that plays its documented API."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, Unreachable
from hedgerow.connectors.apis.hubspot import DECLARATION, USUAL, api_of
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors.apis.configs import CONFIGS
from tests.connectors.apis.hubspot_server import HubspotServer, limited

CONFIG = CONFIGS["Hubspot"]
START = datetime(2026, 2, 1, tzinfo=UTC)
INSTANT = pa.timestamp("us", "UTC")
COUNT = 205


def at(n: int) -> str:
    return (START + timedelta(minutes=n)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def contact(n: int) -> dict[str, Any]:
    return {
        "id": str(n),
        "properties": {
            "hs_object_id": str(n),
            "email": f"p{n}@example.com",
            "firstname": "" if n == 4 else f"Zoë {n}",
            "createdate": at(n),
            "score": str(n / 2),
            "vip": "true" if n % 2 else "",
            "birthday": "2000-02-29",
            "renewal": str(1_767_225_600_000 + n),
            "internal": "not asked for",
        },
        "createdAt": at(n),
        "updatedAt": at(COUNT - n),
        "archived": False,
        "linked": {"companies": {"results": [{"id": "77", "type": "contact_to_company"}]}},
    }


def prop(name: str, kind: str, own: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "label": name, "hubspotDefined": not own, "archived": False}


PROPERTIES = [
    prop("hs_object_id", "number"),
    prop("email", "string"),
    prop("firstname", "string"),
    prop("createdate", "datetime"),
    prop("internal", "string"),
    prop("score", "number", own=True),
    prop("vip", "bool", own=True),
    prop("birthday", "date", own=True),
    prop("renewal", "datetime", own=True),
]


def _expected() -> pa.Table:
    order = range(COUNT, 0, -1)
    renewal = datetime(2026, 1, 1, tzinfo=UTC)
    linked = '{"companies":{"results":[{"id":"77","type":"contact_to_company"}]}}'
    return pa.table(
        {
            "id": pa.array([str(n) for n in order]),
            "created_at": pa.array([START + timedelta(minutes=n) for n in order], INSTANT),
            "updated_at": pa.array([START + timedelta(minutes=COUNT - n) for n in order], INSTANT),
            "archived": pa.array([False] * COUNT),
            "associations": pa.array([linked] * COUNT),
            "hs_object_id": pa.array([float(n) for n in order]),
            "email": pa.array([f"p{n}@example.com" for n in order]),
            "firstname": pa.array(["" if n == 4 else f"Zoë {n}" for n in order]),
            "createdate": pa.array([START + timedelta(minutes=n) for n in order], INSTANT),
            "score": pa.array([n / 2 for n in order]),
            "vip": pa.array([True if n % 2 else None for n in order], pa.bool_()),
            "birthday": pa.array([date(2000, 2, 29)] * COUNT),
            "renewal": pa.array([renewal + timedelta(milliseconds=n) for n in order], INSTANT),
        }
    )


@pytest.fixture
def server() -> Iterator[HubspotServer]:
    hubspot = HubspotServer()
    hubspot.objects["contacts"] = [contact(n) for n in range(1, COUNT + 1)]
    hubspot.properties = {name: [prop(one, "string") for one in usual.split()] for name, usual in USUAL.items()}
    hubspot.properties["contacts"] = PROPERTIES
    hubspot.owners = [{"id": "1", "userId": 9, "firstName": "Ada", "createdAt": at(1), "updatedAt": at(2)}]
    with hubspot.running():
        yield hubspot


def connector_of(server: HubspotServer, patience: Patience | None = None) -> RestConnector:
    return RestConnector(DECLARATION, api_of, OutgoingGuard(allow_private=True), patience, base_url=server.url)


class TestHubspot(ConnectorConformance):
    @pytest.fixture
    def case(self, server: HubspotServer) -> Case:
        return Case(
            connector=connector_of(server),
            config=CONFIG,
            table="contacts",
            rows=_expected(),
            primary_key=("id",),
            cursor="updated_at",
            open=server.opened,
            refused={"a wrong token": ({"access_token": "pat-eu1-bad"}, "Authentication credentials not found")},
        )


def test_every_table_can_be_read(server: HubspotServer) -> None:
    tables = connector_of(server).discover(CONFIG)
    assert [table.name for table in tables] == sorted([*USUAL, "owners"])
    (owner,) = [row for b in connector_of(server).read(CONFIG, Ask("owners")) for row in b.to_pylist()]
    assert (owner["user_id"], owner["first_name"], owner["updated_at"]) == (9, "Ada", START + timedelta(minutes=2))
    for table in tables:
        list(connector_of(server).read(CONFIG, Ask(table.name)))


def test_properties_can_be_chosen(server: HubspotServer) -> None:
    config = {**CONFIG, "custom_properties": "vip, internal"}
    (table,) = [table for table in connector_of(server).discover(config) if table.name == "contacts"]
    names = {column.name for column in table.columns}
    assert {"vip", "internal", "email"} <= names
    assert "score" not in names


def test_too_many_properties_are_named(server: HubspotServer) -> None:
    server.properties["contacts"] = [prop(f"a_property_with_a_long_name_{n}", "string", own=True) for n in range(500)]
    with pytest.raises(Refused, match="contacts have too many properties") as caught:
        connector_of(server).discover(CONFIG)
    assert caught.value.field == "custom_properties"


def test_what_the_app_has_no_scope_for_is_not_there(server: HubspotServer) -> None:
    server.denied = {"quotes", "emails"}
    connector_of(server).check(CONFIG)
    assert {"quotes", "emails"} & {table.name for table in connector_of(server).discover(CONFIG)} == set()
    server.denied = {*USUAL, "owners"}
    with pytest.raises(Refused, match="HubSpot credentials lack permissions for companies, contacts") as caught:
        connector_of(server).check(CONFIG)
    assert caught.value.field == "access_token"


def test_the_limit_of_ten_seconds_is_outwaited_and_the_day_s_is_not(server: HubspotServer) -> None:
    waits: list[float] = []
    connector = connector_of(server, Patience(sleep=waits.append))
    server.faults = [limited()] * 4
    assert sum(batch.num_rows for batch in connector.read(CONFIG, Ask("contacts"))) == COUNT
    assert sum(waits) > 5
    server.faults = [limited("DAILY")] * 6
    with pytest.raises(Unreachable, match="You have reached your daily limit"):
        list(connector.read(CONFIG, Ask("contacts")))
