"""HubSpot: the objects of a CRM, with the properties that each account gives them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hedgerow.connectors.base import Config, Declaration, Field, Refused
from hedgerow.connectors.rest import (
    Api,
    Bearer,
    Columns,
    Cursor,
    GetDocument,
    Increment,
    Kind,
    Request,
    Resource,
    columns,
)

BASE_URL = "https://api.hubapi.com"

DECLARATION = Declaration(
    source_type="Hubspot",
    label="HubSpot",
    caption="Contacts, companies, deals and more, with their properties.",
    docs_url="docs/sources/hubspot.md",
    fields=(
        Field(
            "access_token",
            "Access token",
            kind="password",
            placeholder="pat-eu1-…",
            caption="Of a private app with the scopes crm.objects.….read and crm.schemas.….read.",
        ),
        Field(
            "custom_properties",
            "Properties",
            required=False,
            caption="Names of properties to read beside HubSpot's usual ones, with commas. Empty: all of your own.",
        ),
    ),
    category="CRM",
    hosts=lambda _config: frozenset({"api.hubapi.com"}),
    keywords=("crm", "sales", "marketing"),
)

FIXED = columns(string="id", datetime="created_at updated_at", boolean="archived", json="associations")
OWNERS = columns(
    string="id email type first_name last_name",
    integer="user_id",
    boolean="archived",
    datetime="created_at updated_at",
    json="teams",
)
_KINDS: Mapping[str, Kind] = {
    "string": "string",
    "enumeration": "string",
    "phone_number": "string",
    "number": "float",
    "bool": "boolean",
    "datetime": "datetime",
    "date": "date",
}
_LONGEST = 6000  # characters of names; they travel in the query, and much longer ones are refused on the way

USUAL: Mapping[str, str] = {
    "companies": "name domain website industry phone city state country zip address numberofemployees annualrevenue "
    "lifecyclestage hs_lead_status hubspot_owner_id createdate hs_lastmodifieddate hs_object_id description type",
    "contacts": "email firstname lastname phone mobilephone company jobtitle website address city state zip country "
    "lifecyclestage hs_lead_status hubspot_owner_id createdate lastmodifieddate hs_object_id hs_analytics_source "
    "associatedcompanyid",
    "deals": "dealname amount amount_in_home_currency deal_currency_code dealstage dealtype pipeline closedate "
    "createdate hs_lastmodifieddate hs_object_id hs_is_closed hs_is_closed_won hubspot_owner_id description",
    "emails": "hs_timestamp hs_email_direction hs_email_status hs_email_subject hs_email_text hubspot_owner_id "
    "hs_createdate hs_lastmodifieddate hs_object_id",
    "meetings": "hs_timestamp hs_meeting_title hs_meeting_body hs_meeting_outcome hs_meeting_start_time "
    "hs_meeting_end_time hubspot_owner_id hs_createdate hs_lastmodifieddate hs_object_id",
    "quotes": "hs_title hs_status hs_quote_amount hs_currency hs_expiration_date hubspot_owner_id hs_createdate "
    "hs_lastmodifieddate hs_object_id",
    "tickets": "subject content hs_pipeline hs_pipeline_stage hs_ticket_category hs_ticket_priority source_type "
    "hubspot_owner_id createdate closed_date hs_lastmodifieddate hs_object_id",
}
_ASSOCIATIONS: Mapping[str, str] = {
    "contacts": "companies",
    "deals": "contacts,companies",
    "emails": "contacts,companies,deals",
    "meetings": "contacts,companies,deals",
    "quotes": "deals",
    "tickets": "contacts,companies",
}


def _properties(name: str, chosen: frozenset[str], get: GetDocument) -> Columns:
    """The columns of an object: the fixed ones, and its properties with the kinds that the account's schema tells."""
    document = get(Request(f"/crm/v3/properties/{name}"))
    there = {each["name"]: each for each in document.get("results", ())}
    usual = USUAL[name].split()
    own = [one for one, each in there.items() if not each.get("hubspotDefined") and not each.get("archived")]
    wanted = [one for one in there if one in usual or (one in chosen if chosen else one in own)]
    if sum(len(one) + 1 for one in wanted) > _LONGEST:
        raise Refused(
            f"{name} have too many properties to ask for ({len(wanted)}): name those to read.",
            field="custom_properties",
        )
    found: dict[str, Kind] = dict(FIXED)
    for one in wanted:
        if one not in found:
            found[one] = _KINDS.get(str(there[one].get("type")), "string")
    return found


def _row(row: Any) -> Any:
    return {
        **(row.get("properties") or {}),
        "id": row.get("id"),
        "created_at": row.get("createdAt"),
        "updated_at": row.get("updatedAt"),
        "archived": row.get("archived"),
        "associations": row.get("associations"),
    }


def _owner(row: Any) -> Any:
    named = {"user_id": "userId", "first_name": "firstName", "last_name": "lastName"}
    times = {"created_at": "createdAt", "updated_at": "updatedAt"}
    return {**row, **{column: row.get(name) for column, name in (named | times).items()}}


def _object(name: str, chosen: frozenset[str]) -> Resource:
    describe: Callable[[GetDocument], Columns] = partial(_properties, name, chosen)
    associations = {"associations": _ASSOCIATIONS[name]} if name in _ASSOCIATIONS else {}
    return Resource(
        name,
        f"/crm/v3/objects/{name}",
        columns=FIXED,
        describe=describe,
        names_param="properties",
        rows="results",
        key=("id",),
        params={"limit": 100, "archived": "false", **associations},
        paging=Cursor("after", "paging.next.after"),
        # All rows are asked for: the search that could ask for new ones shows changes late, and would lose some.
        increment=Increment("updated_at"),
        shape=_row,
    )


def resources_of(chosen: frozenset[str]) -> tuple[Resource, ...]:
    """The tables, with properties beside the usual ones: those `chosen`, or all that are the account's own."""
    owners = Resource(
        "owners",
        "/crm/v3/owners",
        columns=OWNERS,
        rows="results",
        key=("id",),
        params={"limit": 100},
        paging=Cursor("after", "paging.next.after"),
        shape=_owner,
    )
    return tuple(sorted((*(_object(name, chosen) for name in USUAL), owners), key=lambda resource: resource.name))


def api_of(config: Config) -> Api:
    """HubSpot, for the token of a private app."""
    names = str(config.get("custom_properties") or "").split(",")
    return Api(
        BASE_URL,
        resources_of(frozenset(name.strip() for name in names if name.strip())),
        auth=Bearer(str(config["access_token"])),
        key_field="access_token",
        message=("message",),
        partial=True,
    )
