"""Secret keys of projects: made, listed, changed, rolled and revoked; hashed at rest and shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.accounts import keys
from hedgerow.accounts.rows import SecretKeyRow
from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound
from hedgerow.kit.ids import token
from hedgerow.store.revisions import bump

PREFIX = "phs_"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A project's secret key without its value."""

    id: UUID
    project_id: int
    label: str
    mask: str
    scopes: tuple[str, ...]
    created_by: int | None
    created_at: datetime
    last_used_at: datetime | None
    last_rolled_at: datetime | None


def create(
    session: Session, project_id: int, user_id: int | None, label: str, scopes: Sequence[str]
) -> tuple[SecretKey, str]:
    """A new key and its value, which nobody can ask for again."""
    keys.check(session, keys.KeyWishes(label, scopes, [project_id]))
    value = token(PREFIX)
    row = SecretKeyRow(project_id=project_id, created_by=user_id, label=label, scopes=list(scopes))
    row.hash, row.mask = keys.digest(value), keys.mask(value)
    session.add(row)
    session.flush()
    bump(session, keys.SUBJECT)
    return _of(row), value


def listed(session: Session, project_id: int | None = None) -> list[SecretKey]:
    """The keys that are good, newest first; of one project or of all."""
    chosen = select(SecretKeyRow).where(SecretKeyRow.revoked_at.is_(None))
    if project_id is not None:
        chosen = chosen.where(SecretKeyRow.project_id == project_id)
    return [
        _of(row) for row in session.scalars(chosen.order_by(SecretKeyRow.created_at.desc(), SecretKeyRow.id.desc()))
    ]


def find(session: Session, project_id: int, key_id: UUID) -> SecretKey:
    """One good key; raises `NotFound`."""
    return _of(_row(session, project_id, key_id))


def change(session: Session, project_id: int, key_id: UUID, label: str, scopes: Sequence[str]) -> SecretKey:
    """Other label or scopes."""
    keys.check(session, keys.KeyWishes(label, scopes))
    row = _row(session, project_id, key_id)
    row.label, row.scopes = label, list(scopes)
    bump(session, keys.SUBJECT)
    return _of(row)


def roll(session: Session, project_id: int, key_id: UUID) -> tuple[SecretKey, str]:
    """A new value for a key; the old one is good no more."""
    row, value = _row(session, project_id, key_id), token(PREFIX)
    row.hash, row.mask, row.last_rolled_at = keys.digest(value), keys.mask(value), now()
    bump(session, keys.SUBJECT)
    return _of(row), value


def revoke(session: Session, key_id: UUID, project_id: int | None = None) -> None:
    """End a key for good; raises `NotFound`."""
    row = session.get(SecretKeyRow, key_id)
    if row is None or row.revoked_at is not None or project_id not in {None, row.project_id}:
        raise NotFound()
    row.revoked_at = now()
    bump(session, keys.SUBJECT)


def owner(session: Session, value: str) -> SecretKey | None:
    """The good key with that value."""
    chosen = select(SecretKeyRow).where(SecretKeyRow.hash == keys.digest(value), SecretKeyRow.revoked_at.is_(None))
    row = session.scalars(chosen).one_or_none()
    return _of(row) if row else None


def touch(session: Session, key_id: UUID) -> None:
    """Note that a key was used now."""
    if (row := session.get(SecretKeyRow, key_id)) is not None:
        row.last_used_at = now()


def _row(session: Session, project_id: int, key_id: UUID) -> SecretKeyRow:
    row = session.get(SecretKeyRow, key_id)
    if row is None or row.project_id != project_id or row.revoked_at is not None:
        raise NotFound()
    return row


def _of(row: SecretKeyRow) -> SecretKey:
    return SecretKey(
        row.id,
        row.project_id,
        row.label,
        row.mask,
        tuple(row.scopes),
        row.created_by,
        row.created_at,
        row.last_used_at,
        row.last_rolled_at,
    )
