"""Secret keys and signing keys on both stores."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from sqlalchemy import text

from hedgerow.accounts import keys, prepare, secret_keys, tokens
from hedgerow.accounts.signing import Opened, SigningKeys
from hedgerow.kit.errors import AuthenticationFailed, InvalidInput, NotFound
from hedgerow.store import Secrets, Store
from hedgerow.store.revisions import current
from hedgerow.web.access import Kind

SIGNING = SigningKeys(Secrets(["test"]))


@pytest.fixture(autouse=True)
def _people(store: Store) -> None:
    with store.write() as session:
        prepare(session, with_key=False)


def test_secret_keys_live_and_die(store: Store) -> None:
    with store.write() as session:
        made, value = secret_keys.create(session, 1, 1, "backend", ["endpoint:read"])
    with store.write() as session:
        found = secret_keys.owner(session, value)
        assert found is not None
        assert (found.id, found.project_id, found.scopes) == (made.id, 1, ("endpoint:read",))
        secret_keys.touch(session, made.id)
        _, rolled = secret_keys.roll(session, 1, made.id)
    with store.write() as session:
        assert secret_keys.owner(session, value) is None
        assert secret_keys.owner(session, rolled) is not None
        assert secret_keys.find(session, 1, made.id).last_used_at is not None
        with pytest.raises(NotFound):
            secret_keys.revoke(session, made.id, 2)
        secret_keys.revoke(session, made.id, 1)
        assert secret_keys.listed(session) == []
        assert current(session, keys.SUBJECT) >= 3
    with store.read() as session:
        assert secret_keys.owner(session, rolled) is None


def test_a_secret_key_of_no_project_is_not_made(store: Store) -> None:
    with pytest.raises(InvalidInput), store.write() as session:
        secret_keys.create(session, 99, 1, "backend", ["endpoint:read"])


def _signed(opened: Opened, **claims: Any) -> str:
    whole = {"exp": int(time.time()) + 60, "endpoints": {"e": {"variables": {"tenant": "a"}}}, **claims}
    return jwt.encode(whole, opened.material, opened.key.algorithm, headers={"kid": str(opened.key.id)})


def _verified(store: Store, token: str) -> Any:
    with store.read() as session:
        return tokens.verified(session, SIGNING, token, 86_400)


def test_signing_keys_live_rotate_and_die(store: Store) -> None:
    with store.write() as session:
        key, secret = SIGNING.create(session, 1, 1, "backend")
        opened = SIGNING.opened(session, key.id)
        assert opened is not None
        assert opened.material == secret
    token = _signed(opened)
    principal, end = _verified(store, token)
    assert (principal.kind, principal.projects) == (Kind.BROWSER, frozenset({1}))
    assert principal.bounds.grants["e"].values == {"tenant": "a"}
    assert end - time.time() == pytest.approx(60 + tokens.LEEWAY_SECONDS, abs=2)
    with store.write() as session:
        SIGNING.rotate(session, 1, key.id, timedelta(seconds=30))
    # It is remembered no longer than the key is good.
    assert _verified(store, token)[1] - time.time() == pytest.approx(30, abs=2)
    with store.write() as session:
        SIGNING.revoke(session, 1, key.id)
    with pytest.raises(AuthenticationFailed):
        _verified(store, token)


def test_the_own_key_is_made_once(store: Store) -> None:
    ids: list[UUID] = []
    for _ in range(3):
        with store.write() as session:
            ids.append(SIGNING.own(session, 1).key.id)
    assert len(set(ids)) == 1
    with store.write() as session:
        SIGNING.revoke(session, 1, ids[0])
        assert SIGNING.own(session, 1).key.id != ids[0]


@pytest.mark.parametrize("words", [["material"], ["hash", "mask"]])
def test_nothing_at_rest_can_be_used(store: Store, words: Sequence[str]) -> None:
    with store.write() as session:
        _, secret = SIGNING.create(session, 1, 1, "backend")
        _, value = secret_keys.create(session, 1, 1, "backend", ["*"])
        table = "signing_keys" if "material" in words else "project_secret_keys"
        rows = session.execute(text(f"SELECT {', '.join(words)} FROM {table}")).all()
    kept = " ".join(str(cell) for row in rows for cell in row)
    assert kept
    assert str(secret) not in kept
    assert value not in kept


def test_a_secret_that_was_encrypted_with_another_key_is_a_clear_error(store: Store) -> None:
    with store.write() as session:
        key, _ = SIGNING.create(session, 1, 1, "backend")
    with store.read() as session, pytest.raises(Exception, match="HEDGEROW_SECRET_KEY"):
        SigningKeys(Secrets(["other"])).opened(session, key.id)
