"""What keys are called, for those who know only their ids."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.accounts.rows import KeyRow, SecretKeyRow, SigningKeyRow

_AT_ONCE = 500


def labels(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """The labels of personal, secret and signing keys by id, revoked ones included; what is no key is left out."""
    wanted = [key for text in ids if (key := _uuid(text)) is not None]
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        for row in (KeyRow, SecretKeyRow, SigningKeyRow):
            chosen = select(row.id, row.label).where(row.id.in_(wanted[start : start + _AT_ONCE]))
            found |= {str(identifier): label for identifier, label in session.execute(chosen)}
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
