"""Users, organizations, projects and keys as the API shows them."""

from collections.abc import Sequence
from typing import Any

from hedgerow.accounts import directory
from hedgerow.accounts.keys import Key
from hedgerow.accounts.rows import OrganizationRow, ProjectRow, UserRow
from hedgerow.accounts.secret_keys import SecretKey
from hedgerow.accounts.signing import SigningKey
from hedgerow.kit.clock import iso


def project_object(row: ProjectRow) -> dict[str, Any]:
    """A project, which is also its one environment and its team."""
    return {
        "id": row.id,
        "uuid": str(row.uuid),
        "organization": str(row.organization_id),
        "organization_id": str(row.organization_id),
        "project_id": row.id,
        "name": row.name,
        "product_description": None,
        "api_token": row.api_token,
        "timezone": row.timezone,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "ingested_event": False,
        "completed_snippet_onboarding": True,
        "is_demo": False,
        "access_control": False,
        "effective_membership_level": directory.OWNER,
        "week_start_day": 0,
        "base_currency": "USD",
        "test_account_filters": [],
        "group_types": [],
        "has_group_types": False,
        "person_on_events_querying_enabled": True,
        "modifiers": None,
        "default_modifiers": {},
    }


def organization_object(row: OrganizationRow, level: int, projects: Sequence[ProjectRow]) -> dict[str, Any]:
    """An organization with the projects its asker may see."""
    teams = [project_object(project) for project in projects]
    return {
        "id": str(row.id),
        "name": row.name,
        "slug": row.slug,
        "logo_media_id": None,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "membership_level": level,
        "plugins_access_level": 0,
        "teams": teams,
        "projects": [{"id": team["id"], "name": team["name"], "organization_id": str(row.id)} for team in teams],
        "available_product_features": [],
        "is_member_join_email_enabled": False,
        "metadata": {},
        "customer_id": None,
        "enforce_2fa": None,
        "members_can_invite": True,
        "member_count": 1,
        "is_ai_data_processing_approved": False,
    }


def user_object(
    row: UserRow, current: ProjectRow | None, memberships: Sequence[tuple[OrganizationRow, int, Sequence[ProjectRow]]]
) -> dict[str, Any]:
    """The asker: with the current project, its organization, and all organizations."""
    organizations = [organization_object(*membership) for membership in memberships]
    home = next((o for o in organizations if current and o["id"] == str(current.organization_id)), None)
    return {
        **directory.card(row),
        "date_joined": iso(row.created_at),
        "is_staff": False,
        "is_impersonated": False,
        "has_password": False,
        "pending_email": None,
        "notification_settings": {},
        "anonymize_data": False,
        "toolbar_mode": None,
        "events_column_config": {"active": "DEFAULT"},
        "theme_mode": None,
        "has_social_auth": False,
        "has_seen_product_intro_for": None,
        "scene_personalisation": [],
        "hedgehog_config": None,
        "team": project_object(current) if current else None,
        "organization": home or (organizations[0] if organizations else None),
        "organizations": [
            {key: o[key] for key in ("id", "name", "slug", "logo_media_id", "membership_level")} for o in organizations
        ],
    }


def key_object(key: Key, value: str | None = None) -> dict[str, Any]:
    """A key; `value` only in the answer that made it."""
    return {
        "id": str(key.id),
        "label": key.label,
        "value": value,
        "mask_value": key.mask,
        "created_at": iso(key.created_at),
        "last_used_at": iso(key.last_used_at) if key.last_used_at else None,
        "last_rolled_at": iso(key.last_rolled_at) if key.last_rolled_at else None,
        "user_id": key.user_id,
        "scopes": ["*"] if key.scopes is None else list(key.scopes),
        "scoped_teams": list(key.projects or ()),
        "scoped_organizations": list(key.organizations or ()),
    }


def secret_key_object(key: SecretKey, value: str | None = None) -> dict[str, Any]:
    """A project's secret key; `value` only in the answer that made it."""
    return {
        "id": str(key.id),
        "label": key.label,
        "value": value,
        "mask_value": key.mask,
        "scopes": list(key.scopes),
        "created_by": key.created_by,
        "created_at": iso(key.created_at),
        "last_used_at": iso(key.last_used_at) if key.last_used_at else None,
        "last_rolled_at": iso(key.last_rolled_at) if key.last_rolled_at else None,
    }


def signing_key_object(key: SigningKey, secret: str | None = None) -> dict[str, Any]:
    """A signing key; its id is the `kid` of the tokens, and `secret` is only in the answer that made it."""
    return {
        "id": str(key.id),
        "label": key.label,
        "algorithm": key.algorithm,
        "secret": secret,
        "own": key.own,
        "created_by": key.created_by,
        "created_at": iso(key.created_at),
        "retires_at": iso(key.retires_at) if key.retires_at else None,
    }
