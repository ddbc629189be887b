"""Zendesk Support: tickets and their history, the people around them, and how they are organised."""

import re
from collections.abc import Mapping
from typing import Any

from hedgerow.connectors.base import Config, Declaration, Field, Refused
from hedgerow.connectors.rest import Api, Basic, Columns, Cursor, Increment, NextUrl, Resource, columns

_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_BEHIND_SECONDS = 120  # exports refuse a start within the last minute


def _subdomain(config: Mapping[str, Any]) -> str | None:
    given = str(config.get("subdomain") or "").strip().lower()
    name = given.removeprefix("https://").rstrip("/").removesuffix(".zendesk.com")
    return name if _SUBDOMAIN.fullmatch(name) else None


def _hosts(config: Config) -> frozenset[str]:
    name = _subdomain(config)
    return frozenset({f"{name}.zendesk.com"} if name else ())


DECLARATION = Declaration(
    source_type="Zendesk",
    label="Zendesk",
    caption="Tickets, their events and metrics, users and organizations. The token's user must be an administrator.",
    docs_url="docs/sources/zendesk.md",
    fields=(
        Field("subdomain", "Subdomain", placeholder="acme", caption="acme, where the address is acme.zendesk.com."),
        Field("email_address", "E-mail address", placeholder="admin@example.com", caption="Of the token's user."),
        Field("api_key", "API token", kind="password"),
    ),
    category="Customer support",
    hosts=_hosts,
    keywords=("support", "tickets", "helpdesk"),
    host_label="subdomain",
)

BRANDS = columns(
    integer="id",
    string="name subdomain url brand_url host_mapping help_center_state signature_template",
    boolean="active default has_help_center is_deleted",
    datetime="created_at updated_at",
    json="logo ticket_form_ids",
)
GROUPS = columns(
    integer="id",
    string="name description url",
    boolean="default deleted is_public",
    datetime="created_at updated_at",
)
ORGANIZATIONS = columns(
    integer="id group_id",
    string="name details notes external_id url",
    boolean="shared_tickets shared_comments",
    datetime="created_at updated_at deleted_at",
    json="domain_names tags organization_fields",
)
SATISFACTION_RATINGS = columns(
    integer="id assignee_id group_id requester_id ticket_id reason_id",
    string="score comment reason url",
    datetime="created_at updated_at",
)
SLA_POLICIES = columns(
    integer="id position",
    string="title description url",
    datetime="created_at updated_at",
    json="filter policy_metrics",
)
TICKET_EVENTS = columns(
    integer="id ticket_id updater_id timestamp",
    string="event_type via",
    datetime="created_at",
    json="child_events system",
)
TICKET_FIELDS = columns(
    integer="id position custom_statuses_count",
    string="type title raw_title description raw_description title_in_portal key url regexp_for_validation tag",
    boolean="active required required_in_portal editable_in_portal visible_in_portal removable collapsed_for_agents",
    datetime="created_at updated_at",
    json="custom_field_options system_field_options",
)
TICKET_METRIC_EVENTS = columns(
    integer="id ticket_id instance_id",
    string="metric type",
    datetime="time",
    json="status sla group_sla",
)
TICKETS = columns(
    integer="id generated_timestamp assignee_id brand_id custom_status_id group_id organization_id problem_id "
    "requester_id submitter_id ticket_form_id",
    string="subject raw_subject description status priority type recipient external_id url",
    boolean="allow_attachments allow_channelback from_messaging_channel has_incidents is_public",
    datetime="created_at updated_at due_at",
    json="collaborator_ids custom_fields email_cc_ids fields follower_ids followup_ids satisfaction_rating "
    "sharing_agreement_ids tags via",
)
USERS = columns(
    integer="id custom_role_id default_group_id locale_id organization_id role_type",
    string="name email alias details external_id iana_time_zone locale notes phone role signature ticket_restriction "
    "time_zone url",
    boolean="active moderator only_private_comments report_csv restricted_agent shared shared_agent suspended "
    "two_factor_auth_enabled verified shared_phone_number",
    datetime="created_at updated_at last_login_at",
    json="photo tags user_fields",
)


def _listed(name: str, kinds: Columns) -> Resource:
    """A list with cursors, read whole."""
    return Resource(
        name,
        f"/api/v2/{name}.json",
        columns=kinds,
        rows=name,
        key=("id",),
        params={"page[size]": 100},
        paging=Cursor("page[after]", "meta.after_cursor", more="meta.has_more"),
    )


def _exported(name: str, kinds: Columns, column: str, **options: Any) -> Resource:
    """An export of what changed since a second, until it says that it ended."""
    increment = Increment(column, "start_time", "epoch", initial=0, behind=_BEHIND_SECONDS)
    found: dict[str, Any] = {
        "path": f"/api/v2/incremental/{name}.json",
        "paging": NextUrl("next_page", ended="end_of_stream"),
        "params": {},
        "rows": name,
        **options,
    }
    return Resource(name, columns=kinds, key=("id",), increment=increment, **found)


def _by_cursor(name: str, kinds: Columns, column: str) -> Resource:
    # The cursor takes the place of the time that the export began with.
    paging = Cursor("cursor", "after_cursor", ended="end_of_stream", drop=("start_time",))
    path = f"/api/v2/incremental/{name}/cursor.json"
    return _exported(name, kinds, column, path=path, paging=paging, params={"per_page": 1000})


RESOURCES = (
    _listed("brands", BRANDS),
    _listed("groups", GROUPS),
    _exported("organizations", ORGANIZATIONS, "updated_at"),
    _listed("satisfaction_ratings", SATISFACTION_RATINGS),
    Resource(
        "sla_policies",
        "/api/v2/slas/policies.json",
        columns=SLA_POLICIES,
        rows="sla_policies",
        key=("id",),
        paging=NextUrl("next_page"),
    ),
    _exported("ticket_events", TICKET_EVENTS, "timestamp"),
    _listed("ticket_fields", TICKET_FIELDS),
    _exported("ticket_metric_events", TICKET_METRIC_EVENTS, "time"),
    _by_cursor("tickets", TICKETS, "generated_timestamp"),
    _by_cursor("users", USERS, "updated_at"),
)


def api_of(config: Config) -> Api:
    """Zendesk, for a token of one of its users."""
    name = _subdomain(config)
    if name is None:
        raise Refused("The subdomain is the part of the address before .zendesk.com.", field="subdomain")
    return Api(
        f"https://{name}.zendesk.com",
        RESOURCES,
        auth=Basic(f"{config['email_address']}/token", str(config["api_key"])),
        key_field="api_key",
        address_field="subdomain",
        message=("error.message", "description", "error"),
        partial=True,
        check="/api/v2/users/me.json",
    )
