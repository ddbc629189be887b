"""Events that cannot be applied as they are: rows that may not be asked for, tables of other types, many parts."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hedgerow.connectors.apis import stripe
from hedgerow.connectors.webhooks import Event, RowChange
from hedgerow.kit.clock import now
from hedgerow.sources.rows import EventRow
from hedgerow.sources.webhooks import applying
from tests.connectors.apis.stripe_server import RESTRICTED
from tests.sources.conftest import rows, settled
from tests.sources.webhooks.conftest import Account, customer
from tests.support.api_server import Answer


def _parts(account: Account) -> int:
    """Of the table that is served."""
    sources, project = account.api.house.sources, account.api.project_id
    with account.api.house.store.read() as session:
        source = sources.changing.shelf.of_project(session, project)[0]
        schema = next(each for each in sources.changing.shelf.schemas(session, [source]) if each.table_id)
        assert schema.table_id is not None
        record = sources.changing.synced.by_ids(session, project, [schema.table_id])[schema.table_id]
    size = account.api.call(account.api.house.engine.size, f"p{project}", record.physical)
    parts: int = size.parts
    return parts


def test_where_a_row_may_not_be_asked_for_the_last_event_tells_all_there_is(account: Account) -> None:
    account.make("Customer", key=RESTRICTED)
    account.hook()
    account.stripe.denied.add("customers")
    second = int(time.time())
    account.tell("customer.updated", customer(1, "First"), second)
    account.tell("customer.updated", customer(1, "Last"), second)
    account.tell("customer.updated", customer(2, "Of another shape"), second, api_version="2020-08-27")
    told = account.applied()
    assert account.names()[1:] == [["cus_1", "Last"], ["cus_2", "Name 2"]]
    assert told["events_failed"] == 1
    assert "A permission is missing" in told["last_error"]


def test_a_remote_that_is_away_is_asked_again(account: Account) -> None:
    account.make("Customer")
    account.hook()
    account.stripe.objects["customers"][1]["name"] = "As it is"
    account.stripe.before = lambda asked: Answer(drop=True) if asked.path == "/v1/customers/cus_1" else None
    account.tell("customer.updated", customer(1, "Told"), api_version="2020-08-27")
    assert account.info()["events_waiting"] == 1
    account.stripe.before = lambda asked: None
    account.applied()
    assert account.names()[1] == ["cus_1", "As it is"]


def test_a_table_that_cannot_hold_what_comes_is_read_anew(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = stripe.RESOURCES

    def other(resource: Any) -> Any:
        return replace(resource, columns={**resource.columns, "balance": "boolean"})

    monkeypatch.setattr(stripe, "RESOURCES", tuple(other(r) if r.name == "Customer" else r for r in mine))
    account.make("Customer")
    account.hook()
    monkeypatch.setattr(stripe, "RESOURCES", mine)
    account.tell("customer.updated", customer(1, "Told", balance=7), int(time.time()))
    account.applied()
    settled(account.api, account.source)
    assert rows(account.api, "SELECT name, balance FROM stripe.customer WHERE id = 'cus_1'") == [["Told", 7]]


def test_many_publications_leave_few_parts(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "FEWEST", 3)
    monkeypatch.setattr(applying, "MORE", 0)
    account.make("Customer")
    account.hook()
    second = int(time.time())
    for number in range(12):
        account.tell("customer.updated", customer(1, f"Event {number}"), second + number)
        account.applied()
    assert account.names()[1] == ["cus_1", "Event 11"]
    assert rows(account.api, "SELECT count(), uniq(id) FROM stripe.customer") == [[3, 3]]
    assert _parts(account) < 8


def test_what_no_remote_sends_again_is_forgotten(account: Account) -> None:
    account.make("Customer")
    account.hook()
    changing, project = account.api.house.sources.changing, account.api.project_id
    with account.api.house.store.write() as session:
        source = changing.shelf.of_project(session, project)[0]
        schema = next(each for each in changing.shelf.schemas(session, [source]) if each.pushed)
        for number in range(3):
            change = RowChange("Customer", {"id": f"cus_{number}"}, None)
            assert changing.events.keep(session, schema, Event(f"evt_{number}", "x", number, (change,)), 0, change)
        (first, second, _), more = changing.events.waiting(session, schema.id)
        assert not more
        changing.events.settle(session, {first.id: first.digest}, [second.id], {})
        session.execute(update(EventRow).values(received_at=now() - timedelta(days=31)))
        changing.events.trim(session, schema.id)
        states, _, _ = changing.events.figures(session, [schema.id])
    assert states == {"waiting": 1}
