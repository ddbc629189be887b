"""The routes of a project's secret keys, and of the keys that its tokens are signed with."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from hedgerow.accounts import secret_keys
from hedgerow.accounts.authentication import Accounts
from hedgerow.accounts.objects import secret_key_object, signing_key_object
from hedgerow.accounts.secret_keys import SecretKey
from hedgerow.accounts.signing import SigningKey
from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.store import Store
from hedgerow.web.access import Access, Gate

_MOST_GRACE = 366 * 86_400
_SECRET, _SIGNING = "ProjectSecretAPIKey", "EndpointSigningKey"
_Key = SecretKey | SigningKey


class Body(BaseModel):
    """Fields that are not known are passed over, as the API does."""

    model_config = ConfigDict(extra="ignore")


class NewSecretKey(Body):
    label: str
    scopes: list[str] = ["endpoint:read"]


class SecretKeyChange(Body):
    label: str | None = None
    scopes: list[str] | None = None


class NewSigningKey(Body):
    label: str
    public_key: str | None = Field(
        None, max_length=2_000, description="An Ed25519 public key as PEM, in place of a secret."
    )


class Rotation(Body):
    grace_seconds: int = Field(
        86_400, ge=0, le=_MOST_GRACE, description="How long the old key's tokens are good yet, seconds."
    )
    public_key: str | None = Field(None, max_length=2_000, description="The new public key of an EdDSA key.")


def router(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    """Paths are relative to a project. As with personal keys, only a key with `*` may manage keys."""
    routes = APIRouter()
    _secret_keys(routes, store, accounts, gate)
    _secret_key_changes(routes, store, accounts, gate)
    _signing_keys(routes, store, accounts, gate)
    return routes


def _secret_keys(routes: APIRouter, store: Store, accounts: Accounts, gate: Gate) -> None:
    Owner = Annotated[Access, Depends(gate.project("*"))]
    path = "/project_secret_api_keys"

    @routes.get(path)
    def list_secret_keys(access: Owner) -> list[dict[str, Any]]:
        """The project's secret keys, newest first, without their values."""
        with store.read() as session:
            return [secret_key_object(key) for key in secret_keys.listed(session, access.project_id)]

    @routes.post(path, status_code=201)
    def create_secret_key(access: Owner, new: NewSecretKey) -> dict[str, Any]:
        """Make a key that runs the project's endpoints; `value` is in this answer only."""
        user_id = access.principal.user_id
        with store.write() as session:
            made, value = secret_keys.create(session, access.project_id, user_id, new.label, new.scopes)
            _note(session, access, _SECRET, "created", (None, made))
            answer = secret_key_object(made, value)
        accounts.changed()
        return answer

    @routes.get(path + "/{key_id}")
    def retrieve_secret_key(access: Owner, key_id: UUID) -> dict[str, Any]:
        """One key, without its value."""
        with store.read() as session:
            return secret_key_object(secret_keys.find(session, access.project_id, key_id))


def _secret_key_changes(routes: APIRouter, store: Store, accounts: Accounts, gate: Gate) -> None:
    Owner = Annotated[Access, Depends(gate.project("*"))]
    path = "/project_secret_api_keys"

    @routes.patch(path + "/{key_id}")
    def update_secret_key(access: Owner, key_id: UUID, change: SecretKeyChange) -> dict[str, Any]:
        """Other label or scopes."""
        with store.write() as session:
            old = secret_keys.find(session, access.project_id, key_id)
            label = old.label if change.label is None else change.label
            scopes = old.scopes if change.scopes is None else change.scopes
            now = secret_keys.change(session, access.project_id, key_id, label, scopes)
            _note(session, access, _SECRET, "updated", (old, now))
            answer = secret_key_object(now)
        accounts.changed()
        return answer

    @routes.post(path + "/{key_id}/roll")
    def roll_secret_key(access: Owner, key_id: UUID) -> dict[str, Any]:
        """Give a key another value; the old one is good no more."""
        with store.write() as session:
            rolled, value = secret_keys.roll(session, access.project_id, key_id)
            _note(session, access, _SECRET, "rolled", (rolled, rolled))
            answer = secret_key_object(rolled, value)
        accounts.changed()
        return answer

    @routes.delete(path + "/{key_id}", status_code=204)
    def delete_secret_key(access: Owner, key_id: UUID) -> None:
        """End a key for good."""
        with store.write() as session:
            gone = secret_keys.find(session, access.project_id, key_id)
            secret_keys.revoke(session, key_id, access.project_id)
            _note(session, access, _SECRET, "deleted", (gone, None))
        accounts.changed()


def _signing_keys(routes: APIRouter, store: Store, accounts: Accounts, gate: Gate) -> None:
    Owner = Annotated[Access, Depends(gate.project("*"))]
    path, keys = "/endpoint_signing_keys", accounts.signing

    @routes.get(path)
    def list_signing_keys(access: Owner) -> list[dict[str, Any]]:
        """The keys whose tokens are good, newest first, without their secrets."""
        with store.read() as session:
            return [signing_key_object(key) for key in keys.listed(session, access.project_id)]

    @routes.post(path, status_code=201)
    def create_signing_key(access: Owner, new: NewSigningKey) -> dict[str, Any]:
        """Make a key that your own backend signs tokens with; `secret` is in this answer only."""
        user_id = access.principal.user_id
        with store.write() as session:
            made = keys.create(session, access.project_id, user_id, new.label, new.public_key)
            _note(session, access, _SIGNING, "created", (None, made[0]))
        accounts.changed()
        return signing_key_object(*made)

    @routes.post(path + "/{key_id}/rotate", status_code=201)
    def rotate_signing_key(access: Owner, key_id: UUID, rotation: Rotation | None = None) -> dict[str, Any]:
        """Make a key in place of this one, whose tokens are good for a while yet."""
        asked = rotation or Rotation.model_validate({})
        grace = timedelta(seconds=asked.grace_seconds)
        with store.write() as session:
            made = keys.rotate(session, access.project_id, key_id, grace, asked.public_key)
            _note(session, access, _SIGNING, "rotated", (made[0], made[0]))
        accounts.changed()
        return signing_key_object(*made)

    @routes.delete(path + "/{key_id}", status_code=204)
    def delete_signing_key(access: Owner, key_id: UUID) -> None:
        """End a key, and with it all tokens signed with it."""
        with store.write() as session:
            gone = keys.revoke(session, access.project_id, key_id)
            _note(session, access, _SIGNING, "deleted", (gone, None))
        accounts.changed()


def _note(session: Session, access: Access, scope: str, activity: str, shift: tuple[_Key | None, _Key | None]) -> None:
    """Tell the activity log what a key was and became; never its value."""
    before, after = shift
    key = after or before
    assert key is not None
    fields = differences(scope, _fields(before), _fields(after)) if after else []
    told = detail(key.label, fields)
    Activity().note(session, Change(access.project_id, access.principal.user_id, scope, str(key.id), activity, told))


def _fields(key: _Key | None) -> dict[str, Any]:
    if key is None:
        return {}
    more = {"algorithm": key.algorithm} if isinstance(key, SigningKey) else {"scopes": key.scopes}
    return {"label": key.label, **more}
