"""Personal keys: made, listed, changed, rolled and revoked; hashed at rest and shown once."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.accounts.rows import KeyRow, ProjectRow, UserRow
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.ids import token
from hedgerow.store.revisions import bump

PREFIX = "phx_"
SUBJECT = "keys"
"""What `store.revisions` counts for every change that an authenticator must see."""

OBJECTS = frozenset(
    [
        "action",
        "activity_log",
        "annotation",
        "batch_export",
        "cohort",
        "dashboard",
        "dashboard_template",
        "desktop_recording",
        "early_access_feature",
        "endpoint",
        "error_tracking",
        "event_definition",
        "experiment",
        "export",
        "external_data_source",
        "feature_flag",
        "group",
        "hog_function",
        "insight",
        "insight_variable",
        "integration",
        "llm_analytics",
        "logs",
        "notebook",
        "organization",
        "organization_member",
        "person",
        "plugin",
        "project",
        "property_definition",
        "query",
        "revenue_analytics",
        "session_recording",
        "sharing_configuration",
        "subscription",
        "survey",
        "user",
        "warehouse_table",
        "warehouse_view",
        "web_analytics",
        "webhook",
    ]
)
"""What scopes may be about."""

_SCOPE = re.compile(r"([a-z_]+):(read|write)\Z")
_KEY = re.compile(r"phx_[A-Za-z0-9_-]{16,200}\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """A personal key without its value. `scopes`: `None` is everything."""

    id: UUID
    user_id: int
    label: str
    mask: str
    scopes: tuple[str, ...] | None
    projects: tuple[int, ...] | None
    organizations: tuple[str, ...] | None
    created_at: datetime
    last_used_at: datetime | None
    last_rolled_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyWishes:
    """What a key should be allowed; `None` limits are no limits."""

    label: str
    scopes: Sequence[str] | None
    projects: Sequence[int] | None = None
    organizations: Sequence[str] | None = None


def digest(value: str) -> str:
    """How a key is kept."""
    return hashlib.sha256(value.encode()).hexdigest()


def checked_value(value: str) -> str:
    """A key chosen by its owner; raises `InvalidInput`."""
    if not _KEY.match(value):
        raise InvalidInput(
            "A key begins with phx_ and has at least 16 letters, digits, _ or - after it.", attr="bootstrap_key"
        )
    return value


def create(session: Session, user_id: int, wishes: KeyWishes, value: str = "") -> tuple[Key, str]:
    """A new key and its value, which nobody can ask for again."""
    check(session, wishes)
    value = value or token(PREFIX)
    row = KeyRow(user_id=user_id, hash=digest(value), mask=mask(value))
    _apply(row, wishes)
    session.add(row)
    session.flush()
    bump(session, SUBJECT)
    return _of(row), value


def listed(session: Session, user_id: int | None = None) -> list[Key]:
    """The keys that are good, newest first; of one user or of all."""
    chosen = select(KeyRow).where(KeyRow.revoked_at.is_(None)).order_by(KeyRow.created_at.desc(), KeyRow.id.desc())
    if user_id is not None:
        chosen = chosen.where(KeyRow.user_id == user_id)
    return [_of(row) for row in session.scalars(chosen)]


def find(session: Session, user_id: int, key_id: UUID) -> Key:
    """One good key; raises `NotFound`."""
    return _of(_row(session, user_id, key_id))


def change(session: Session, user_id: int, key_id: UUID, wishes: KeyWishes) -> Key:
    """Other label, scopes or limits."""
    check(session, wishes)
    row = _row(session, user_id, key_id)
    _apply(row, wishes)
    bump(session, SUBJECT)
    return _of(row)


def roll(session: Session, user_id: int, key_id: UUID) -> tuple[Key, str]:
    """A new value for a key; the old one is good no more."""
    row, value = _row(session, user_id, key_id), token(PREFIX)
    row.hash, row.mask, row.last_rolled_at = digest(value), mask(value), now()
    bump(session, SUBJECT)
    return _of(row), value


def revoke(session: Session, key_id: UUID, user_id: int | None = None) -> None:
    """End a key for good; raises `NotFound`."""
    row = session.get(KeyRow, key_id)
    if row is None or row.revoked_at is not None or user_id not in {None, row.user_id}:
        raise NotFound()
    row.revoked_at = now()
    bump(session, SUBJECT)


def owner(session: Session, value: str) -> tuple[Key, UserRow] | None:
    """The good key with that value, and its user."""
    found = session.execute(
        select(KeyRow, UserRow)
        .join(UserRow, UserRow.id == KeyRow.user_id)
        .where(KeyRow.hash == digest(value), KeyRow.revoked_at.is_(None))
    ).first()
    return (_of(found[0]), found[1]) if found else None


def touch(session: Session, key_id: UUID) -> None:
    """Note that a key was used now."""
    if (row := session.get(KeyRow, key_id)) is not None:
        row.last_used_at = now()


def _row(session: Session, user_id: int, key_id: UUID) -> KeyRow:
    row = session.get(KeyRow, key_id)
    if row is None or row.user_id != user_id or row.revoked_at is not None:
        raise NotFound()
    return row


def _apply(row: KeyRow, wishes: KeyWishes) -> None:
    row.label = wishes.label
    row.scopes = None if wishes.scopes is None else list(wishes.scopes)
    row.scoped_projects = list(wishes.projects) if wishes.projects else None
    row.scoped_organizations = list(wishes.organizations) if wishes.organizations else None


def check(session: Session, wishes: KeyWishes) -> None:
    """Raises `InvalidInput` for what a key cannot be allowed."""
    if not wishes.label.strip():
        raise InvalidInput("This field may not be blank.", attr="label", code="blank")
    if len(wishes.label) > 40:
        raise InvalidInput("Ensure this field has no more than 40 characters.", attr="label", code="max_length")
    if wishes.scopes is not None and not wishes.scopes:
        raise InvalidInput("At least one scope is required.", attr="scopes", code="required")
    for scope in wishes.scopes or ():
        found = _SCOPE.match(scope)
        if scope != "*" and (found is None or found[1] not in OBJECTS):
            raise InvalidInput(f"Invalid scope: {scope}", attr="scopes")
    for project in wishes.projects or ():
        if session.get(ProjectRow, project) is None:
            raise InvalidInput(f"Project {project} does not exist.", attr="scoped_teams", code="does_not_exist")


def mask(value: str) -> str:
    """What of a key may be shown."""
    return f"{value[:4]}...{value[-4:]}"


def _of(row: KeyRow) -> Key:
    return Key(
        row.id,
        row.user_id,
        row.label,
        row.mask,
        None if row.scopes is None else tuple(row.scopes),
        tuple(row.scoped_projects) if row.scoped_projects else None,
        tuple(row.scoped_organizations) if row.scoped_organizations else None,
        row.created_at,
        row.last_used_at,
        row.last_rolled_at,
    )
