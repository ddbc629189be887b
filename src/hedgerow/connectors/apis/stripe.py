"""Stripe: payments, customers and what is billed to them."""

from collections.abc import Mapping
from typing import Any

from hedgerow.connectors.apis.stripe_events import WEBHOOK, StripeWebhooks
from hedgerow.connectors.base import Config, Declaration, Field, Option
from hedgerow.connectors.rest import Api, Bearer, Columns, Increment, LastRow, Parent, Resource, columns

BASE_URL = "https://api.stripe.com"
VERSION = "2024-09-30.acacia"
"""Of the API: with it, fields stay as they are below."""


def normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """A key may be given flat, as `stripe_secret_key` or `client_secret`; `account_id` is `stripe_account_id`."""
    values = dict(given)
    flat = [values.pop(name, None) for name in ("stripe_secret_key", "client_secret")]
    key = next((value for value in flat if isinstance(value, str) and value), None)
    method = values.get("auth_method")
    if isinstance(method, str):
        method = {"selection": method}
    if isinstance(method, dict) and "selection" not in method and "type" in method:
        method = {"selection": method["type"], **{name: v for name, v in method.items() if name != "type"}}
    if method is None and key is not None:
        method = {"selection": "api_key"}
    if isinstance(method, dict) and key is not None and not method.get("stripe_secret_key"):
        method = {**method, "stripe_secret_key": key}
    if method is not None:
        values["auth_method"] = method
    account = values.pop("account_id", None)
    if account and not values.get("stripe_account_id"):
        values["stripe_account_id"] = account
    return values


DECLARATION = Declaration(
    source_type="Stripe",
    label="Stripe",
    caption="Payments, customers, invoices and subscriptions. A restricted key that may read is enough.",
    docs_url="docs/sources/stripe.md",
    fields=(
        Field(
            "auth_method",
            "Authentication",
            kind="select",
            default="api_key",
            options=(
                Option(
                    "api_key",
                    "API key",
                    (Field("stripe_secret_key", "Secret or restricted key", kind="password", placeholder="rk_live_…"),),
                ),
            ),
        ),
        Field(
            "stripe_account_id",
            "Account",
            required=False,
            placeholder="acct_…",
            caption="Of a connected account, where the key is its platform's.",
        ),
    ),
    category="Payments & billing",
    normalise=normalised,
    hosts=lambda _config: frozenset({"api.stripe.com"}),
    keywords=("payments", "billing", "subscriptions", "invoices"),
    webhook=WEBHOOK,
)

_OBJECT = "id object"

BALANCE_TRANSACTION = columns(
    string=f"{_OBJECT} currency description reporting_category source status type",
    integer="created amount available_on fee net",
    float="exchange_rate",
    json="fee_details",
)
CHARGE = columns(
    string=f"{_OBJECT} currency customer description invoice payment_intent payment_method balance_transaction status "
    "failure_balance_transaction failure_code failure_message application application_fee on_behalf_of receipt_email "
    "receipt_number receipt_url review source_transfer statement_descriptor statement_descriptor_suffix transfer "
    "calculated_statement_descriptor transfer_group",
    integer="created amount amount_captured amount_refunded application_fee_amount",
    boolean="captured disputed paid refunded livemode",
    json="billing_details fraud_details metadata outcome payment_method_details radar_options refunds shipping source "
    "transfer_data",
)
CUSTOMER = columns(
    string=f"{_OBJECT} email name phone description currency default_source invoice_prefix tax_exempt test_clock",
    integer="created balance next_invoice_sequence",
    boolean="delinquent livemode",
    json="address cash_balance discount invoice_credit_balance invoice_settings metadata preferred_locales shipping "
    "sources subscriptions tax tax_ids",
)
DISPUTE = columns(
    string=f"{_OBJECT} charge payment_intent currency reason status",
    integer="created amount",
    boolean="is_charge_refundable livemode",
    json="balance_transactions evidence evidence_details metadata payment_method_details",
)
INVOICE_ITEM = columns(
    string=f"{_OBJECT} customer invoice subscription subscription_item currency description test_clock "
    "unit_amount_decimal",
    integer="date amount quantity unit_amount",
    boolean="discountable livemode proration",
    json="discounts metadata period plan price tax_rates",
)
INVOICE = columns(
    string=f"{_OBJECT} customer subscription charge payment_intent quote account_country account_name application "
    "billing_reason collection_method currency customer_email customer_name customer_phone customer_tax_exempt "
    "default_payment_method default_source description footer hosted_invoice_url invoice_pdf latest_revision number "
    "on_behalf_of receipt_number statement_descriptor status test_clock",
    integer="created amount_due amount_paid amount_remaining amount_shipping application_fee_amount attempt_count "
    "automatically_finalizes_at due_date effective_at ending_balance next_payment_attempt period_end period_start "
    "post_payment_credit_notes_amount pre_payment_credit_notes_amount starting_balance subtotal subtotal_excluding_tax "
    "tax total total_excluding_tax webhooks_delivered_at",
    boolean="attempted auto_advance livemode paid paid_out_of_band",
    json="account_tax_ids automatic_tax custom_fields customer_address customer_shipping customer_tax_ids "
    "default_tax_rates discount discounts from_invoice issuer last_finalization_error lines metadata payment_settings "
    "rendering shipping_cost shipping_details status_transitions subscription_details threshold_reason "
    "total_discount_amounts total_pretax_credit_amounts total_tax_amounts transfer_data",
)
PAYOUT = columns(
    string=f"{_OBJECT} balance_transaction application_fee currency description destination "
    "failure_balance_transaction failure_code failure_message method original_payout reconciliation_status "
    "reversed_by source_type statement_descriptor status type",
    integer="created amount application_fee_amount arrival_date",
    boolean="automatic livemode",
    json="metadata trace_id",
)
PRICE = columns(
    string=f"{_OBJECT} product billing_scheme currency lookup_key nickname tax_behavior tiers_mode type "
    "unit_amount_decimal",
    integer="created unit_amount",
    boolean="active livemode",
    json="currency_options custom_unit_amount metadata recurring tiers transform_quantity",
)
PRODUCT = columns(
    string=f"{_OBJECT} name description default_price statement_descriptor tax_code type unit_label url",
    integer="created updated",
    boolean="active livemode shippable",
    json="attributes features images marketing_features metadata package_dimensions",
)
REFUND = columns(
    string=f"{_OBJECT} charge payment_intent balance_transaction currency description failure_balance_transaction "
    "failure_reason instructions_email reason receipt_number source_transfer_reversal status transfer_reversal",
    integer="created amount",
    json="destination_details metadata next_action",
)
SUBSCRIPTION = columns(
    string=f"{_OBJECT} customer status application collection_method currency default_payment_method default_source "
    "description latest_invoice on_behalf_of pending_setup_intent schedule test_clock",
    integer="created billing_cycle_anchor cancel_at canceled_at current_period_end current_period_start "
    "days_until_due next_pending_invoice_item_invoice ended_at quantity start_date trial_end trial_start",
    float="application_fee_percent",
    boolean="cancel_at_period_end livemode",
    json="automatic_tax billing_cycle_anchor_config billing_thresholds cancellation_details default_tax_rates discount "
    "discounts invoice_settings items metadata pause_collection payment_settings pending_invoice_item_interval "
    "pending_update plan transfer_data trial_settings",
)
CREDIT_NOTE = columns(
    string=f"{_OBJECT} customer invoice customer_balance_transaction currency memo number pdf reason refund "
    "status type",
    integer="created amount amount_shipping discount_amount effective_at out_of_band_amount subtotal "
    "subtotal_excluding_tax total total_excluding_tax voided_at",
    boolean="livemode",
    json="discount_amounts lines metadata pretax_credit_amounts shipping_cost tax_amounts",
)
CUSTOMER_BALANCE_TRANSACTION = columns(
    string=f"{_OBJECT} customer credit_note currency description invoice type",
    integer="created amount ending_balance",
    boolean="livemode",
    json="metadata",
)
CUSTOMER_PAYMENT_METHOD = columns(
    string=f"{_OBJECT} customer allow_redisplay type",
    integer="created",
    boolean="livemode",
    json="billing_details card link metadata paypal sepa_debit us_bank_account",
)
COUPON = columns(
    string=f"{_OBJECT} name currency duration",
    integer="created amount_off duration_in_months max_redemptions redeem_by times_redeemed",
    float="percent_off",
    boolean="livemode valid",
    json="applies_to currency_options metadata",
)


def _listed(name: str, path: str, kinds: Columns, column: str = "created", **params: str) -> Resource:
    """A list: newest first, a hundred a page, and what was made since a second can be asked for."""
    return Resource(
        name,
        f"/v1/{path}",
        columns=kinds,
        rows="data",
        key=("id",),
        steady=True,
        params={"limit": 100, **params},
        paging=LastRow("starting_after", "id", "has_more"),
        increment=Increment(column, "created[gte]", order="desc", label="created_at", ways=("append",)),
    )


def _of_customer(name: str, path: str, kinds: Columns) -> Resource:
    """A list of each customer; nothing in it can be asked for by time."""
    return Resource(
        name,
        f"/v1/customers/{{parent}}/{path}",
        columns=kinds,
        rows="data",
        key=("id",),
        params={"limit": 100},
        paging=LastRow("starting_after", "id", "has_more"),
        increment=Increment("created", order="desc", label="created_at", ways=("append",)),
        parent=Parent("Customer"),
    )


RESOURCES = (
    _listed("BalanceTransaction", "balance_transactions", BALANCE_TRANSACTION),
    _listed("Charge", "charges", CHARGE),
    _listed("Coupon", "coupons", COUPON),
    _listed("CreditNote", "credit_notes", CREDIT_NOTE),
    _listed("Customer", "customers", CUSTOMER),
    _of_customer("CustomerBalanceTransaction", "balance_transactions", CUSTOMER_BALANCE_TRANSACTION),
    _of_customer("CustomerPaymentMethod", "payment_methods", CUSTOMER_PAYMENT_METHOD),
    _listed("Dispute", "disputes", DISPUTE),
    _listed("Invoice", "invoices", INVOICE),
    _listed("InvoiceItem", "invoiceitems", INVOICE_ITEM, column="date"),
    _listed("Payout", "payouts", PAYOUT),
    _listed("Price", "prices", PRICE),
    _listed("Product", "products", PRODUCT),
    _listed("Refund", "refunds", REFUND),
    _listed("Subscription", "subscriptions", SUBSCRIPTION, status="all"),
)


def api_of(config: Config) -> Api:
    """Stripe, for a key and perhaps a connected account."""
    key = str(config["auth_method"]["stripe_secret_key"])
    account = config.get("stripe_account_id")
    return Api(
        BASE_URL,
        RESOURCES,
        auth=Bearer(key),
        headers={"Stripe-Version": VERSION, **({"Stripe-Account": str(account)} if account else {})},
        key_field="auth_method",
        message=("error.message",),
        webhooks=StripeWebhooks(VERSION, str(account) if account else None),
    )
