"""Credentials as callers send them: checked, whole or in part."""

from collections.abc import Mapping
from typing import Any

from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.records import Keys

_BOTH_REQUIRED = "Access key and secret are required"


def whole(given: Mapping[str, Any] | None) -> Keys:
    """Both keys of a new credential; raises `InvalidInput`."""
    if given is None:
        raise _refused("Credentials are required")
    return Keys(_text(given.get("access_key"), None), _text(given.get("access_secret"), None))


def changed(given: Mapping[str, Any] | None, stored: Keys) -> Keys:
    """A credential of which one key, or both, are given anew; raises `InvalidInput`."""
    if not given or (given.get("access_key") is None and given.get("access_secret") is None):
        raise _refused(_BOTH_REQUIRED)
    key = _text(given.get("access_key"), stored.access_key)
    return Keys(key, _text(given.get("access_secret"), stored.access_secret))


def _text(value: object, stored: str | None) -> str:
    if value is None:
        if stored is None:
            raise _refused(_BOTH_REQUIRED)
        return stored
    if not isinstance(value, str):
        raise _refused("Access key and secret must be strings")
    value = value.strip()
    if not value:
        raise _refused("Access key and secret can't be blank")
    if value.upper() == "NOSIGN":
        raise _refused("Access key and secret must be those of an account")
    return value


def _refused(text: str) -> InvalidInput:
    return InvalidInput(text, attr="credential")
