"""The first start, and keys that automation chooses."""

import pytest

from hedgerow.accounts import keys, prepare
from hedgerow.accounts.directory import project_ids
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store

CHOSEN = "phx_0123456789abcdef0123456789"


def _owner(store: Store, value: str) -> keys.Key | None:
    with store.read() as session:
        found = keys.owner(session, value)
    return found[0] if found else None


def test_the_first_start_makes_one_of_each(store: Store) -> None:
    with store.write() as session:
        first = prepare(session)
        assert first is not None
    with store.write() as session:
        assert prepare(session) is None, "only once"
    key = _owner(store, first)
    assert key is not None
    assert key.scopes == ("*",)
    with store.read() as session:
        assert project_ids(session, key.user_id) == {1}
        assert len(keys.listed(session)) == 1


def test_a_chosen_key_is_installed_also_later(store: Store) -> None:
    with store.write() as session:
        assert prepare(session, CHOSEN) is None
        assert prepare(session, CHOSEN) is None
        assert len(keys.listed(session)) == 1
    assert _owner(store, CHOSEN) is not None
    with store.write() as session:
        prepare(session, CHOSEN + "later")
    assert _owner(store, CHOSEN + "later") is not None
    assert _owner(store, CHOSEN) is not None


@pytest.mark.parametrize("value", ["abc", "phx_short", "phc_0123456789abcdef0123456789", "phx_" + "ä" * 20])
def test_a_chosen_key_must_look_like_one(store: Store, value: str) -> None:
    with pytest.raises(InvalidInput, match="phx_"), store.write() as session:
        prepare(session, value)
    with store.read() as session:
        assert keys.listed(session) == []
