"""Users, organizations and projects: who is a member of what."""

import re
from collections.abc import Mapping
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hedgerow.accounts import keys
from hedgerow.accounts.rows import MembershipRow, OrganizationRow, ProjectRow, UserRow
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.ids import token, uuid7
from hedgerow.store.revisions import bump

OWNER = 15


def project_ids(session: Session, user_id: int) -> frozenset[int]:
    """The projects of all organizations a user is a member of."""
    return frozenset(session.scalars(_projects(user_id).with_only_columns(ProjectRow.id)))


def projects(session: Session, user_id: int, organization_id: UUID | None = None) -> list[ProjectRow]:
    """A user's projects, oldest first."""
    chosen = _projects(user_id).order_by(ProjectRow.id)
    if organization_id is not None:
        chosen = chosen.where(ProjectRow.organization_id == organization_id)
    return list(session.scalars(chosen))


def project(session: Session, user_id: int, project_id: int) -> ProjectRow:
    """One of a user's projects; raises `NotFound`."""
    found = session.scalars(_projects(user_id).where(ProjectRow.id == project_id)).first()
    if found is None:
        raise NotFound("Project not found.")
    return found


def organizations(session: Session, user_id: int) -> list[tuple[OrganizationRow, int]]:
    """A user's organizations with the level of the membership, oldest first."""
    chosen = (
        select(OrganizationRow, MembershipRow.level)
        .join(MembershipRow, MembershipRow.organization_id == OrganizationRow.id)
        .where(MembershipRow.user_id == user_id)
        .order_by(OrganizationRow.created_at, OrganizationRow.id)
    )
    return [(row, level) for row, level in session.execute(chosen)]


def organization(session: Session, user_id: int, organization_id: UUID) -> tuple[OrganizationRow, int]:
    """One of a user's organizations; raises `NotFound`."""
    for row, level in organizations(session, user_id):
        if row.id == organization_id:
            return row, level
    raise NotFound()


def user(session: Session, user_id: int) -> UserRow:
    """A user that exists."""
    found = session.get(UserRow, user_id)
    if found is None:
        raise NotFound()
    return found


def create_organization(session: Session, user_id: int, name: str) -> OrganizationRow:
    """An organization that its maker owns."""
    identifier = uuid7()
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "organization"
    taken = session.scalar(select(OrganizationRow.id).where(OrganizationRow.slug == slug))
    row = OrganizationRow(id=identifier, name=name, slug=f"{slug}-{identifier.hex[-8:]}" if taken else slug)
    session.add(row)
    session.flush()
    session.add(MembershipRow(user_id=user_id, organization_id=row.id, level=OWNER))
    bump(session, keys.SUBJECT)
    return row


def create_project(session: Session, organization_id: UUID, name: str, timezone: str = "UTC") -> ProjectRow:
    """A project of an organization, with a token of its own."""
    row = ProjectRow(
        organization_id=organization_id, name=name, api_token=token("phc_"), timezone=checked_timezone(timezone)
    )
    session.add(row)
    session.flush()
    bump(session, keys.SUBJECT)
    return row


def checked_timezone(name: str) -> str:
    """An IANA time zone; raises `InvalidInput`."""
    if name not in available_timezones():
        raise InvalidInput(f'"{name}" is not a valid choice.', attr="timezone", code="invalid_choice")
    return name


def cards(session: Session, user_ids: set[int]) -> Mapping[int, Mapping[str, object]]:
    """The API's `UserBasic` objects of those users that exist."""
    return {row.id: card(row) for row in session.scalars(select(UserRow).where(UserRow.id.in_(user_ids)))}


def card(row: UserRow) -> Mapping[str, object]:
    """A user as others see them."""
    return {
        "id": row.id,
        "uuid": str(row.uuid),
        "distinct_id": row.distinct_id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email": row.email,
        "is_email_verified": row.is_email_verified,
        "hedgehog_config": None,
        "role_at_organization": row.role_at_organization,
    }


def _projects(user_id: int) -> Select[ProjectRow]:
    return (
        select(ProjectRow)
        .join(MembershipRow, MembershipRow.organization_id == ProjectRow.organization_id)
        .where(MembershipRow.user_id == user_id)
    )
