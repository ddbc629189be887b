"""The values of an endpoint's variables where a caller gives none."""

from collections.abc import Mapping
from typing import Any

from hedgerow.language.query.pipeline import Value


def values_of(query: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """Values by code name: what the query holds, else the insight variable's default (by its id), else NULL."""
    found: dict[str, Value] = {}
    for key, use in (query.get("variables") or {}).items():
        value = None if use.get("isNull") else use.get("value")
        if value is None and not use.get("isNull"):
            value = (defaults or {}).get(key)
        found[use["code_name"]] = value
    return found
