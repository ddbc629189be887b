"""Revenue of a Stripe source: managed views that come and go with its configuration, and what they say."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.apis.stripe_server import KEY, StripeServer
from tests.sources.conftest import full, rows, settled
from tests.support.apps import Api

FIRST = 1_767_225_600  # 2026-01-01
VIEWS = ("charge", "customer", "product", "revenue_item", "subscription")
_TABLES = ("Customer", "Product", "Subscription", "Invoice", "Charge")


def _charge(n: int, **more: Any) -> dict[str, Any]:
    whole = {"id": f"ch_{n}", "created": FIRST + n, "amount": 1000 * n, "currency": "eur", "customer": "cus_1"}
    return {**whole, "status": "succeeded", "invoice": None, "amount_refunded": 0, **more}


def _line(n: int, amount: int, **more: Any) -> dict[str, Any]:
    return {"id": f"il_{n}", "amount": amount, "price": {"product": "prod_1"}, "discount_amounts": [], **more}


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    server = StripeServer("2024-09-30.acacia")
    coupon = {"coupon": {"id": "c1", "name": "Spring"}}
    server.objects["customers"] = [
        {"id": "cus_1", "created": FIRST, "name": "Ada", "address": {"country": "DE"}, "discount": coupon},
        {"id": "cus_2", "created": FIRST + 86_400 * 40, "name": "Grace", "address": None, "discount": None},
    ]
    server.objects["products"] = [{"id": "prod_1", "created": FIRST, "name": "Hedge"}]
    plan = {"id": "plan_1", "product": "prod_1"}
    server.objects["subscriptions"] = [
        {
            "id": "sub_1",
            "created": FIRST,
            "start_date": FIRST + 5,
            "customer": "cus_1",
            "status": "active",
            "plan": plan,
        }
    ]
    lines = [
        _line(1, 5000, subscription="sub_1", discount_amounts=[{"amount": 300}, {"amount": 200}]),
        _line(2, 700, subscription=None),
    ]
    invoice = {"id": "in_1", "created": FIRST + 9, "customer": "cus_1", "charge": "ch_1", "currency": "usd"}
    server.objects["invoices"] = [
        {**invoice, "paid": True, "lines": {"data": lines}, "discount": coupon},
        {**invoice, "id": "in_2", "paid": False, "lines": {"data": [_line(3, 99)]}, "discount": None},
    ]
    server.objects["charges"] = [
        _charge(1, invoice="in_1"),
        _charge(2, amount_refunded=500),
        _charge(3, currency="jpy"),
        _charge(4, status="failed"),
    ]
    with server.running():
        monkeypatch.setattr("hedgerow.connectors.apis.stripe.BASE_URL", server.url)
        yield server


def _make(api: Api, prefix: str | None = None) -> dict[str, Any]:
    payload = {"client_secret": KEY, "account_id": "", "schemas": [full(name) for name in _TABLES]}
    made = api.post("/external_data_sources", json={"source_type": "Stripe", "prefix": prefix, "payload": payload})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def _config(api: Api, source: dict[str, Any], **said: Any) -> Any:
    answer = api.patch(f"/external_data_sources/{source['id']}/revenue_analytics_config", json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()["revenue_analytics_config"]


def _managed(api: Api) -> list[str]:
    found = api.get("/managed_viewsets/revenue_analytics").json()
    assert found["count"] == len(found["views"])
    listed = api.get("/warehouse_saved_queries").json()["results"]
    assert [each["name"] for each in found["views"]] == sorted(each["name"] for each in listed)
    return [each["name"] for each in found["views"]]


def test_views_come_and_go_with_the_configuration(api: Api, stripe: StripeServer) -> None:
    source = _make(api)
    assert source["revenue_analytics_config"] == {"enabled": True, "include_invoiceless_charges": True}
    assert _managed(api) == [f"stripe.{name}_revenue_view" for name in VIEWS]
    other = _make(api, "prod")
    assert len(_managed(api)) == 10
    assert "stripe.prod.charge_revenue_view" in _managed(api)
    assert _config(api, other, enabled=False) == {"enabled": False, "include_invoiceless_charges": True}
    assert _managed(api) == [f"stripe.{name}_revenue_view" for name in VIEWS]
    _config(api, source, enabled=False)
    assert _managed(api) == []
    assert _config(api, other, include_invoiceless_charges=False) == {
        "enabled": False,
        "include_invoiceless_charges": False,
    }
    _config(api, other, enabled=True)
    assert len(_managed(api)) == 5
    assert api.put("/managed_viewsets/revenue_analytics", json={"enabled": False}).status_code == 200
    assert _managed(api) == []
    assert api.put("/managed_viewsets/revenue_analytics", json={"enabled": True}).status_code == 200
    assert len(_managed(api)) == 5
    assert api.delete(f"/external_data_sources/{other['id']}").status_code == 204
    assert _managed(api) == []


def test_they_say_what_was_earned(api: Api, stripe: StripeServer) -> None:
    source = settled(api, _make(api)["id"])
    assert source["status"] == "Completed", source["latest_error"]
    assert rows(api, "select id, country, cohort, initial_coupon from stripe.customer_revenue_view order by id") == [
        ["cus_1", "DE", "2026-01", "Spring"],
        ["cus_2", None, "2026-02", None],
    ]
    assert rows(api, "select id, source_label, name from stripe.product_revenue_view") == [
        ["prod_1", "stripe", "Hedge"]
    ]
    columns = "plan_id, product_id, customer_id, status, toUnixTimestamp(started_at), ended_at"
    assert rows(api, f"select {columns} from stripe.subscription_revenue_view") == [
        ["plan_1", "prod_1", "cus_1", "active", FIRST + 5, None]
    ]
    columns = "id, invoice_id, currency, original_amount, amount"
    assert rows(api, f"select {columns} from stripe.charge_revenue_view order by id") == [
        ["ch_1", "in_1", "EUR", 1000, 10],
        ["ch_2", None, "EUR", 2000, 20],
        ["ch_3", None, "JPY", 3000, 3000],
    ]
    columns = "id, is_recurring, product_id, coupon, currency, amount"
    items = f"select {columns} from stripe.revenue_item_revenue_view order by id"
    of_invoices = [
        ["il_1", True, "prod_1", "Spring", "USD", 45],
        ["il_2", False, "prod_1", "Spring", "USD", 7],
    ]
    assert rows(api, items) == [
        ["ch_2", False, None, None, "EUR", 15],
        ["ch_3", False, None, None, "JPY", 3000],
        *of_invoices,
    ]
    _config(api, source, include_invoiceless_charges=False)
    assert rows(api, items) == of_invoices


def test_their_columns_are_as_they_are_told(api: Api, stripe: StripeServer) -> None:
    settled(api, _make(api)["id"])
    for view in api.get("/warehouse_saved_queries").json()["results"]:
        kept = api.get(f"/warehouse_saved_queries/{view['id']}").json()
        copy = api.post("/warehouse_saved_queries", json={"name": f"copy_{view['id'][-6:]}", "query": kept["query"]})
        assert copy.status_code == 201, copy.text
        told, found = ([(c["name"], c["type"]) for c in each["columns"]] for each in (kept, copy.json()))
        assert told == found, view["name"]


def test_nobody_changes_them(api: Api, stripe: StripeServer) -> None:
    _make(api)
    (view, *_) = api.get("/warehouse_saved_queries").json()["results"]
    path = f"/warehouse_saved_queries/{view['id']}"
    assert (view["origin"], view["managed_viewset_kind"]) == ("managed_viewset", "revenue_analytics")
    assert api.patch(path, json={"name": "mine"}).json()["detail"] == "Cannot update a query from a managed viewset"
    assert "Disable the managed viewset instead." in api.delete(path).json()["detail"]
    assert api.post(f"{path}/materialize").status_code == 400


def test_a_view_of_a_users_own_keeps_its_name(api: Api, stripe: StripeServer) -> None:
    own = {"name": "stripe.product_revenue_view", "query": {"kind": "HogQLQuery", "query": "select 1 as one"}}
    assert api.post("/warehouse_saved_queries", json=own).status_code == 201
    _make(api)
    assert rows(api, "select * from stripe.product_revenue_view") == [[1]]
    assert api.get("/managed_viewsets/revenue_analytics").json()["count"] == 4
