"""Webhooks through this server's own API: registered, proven, applied, told of, removed; beside a Stripe that posts."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.apis.stripe_hooks import signature
from tests.connectors.apis.stripe_server import KEY, RESTRICTED
from tests.sources.conftest import rows, settled
from tests.sources.webhooks.conftest import SITE, VERSION, Account, customer, until
from tests.support.api_server import Answer
from tests.support.apps import MakeApi


def test_events_change_the_rows_they_tell_of(account: Account) -> None:
    account.make("Customer")
    assert account.schema("Customer")["sync_frequency"] == "24hour"
    url = account.hook()["webhook_url"]
    assert url.startswith(f"{SITE}/public/webhooks/dwh/")
    (endpoint,) = account.stripe.hooks.endpoints.values()
    assert (endpoint["url"], endpoint["api_version"]) == (url, VERSION)

    now = int(time.time())
    account.tell("customer.updated", customer(1, "Ada", metadata={"a": "1"}), now)
    account.tell("customer.created", customer(7, "Grace"), now)
    account.tell("customer.deleted", customer(2, "Name 2"), now)
    account.tell(
        "charge.succeeded", {"id": "ch_1", "object": "charge", "created": now}, now
    )  # of no table that wants it
    told = account.applied()
    assert account.names() == [["cus_0", "Name 0"], ["cus_1", "Ada"], ["cus_7", "Grace"]]
    assert rows(account.api, "SELECT metadata FROM stripe.customer WHERE id = 'cus_1'") == [['{"a":"1"}']]
    assert (told["events_failed"], told["last_error"], told["last_refusal"]) == (0, None, None)
    assert told["last_event_at"] is not None
    table = account.schema("Customer")["table"]
    assert table["row_count"] == 3


def test_checks_look_at_what_came_and_keep_nothing_back(account: Account) -> None:
    account.make("Customer")
    account.hook()
    path = f"/warehouse_tables/{account.schema('Customer')['table']['id']}/data_checks"
    check = {"kind": "accepted_values", "config": {"column": "name", "values": ["Name 0", "Name 1", "Name 2"]}}
    assert account.api.post(path, json=check).status_code == 201
    account.tell("customer.updated", customer(1, "Ada"))
    account.applied()
    assert account.names()[1] == ["cus_1", "Ada"]
    (found,) = until(lambda: account.api.get(f"{path}/results").json()["results"])
    assert (found["status"], found["failing_rows"], found["severity"]) == ("failed", 1, "error")
    assert account.schema("Customer")["latest_error"] is None


def test_what_is_told_of_a_webhook_has_no_secret_in_it(account: Account) -> None:
    account.make("Customer")
    assert account.info() == {
        "supports_webhooks": True,
        "exists": False,
        "webhook_url": None,
        "schema_mapping": {"Customer": account.schema("Customer")["id"]},
    }
    made = account.hook()
    answer = account.api.get(f"/external_data_sources/{account.source}/webhook_info")
    (endpoint, secret), *_ = account.stripe.hooks.secrets.items()
    told = answer.json()
    assert secret not in answer.text
    assert KEY not in answer.text
    assert (told["exists"], told["registered"], told["webhook_url"]) == (True, True, made["webhook_url"])
    assert told["inputs"] == {"signing_secret": {"secret": True}}
    assert told["external_status"]["status"] == "enabled"
    assert told["external_status"]["error"] is None
    assert told["missing_events"] == []
    account.stripe.hooks.endpoints[endpoint]["enabled_events"].remove("customer.updated")
    assert account.info()["missing_events"] == ["customer.updated"]
    del account.stripe.hooks.endpoints[endpoint]
    assert account.info()["external_status"]["exists"] is False
    source = account.api.get(f"/external_data_sources/{account.source}").json()
    assert source["supports_webhooks"] is True


def test_older_events_do_not_bring_older_rows_back(account: Account) -> None:
    account.make("Customer")
    account.hook()
    now = int(time.time())
    account.tell("customer.updated", customer(1, "Newer"), now + 5)
    account.applied()
    account.tell("customer.updated", customer(1, "Older"), now + 4)
    account.tell("customer.deleted", customer(2, "Name 2"), now + 9)
    account.applied()
    account.tell("customer.updated", customer(2, "Name 2 before it went"), now + 8)
    account.applied()
    assert account.names() == [["cus_0", "Name 0"], ["cus_1", "Newer"]]
    # Of before the last whole read, though nothing here has seen an event of it.
    account.tell("customer.updated", customer(0, "Last week"), now - 7 * 86400)
    account.applied()
    assert account.names()[0] == ["cus_0", "Name 0"]


def test_two_states_of_one_second_are_settled_by_asking(account: Account) -> None:
    account.make("Customer")
    account.hook()
    now = int(time.time())
    account.stripe.objects["customers"][1]["name"] = "As it is"
    account.stripe.requests.clear()
    account.tell("customer.updated", customer(1, "Second"), now)
    account.applied()
    account.tell("customer.updated", customer(1, "First"), now)
    account.applied()
    assert account.names()[1] == ["cus_1", "As it is"]
    assert [asked.path for asked in account.stripe.requests if asked.path.startswith("/v1/customers/")] == [
        "/v1/customers/cus_1"
    ]


def test_an_event_of_another_version_is_not_taken_for_the_row(account: Account) -> None:
    account.make("Customer")
    account.hook()
    account.stripe.objects["customers"][1]["name"] = "In our shape"
    account.tell("customer.updated", customer(1, "In another shape"), api_version="2020-08-27")
    account.tell("customer.updated", customer(9, "Gone since"), api_version="2020-08-27")
    account.applied()
    assert account.names() == [["cus_0", "Name 0"], ["cus_1", "In our shape"], ["cus_2", "Name 2"]]


def test_events_of_connected_accounts_are_not_ours(account: Account) -> None:
    account.make("Customer")
    account.hook()
    account.tell("customer.updated", customer(1, "Another account's"), account="acct_9")
    assert account.info()["last_event_at"] is None
    assert account.names()[1] == ["cus_1", "Name 1"]


def test_an_event_delivered_twice_is_applied_once(account: Account) -> None:
    account.make("Customer")
    account.hook()
    event = account.stripe.hooks.event("customer.updated", customer(1, "Once"), int(time.time()))
    for _ in range(3):
        assert account.stripe.hooks.send(event, account.post) == [200]
        account.applied()
    assert account.names()[1] == ["cus_1", "Once"]
    assert rows(account.api, "SELECT count(), uniq(id) FROM stripe.customer") == [[3, 3]]


def test_a_row_of_wrong_types_keeps_no_other_from_its_table(account: Account) -> None:
    account.make("Customer")
    account.hook()
    account.tell("customer.updated", customer(1, "Wrong", balance="much"))
    account.tell("customer.updated", customer(2, "Right", balance=5))
    told = account.applied()
    assert account.names()[1:] == [["cus_1", "Name 1"], ["cus_2", "Right"]]
    assert told["events_failed"] == 1
    assert told["last_error"] == "Column balance of Customer is declared as integer, and holds much."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"headers": {}}, "missing"),
        ({"headers": {"Stripe-Signature": "t=now,v1=00"}}, "missing"),
        ({"headers": {"Stripe-Signature": f"t={int(time.time())},v0=00"}}, "missing"),
        ({"secret": "whsec_of_somebody_else"}, "not that of this webhook"),
        ({"body": b'{"object": "event", "other": 1}'}, "not that of this webhook"),
        ({"at": time.time() - 86400}, "more than 300 seconds"),
        ({"at": time.time() + 86400}, "more than 300 seconds"),
    ],
    ids=["none", "no time", "no version 1", "another secret", "another body", "too old", "of the future"],
)
def test_what_is_not_proven_changes_nothing(account: Account, change: dict[str, Any], says: str) -> None:
    account.make("Customer")
    url = account.hook()["webhook_url"]
    (endpoint, secret), *_ = account.stripe.hooks.secrets.items()
    event = account.stripe.hooks.event("customer.updated", customer(1, "Forged"))
    body = account.stripe.hooks.body(event, account.stripe.hooks.endpoints[endpoint])
    signed = {"Stripe-Signature": signature(change.get("secret", secret), body, change.get("at"))}
    answer = account.api.with_key(None).post(
        url.removeprefix(SITE), content=change.get("body", body), headers=change.get("headers", signed)
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "delivery_refused")
    assert says in answer.json()["detail"]
    told = account.info()
    assert says in told["last_refusal"]
    assert (told["last_event_at"], told["events_waiting"]) == (None, 0)
    assert account.names()[1] == ["cus_1", "Name 1"]


def test_bodies_are_bounded_and_must_be_events(account: Account) -> None:
    account.make("Customer")
    url = account.hook()["webhook_url"].removeprefix(SITE)
    (secret,) = account.stripe.hooks.secrets.values()
    nobody = account.api.with_key(None)

    def posted(body: bytes, **headers: str) -> int:
        return nobody.post(
            url, content=body, headers={"Stripe-Signature": signature(secret, body), **headers}
        ).status_code

    assert posted(b"x" * (1 << 20), **{"Content-Type": "application/json"}) == 400
    assert posted(b"x" * ((1 << 20) + 1), **{"Content-Type": "application/json"}) == 413
    assert posted(b"x" * ((1 << 20) + 1), **{"Content-Type": "application/octet-stream"}) == 413
    for body in (
        b"",
        b"not JSON",
        b"[]",
        b"null",
        b"{}",
        b'{"object": "event"}',
        b'{"object": "list", "data": []}',
        b"[" * 9999,
    ):
        assert posted(body) == 400, body
    assert nobody.post(url, content=_unannounced(40, b"x" * (1 << 15))).status_code == 413
    strange = {"object": "event", "id": "evt_x", "type": "invoice.upcoming", "created": 1, "data": {"object": {}}}
    assert posted(json.dumps(strange).encode()) == 200
    assert nobody.post("/public/webhooks/dwh/none", content=b"{}").status_code == 404
    assert nobody.post(f"/public/webhooks/dwh/{account.source}", content=b"{}").status_code == 404
    assert nobody.get(url).status_code == 405


def test_strange_text_is_kept_as_it_is(account: Account) -> None:
    account.make("Customer")
    account.hook()
    account.tell("customer.updated", customer(1, "nul \x00 half \ud83d whole 🌼"))
    account.applied()
    assert account.names()[1] == ["cus_1", "nul \x00 half ? whole 🌼"]


def test_refused_deliveries_are_limited(make_app: MakeApi) -> None:
    api = make_app(site_url=SITE, throttle=True, throttle_refused="3/minute").with_key(None)
    path = "/public/webhooks/dwh/00000000-0000-4000-8000-000000000000"
    assert [api.post(path, content=b"{}").status_code for _ in range(5)] == [404, 404, 404, 429, 429]


def test_a_webhook_by_hand(account: Account) -> None:
    account.stripe.denied.add("webhook_endpoints")
    account.make("Customer", key=RESTRICTED)
    assert account.act("update_webhook_inputs", 400, inputs={"signing_secret": "x"})["message"].endswith(
        "webhook first."
    )
    made = account.act("create_webhook")
    assert (made["success"], made["pending_inputs"]) == (False, ["signing_secret"])
    assert "A permission is missing" in made["error"]
    assert "Dashboard" in made["error"]
    told = account.info()
    assert (told["exists"], told["registered"], told["pending_inputs"]) == (True, False, ["signing_secret"])
    assert "A permission is missing" in told["external_status"]["error"]

    account.stripe.hooks.endpoints["we_hand"] = {
        "id": "we_hand",
        "url": made["webhook_url"],
        "api_version": VERSION,
        "enabled_events": ["*"],
        "status": "enabled",
    }
    account.stripe.hooks.secrets["we_hand"] = "whsec_hand"
    event = account.stripe.hooks.event("customer.updated", customer(1, "By hand"), int(time.time()))
    assert account.stripe.hooks.send(event, account.post) == [400]
    assert "no signing secret yet" in account.info()["last_refusal"]
    for inputs, says in (
        ({}, "No inputs"),
        ({"key": "x"}, "Invalid input keys: key"),
        ({"signing_secret": " "}, "Missing"),
    ):
        assert says in account.act("update_webhook_inputs", 400, inputs=inputs)["message"]
    assert account.act("update_webhook_inputs", inputs={"signing_secret": " whsec_hand "}) == {"success": True}
    assert account.stripe.hooks.send(event, account.post) == [200]
    settled(account.api, account.source)
    told = account.applied()
    assert (told["last_refusal"], told["pending_inputs"]) == (None, [])
    assert account.names()[1] == ["cus_1", "By hand"]


def test_without_an_address_nothing_is_registered(make_app: MakeApi, account: Account) -> None:
    local = Account(make_app(), account.stripe)
    local.make("Customer")
    made = local.act("create_webhook")
    assert made["success"] is False
    assert "HEDGEROW_SITE_URL" in made["error"]
    assert made["webhook_url"].startswith("http://testserver/public/webhooks/dwh/")
    assert not account.stripe.hooks.endpoints


def test_made_again_it_is_one_and_its_secret_stays(account: Account) -> None:
    account.make("Customer")
    first = account.hook()
    (endpoint,) = account.stripe.hooks.endpoints.values()
    endpoint["status"], endpoint["enabled_events"] = "disabled", ["customer.created"]
    assert account.hook() == first
    (again,) = account.stripe.hooks.endpoints.values()
    assert (again["id"], again["status"]) == (endpoint["id"], "enabled")
    assert "customer.updated" in again["enabled_events"]
    # The remote has lost it: another one with another secret.
    account.stripe.hooks.endpoints.clear()
    assert account.hook() == first
    (other,) = account.stripe.hooks.endpoints.values()
    assert other["id"] != endpoint["id"]
    account.tell("customer.updated", customer(1, "By the other"))
    account.applied()
    assert account.names()[1] == ["cus_1", "By the other"]


def test_deleting_asks_the_remote_and_needs_it_not(account: Account) -> None:
    account.make("Customer")
    url = account.hook()["webhook_url"].removeprefix(SITE)
    refused = account.act("delete_webhook", 400)
    assert "synced by it: Customer" in refused["message"]
    account.change("Customer", sync_type="full_refresh")
    account.stripe.denied.add("webhook_endpoints")
    with account.stripe._lock:
        account.stripe.faults = [_broken() for _ in range(3)]
    deleted = account.act("delete_webhook")
    assert (deleted["success"], deleted["external_deleted"]) == (True, False)
    assert deleted["error"]
    assert account.api.with_key(None).post(url, content=b"{}").status_code == 404
    assert account.info()["exists"] is False
    account.change("Customer", sync_type="webhook")
    settled(account.api, account.source)
    assert account.hook()["webhook_url"] != f"{SITE}{url}"
    account.change("Customer", sync_type="full_refresh")
    assert account.act("delete_webhook")["external_deleted"] is True
    assert account.act("delete_webhook") == {"success": True, "external_deleted": False, "error": None}


def test_deleting_the_source_removes_its_webhook(account: Account) -> None:
    account.make("Customer")
    url = account.hook()["webhook_url"].removeprefix(SITE)
    assert len(account.stripe.hooks.endpoints) == 1
    assert account.api.delete(f"/external_data_sources/{account.source}").status_code == 204
    assert account.api.with_key(None).post(url, content=b"{}").status_code == 404
    until(lambda: not account.stripe.hooks.endpoints)


def test_a_switch_to_events_reads_the_table_and_a_switch_away_forgets_them(account: Account) -> None:
    account.make("Customer", sync_type="full_refresh")
    account.hook()
    account.tell("customer.updated", customer(1, "Nobody wants to know"))
    account.stripe.objects["customers"].append(customer(8, "Since the last read"))
    assert account.change("Customer", sync_type="webhook")["sync_frequency"] == "24hour"
    settled(account.api, account.source)
    assert account.names()[-1] == ["cus_8", "Since the last read"]
    assert account.names()[1] == ["cus_1", "Name 1"]
    now = int(time.time())
    account.tell("customer.updated", customer(8, "Told"), now)
    account.applied()
    assert account.names()[-1] == ["cus_8", "Told"]
    # Other columns are read at once, and events go on.
    account.change("Customer", enabled_columns=["name"])
    settled(account.api, account.source)
    account.tell("customer.updated", customer(8, "Two columns", email="x@example.com"), now + 1)
    account.applied()
    assert account.names()[-1] == ["cus_8", "Two columns"]
    assert [column["name"] for column in account.schema("Customer")["table"]["columns"]] == ["id", "name"]
    account.change("Customer", should_sync=False)
    account.tell("customer.updated", customer(8, "Off"), now + 5)
    assert account.names()[-1] == ["cus_8", "Two columns"]


def test_what_events_cannot_tell_of_is_refused(account: Account) -> None:
    account.make("Customer", sync_type="full_refresh")
    schema = account.schema("BalanceTransaction")["id"]
    answer = account.api.patch(f"/external_data_schemas/{schema}", json={"sync_type": "webhook"})
    assert answer.status_code == 400
    assert "cannot be synced as webhook" in answer.json()["detail"]
    schema = account.schema("Customer")["id"]
    wish = {"sync_type": "webhook", "primary_key_columns": ["name"]}
    answer = account.api.patch(f"/external_data_schemas/{schema}", json=wish)
    assert (answer.status_code, answer.json()["attr"]) == (400, "primary_key_columns")
    tables = {"stripe_secret_key": KEY, "source_type": "Stripe"}
    found = account.api.post("/external_data_sources/database_schema", json=tables).json()
    told = {each["table"]: each["supports_webhooks"] for each in found}
    assert [name for name, can in told.items() if not can] == ["BalanceTransaction", "CustomerBalanceTransaction"]
    entry = account.api.get("/external_data_sources/wizard").json()["Stripe"]
    assert [field["name"] for field in entry["webhookFields"]] == ["signing_secret"]
    assert "Dashboard" in entry["webhookSetupCaption"]


async def _unannounced(count: int, piece: bytes) -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(count):
        yield piece


def _broken() -> Answer:
    return Answer({"error": {"message": "Broken."}}, 500)
