"""Secrets at rest: encrypted, rotated, refused with another key."""

import stat
from pathlib import Path

import pytest

from hedgerow.store import Secrets, open_secrets
from hedgerow.store.secrets import SecretUnreadable


def test_a_secret_comes_back_and_is_not_in_what_is_stored() -> None:
    secrets = Secrets(["one"])
    stored = secrets.encrypt("password")
    assert "password" not in stored
    assert secrets.decrypt(stored) == "password"
    assert secrets.encrypt("password") != stored


def test_keys_are_rotated() -> None:
    old = Secrets(["old"]).encrypt("x")
    both = Secrets(["new", "old"])
    assert both.decrypt(old) == "x"
    assert Secrets(["new"]).decrypt(both.encrypt("y")) == "y"
    with pytest.raises(SecretUnreadable, match="HEDGEROW_SECRET_KEY"):
        Secrets(["new"]).decrypt(old)


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    stored = open_secrets("", tmp_path).encrypt("x")
    assert open_secrets("", tmp_path).decrypt(stored) == "x"
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_the_setting_is_a_list(tmp_path: Path) -> None:
    stored = open_secrets("b", tmp_path).encrypt("x")
    assert open_secrets("a, b", tmp_path).decrypt(stored) == "x"
    assert not (tmp_path / "secret.key").exists()
