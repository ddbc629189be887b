"""Stripe through this server's own API: charges appended by the second they were made in, none lost or doubled."""

import pytest

from tests.connectors.apis.stripe_server import KEY, StripeServer
from tests.sources.conftest import rows, settled
from tests.support.apps import Api

FIRST = 1_767_225_600
COUNT = "SELECT count(), uniq(id), sum(amount) FROM stripe.charge"


def charge(n: int, second: int) -> dict[str, object]:
    return {"id": f"ch_{n}", "object": "charge", "created": FIRST + second, "amount": n, "metadata": {"n": str(n)}}


def test_charges_are_appended_once_each(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    server = StripeServer("2024-09-30.acacia")
    server.objects["charges"] = [charge(n, n // 2) for n in range(250)]
    with server.running():
        monkeypatch.setattr("hedgerow.connectors.apis.stripe.BASE_URL", server.url)
        wish = {
            "name": "Charge",
            "should_sync": True,
            "sync_type": "append",
            "incremental_field": "created",
            "incremental_field_type": "integer",
        }
        payload = {"client_secret": KEY, "account_id": "", "schemas": [wish]}
        made = api.post("/external_data_sources", json={"source_type": "Stripe", "payload": payload})
        assert made.status_code == 201, made.text
        assert KEY not in made.text
        source = settled(api, made.json()["id"])
        schema = next(each for each in source["schemas"] if each["name"] == "Charge")
        assert schema["latest_error"] is None
        assert rows(api, COUNT) == [[250, 250, sum(range(250))]]
        assert rows(api, "SELECT metadata FROM stripe.charge WHERE id = 'ch_7'") == [['{"n":"7"}']]

        # One more of the last second, and one later; the first charges are gone from the list, and stay here.
        server.objects["charges"] += [charge(250, 124), charge(251, 200)]
        server.objects["charges"] = server.objects["charges"][10:]
        for _ in range(2):
            server.requests.clear()
            assert api.post(f"/external_data_schemas/{schema['id']}/reload").status_code == 200
            settled(api, source["id"])
            assert rows(api, COUNT) == [[252, 252, sum(range(252))]]
            assert [asked for asked in server.requests if "created[gte]" in asked.params]


def test_a_key_that_may_not_read_all_is_refused_with_what_it_lacks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    server = StripeServer("2024-09-30.acacia")
    server.denied = {"invoices"}
    with server.running():
        monkeypatch.setattr("hedgerow.connectors.apis.stripe.BASE_URL", server.url)
        method = {"selection": "api_key", "stripe_secret_key": "rk_test_51Hedgerow"}
        answer = api.post(
            "/external_data_sources/database_schema", json={"source_type": "Stripe", "auth_method": method}
        )
        assert answer.status_code == 400
        assert answer.json()["message"] == "Stripe credentials lack permissions for Invoice"
