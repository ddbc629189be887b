"""Keys that tokens of a project are signed with: made, listed, rotated and revoked; encrypted at rest, shown once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hedgerow.accounts import keys
from hedgerow.accounts.rows import SigningKeyRow
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.ids import token
from hedgerow.store import Secrets
from hedgerow.store.revisions import bump

SHARED, PUBLIC = "HS256", "EdDSA"
_PREFIX = "phsign_"
_OWN_LABEL = "Hedgerow's own"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key without its secret; its id is the `kid` of the tokens. `own`: Hedgerow signs with it, nobody else."""

    id: UUID
    project_id: int
    label: str
    algorithm: str
    own: bool
    created_by: int | None
    created_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A good key with what verifies its signatures."""

    key: SigningKey
    material: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The shelf of signing keys, within the caller's transaction."""

    secrets: Secrets

    def create(
        self, session: Session, project_id: int, user_id: int | None, label: str, public_key: str | None = None
    ) -> tuple[SigningKey, str | None]:
        """A new key: with a secret that is answered this once, or with the caller's own public key."""
        keys.check(session, keys.KeyWishes(label, None, [project_id]))
        if public_key is not None:
            return self._add(session, project_id, user_id, (label, PUBLIC, _checked_public(public_key))), None
        secret = token(_PREFIX)
        return self._add(session, project_id, user_id, (label, SHARED, secret)), secret

    def own(self, session: Session, project_id: int) -> Opened:
        """The key that Hedgerow itself signs with, made at its first use."""
        # Queues those who come at once, so that one key is made.
        bump(session, f"signing:{project_id}")
        chosen = _good().where(
            SigningKeyRow.project_id == project_id, SigningKeyRow.own, SigningKeyRow.retires_at.is_(None)
        )
        row = session.scalars(chosen.order_by(SigningKeyRow.id.desc()).limit(1)).first()
        if row is not None:
            return Opened(_of(row), self.secrets.decrypt(row.material))
        secret = token(_PREFIX)
        return Opened(self._add(session, project_id, None, (_OWN_LABEL, SHARED, secret), own=True), secret)

    def listed(self, session: Session, project_id: int) -> list[SigningKey]:
        """The good keys of a project, newest first."""
        chosen = _good().where(SigningKeyRow.project_id == project_id)
        return [_of(row) for row in session.scalars(chosen.order_by(SigningKeyRow.id.desc()))]

    def opened(self, session: Session, key_id: UUID) -> Opened | None:
        """A good key; `None` for one that is unknown, revoked or retired."""
        row = session.scalars(_good().where(SigningKeyRow.id == key_id)).one_or_none()
        return Opened(_of(row), self.secrets.decrypt(row.material)) if row else None

    def rotate(
        self, session: Session, project_id: int, key_id: UUID, grace: timedelta, public_key: str | None = None
    ) -> tuple[SigningKey, str | None]:
        """A key in place of one, whose tokens are good for `grace` yet; the new secret, unless that stays unseen."""
        old = self._row(session, project_id, key_id)
        if (old.algorithm == PUBLIC) != (public_key is not None):
            raise InvalidInput("A public key is given for an EdDSA key, and for no other.", attr="public_key")
        old.retires_at = now() + grace
        secret = token(_PREFIX)
        material = _checked_public(public_key) if public_key is not None else secret
        made = self._add(session, project_id, old.created_by, (old.label, old.algorithm, material), own=old.own)
        return made, None if old.own or public_key is not None else secret

    def revoke(self, session: Session, project_id: int, key_id: UUID) -> SigningKey:
        """End a key and with it all its tokens; what it was. Raises `NotFound`."""
        row = self._row(session, project_id, key_id)
        row.revoked_at = now()
        bump(session, keys.SUBJECT)
        return _of(row)

    def _add(
        self, session: Session, project_id: int, user_id: int | None, what: tuple[str, str, str], *, own: bool = False
    ) -> SigningKey:
        label, algorithm, material = what
        row = SigningKeyRow(
            project_id=project_id,
            label=label,
            algorithm=algorithm,
            material=self.secrets.encrypt(material),
            own=own,
            created_by=user_id,
        )
        session.add(row)
        session.flush()
        bump(session, keys.SUBJECT)
        return _of(row)

    def _row(self, session: Session, project_id: int, key_id: UUID) -> SigningKeyRow:
        chosen = _good().where(SigningKeyRow.id == key_id, SigningKeyRow.project_id == project_id)
        row = session.scalars(chosen).one_or_none()
        if row is None:
            raise NotFound()
        return row


def _good() -> Select[SigningKeyRow]:
    alive = or_(SigningKeyRow.retires_at.is_(None), SigningKeyRow.retires_at > now())
    return select(SigningKeyRow).where(SigningKeyRow.revoked_at.is_(None), alive)


def _checked_public(pem: str) -> str:
    """An Ed25519 public key; raises `InvalidInput`."""
    try:
        found = load_pem_public_key(pem.encode())
    except ValueError:
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise InvalidInput("An Ed25519 public key is wanted, as PEM.", attr="public_key")
    return pem


def _of(row: SigningKeyRow) -> SigningKey:
    return SigningKey(
        row.id,
        row.project_id,
        row.label,
        row.algorithm,
        row.own,
        row.created_by,
        row.created_at,
        row.retires_at,
    )
