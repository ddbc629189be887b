"""The views over a Stripe source: customers, products, subscriptions, charges and items of revenue.

Amounts are in the currency they were paid in: there are no rates of exchange here, and `currency` is the original one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hedgerow.warehouse.records import KeptColumn, ManagedView

_WHOLE = "('BIF','CLP','DJF','GNF','JPY','KMF','KRW','MGA','PYG','RWF','UGX','VND','VUV','XAF','XOF','XPF')"
_AMOUNTS = (
    f"upper({{currency}}) AS original_currency, toDecimal128({{amount}}, 10) AS original_amount, "
    f"original_currency IN {_WHOLE} AS enable_currency_aware_divider, "
    "toDecimal128(if(enable_currency_aware_divider, 1, 100), 10) AS currency_aware_divider, "
    "original_amount / if(enable_currency_aware_divider, 1, 100) AS currency_aware_amount, "
    "original_currency AS currency, currency_aware_amount AS amount"
)
_CUSTOMER = """
SELECT id, '{label}' AS source_label, fromUnixTimestamp(created) AS timestamp, name, email, phone, address, metadata,
  nullIf(JSONExtractString(ifNull(address, ''), 'country'), '') AS country,
  formatDateTime(toStartOfMonth(timestamp), '%Y-%m') AS cohort,
  nullIf(JSONExtractString(ifNull(discount, ''), 'coupon', 'name'), '') AS initial_coupon,
  nullIf(JSONExtractString(ifNull(discount, ''), 'coupon', 'id'), '') AS initial_coupon_id
FROM {Customer}
"""
_PRODUCT = "SELECT id, '{label}' AS source_label, name FROM {Product}"
_SUBSCRIPTION = """
SELECT id, '{label}' AS source_label, nullIf(JSONExtractString(ifNull(plan, ''), 'id'), '') AS plan_id,
  nullIf(JSONExtractString(ifNull(plan, ''), 'product'), '') AS product_id, customer AS customer_id, status,
  fromUnixTimestamp(ifNull(start_date, created)) AS started_at, fromUnixTimestamp(ended_at) AS ended_at, metadata
FROM {Subscription}
"""
_CHARGE = f"""
SELECT id, '{{label}}' AS source_label, fromUnixTimestamp(created) AS timestamp, customer AS customer_id,
  invoice AS invoice_id, nullIf('', '') AS session_id, nullIf('', '') AS event_name,
  {_AMOUNTS.format(currency="stripe.currency", amount="stripe.amount")}
FROM {{Charge}} AS stripe WHERE status = 'succeeded'
"""
_OF_INVOICES = f"""
SELECT JSONExtractString(line, 'id') AS id, id AS invoice_item_id, '{{label}}' AS source_label,
  fromUnixTimestamp(stripe.created) AS timestamp, timestamp AS created_at,
  ifNull(JSONExtractString(line, 'subscription'), '') != '' AS is_recurring,
  nullIf(JSONExtractString(line, 'price', 'product'), '') AS product_id, stripe.customer AS customer_id,
  stripe.id AS invoice_id, stripe.charge AS charge_id,
  nullIf(JSONExtractString(line, 'subscription'), '') AS subscription_id,
  nullIf('', '') AS session_id, nullIf('', '') AS event_name,
  nullIf(JSONExtractString(ifNull(stripe.discount, ''), 'coupon', 'name'), '') AS coupon,
  nullIf(JSONExtractString(ifNull(stripe.discount, ''), 'coupon', 'id'), '') AS coupon_id,
  {_AMOUNTS.format(currency="stripe.currency", amount="JSONExtractInt(line, 'amount') - discounted")}
FROM (
  SELECT *, arrayJoin(JSONExtractArrayRaw(ifNull(lines, ''), 'data')) AS line,
    arraySum(arrayMap(each -> JSONExtractInt(each, 'amount'), JSONExtractArrayRaw(line, 'discount_amounts')))
      AS discounted
  FROM {{Invoice}} WHERE paid
) AS stripe
"""
_OF_CHARGES = f"""
UNION ALL SELECT stripe.id AS id, stripe.id AS invoice_item_id, '{{label}}' AS source_label,
  fromUnixTimestamp(stripe.created) AS timestamp, timestamp AS created_at, false AS is_recurring,
  nullIf('', '') AS product_id, stripe.customer AS customer_id, nullIf('', '') AS invoice_id, stripe.id AS charge_id,
  nullIf('', '') AS subscription_id, nullIf('', '') AS session_id, nullIf('', '') AS event_name,
  nullIf('', '') AS coupon, nullIf('', '') AS coupon_id,
  {_AMOUNTS.format(currency="stripe.currency", amount="stripe.amount - ifNull(stripe.amount_refunded, 0)")}
FROM {{Charge}} AS stripe WHERE status = 'succeeded' AND ifNull(invoice, '') = ''
"""
_KINDS = {
    "text": ("Nullable(String)", "string"),
    "label": ("String", "string"),
    "time": ("Nullable(DateTime)", "datetime"),
    "flag": ("UInt8", "integer"),
    "money": ("Nullable(Decimal(38, 10))", "decimal"),
    "divider": ("Decimal(38, 10)", "decimal"),
}


def _columns(text: str) -> tuple[KeptColumn, ...]:
    """Columns from words: `name`, which is a text, or `name:kind`."""
    parted = (word.partition(":") for word in text.split())
    return tuple(KeptColumn(name, *_KINDS[kind or "text"]) for name, _, kind in parted)


_MONEY = (
    "original_currency original_amount:money enable_currency_aware_divider:flag currency_aware_divider:divider "
    "currency_aware_amount:money currency amount:money"
)
_CUSTOMERS = _columns(
    "id source_label:label timestamp:time name email phone address metadata country cohort initial_coupon "
    "initial_coupon_id"
)
_PRODUCTS = _columns("id source_label:label name")
_SUBSCRIPTIONS = _columns(
    "id source_label:label plan_id product_id customer_id status started_at:time ended_at:time metadata"
)
_CHARGES = _columns(f"id source_label:label timestamp:time customer_id invoice_id session_id event_name {_MONEY}")
_ITEMS = _columns(
    "id invoice_item_id source_label:label timestamp:time created_at:time is_recurring:flag product_id customer_id "
    f"invoice_id charge_id subscription_id session_id event_name coupon coupon_id {_MONEY}"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A view: what it is called, the tables it reads, its text, and its columns."""

    name: str
    tables: tuple[str, ...]
    text: str
    columns: tuple[KeptColumn, ...]
    invoiceless: str = ""
    """What is put to the text where charges without an invoice count too."""

    def over(self, label: str, tables: Mapping[str, str], invoiceless: bool) -> ManagedView | None:
        """The view over a source's tables, by their names there; `None` where one is missing."""
        if not set(self.tables) <= set(tables):
            return None
        text = self.text + (self.invoiceless if invoiceless else "")
        filled = text.format(label=label, **{name: tables[name] for name in self.tables})
        reads = tuple(tables[name] for name in self.tables)
        return ManagedView(f"{label}.{self.name}_revenue_view", filled.strip(), self.columns, reads)


VIEWS = (
    Shape("customer", ("Customer",), _CUSTOMER, _CUSTOMERS),
    Shape("product", ("Product",), _PRODUCT, _PRODUCTS),
    Shape("subscription", ("Subscription",), _SUBSCRIPTION, _SUBSCRIPTIONS),
    Shape("charge", ("Charge",), _CHARGE, _CHARGES),
    Shape("revenue_item", ("Invoice", "Charge"), _OF_INVOICES, _ITEMS, _OF_CHARGES),
)
