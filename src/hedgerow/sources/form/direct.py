"""Which tables and columns of a direct source may be queried; nothing of syncing can be said of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.connectors import RemoteTable
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.form import wishes
from hedgerow.sources.records import Schema, Source
from hedgerow.warehouse.errors import ActionRefused

NEVER_SYNCED = "This source is queried directly, so its tables are never synced: queries read them as they are."
_SAID = ("should_sync", "enabled_columns")


def refuse(source: Source) -> None:
    """Raises `ActionRefused` for what can only be done with synced tables."""
    if source.direct:
        raise ActionRefused(NEVER_SYNCED)


def chosen(given: object, tables: Sequence[RemoteTable]) -> dict[str, dict[str, Any]]:
    """The `schemas` of a payload: values by table's name; what is said of syncing is passed over."""
    if not isinstance(given, list):
        return wishes.chosen(given, tables)
    said = [{n: e[n] for n in ("name", *_SAID) if n in e} if isinstance(e, Mapping) else e for e in given]
    quiet = [{**entry, "should_sync": False} if isinstance(entry, Mapping) else entry for entry in said]
    values = wishes.chosen(quiet, tables)
    for entry in said:
        if not isinstance(entry.get("should_sync"), bool | None):
            raise ActionRefused(f"should_sync of {entry['name']} must be true or false.", attr="schemas")
        values[entry["name"]]["should_sync"] = entry.get("should_sync") is True
    return values


def edited(schema: Schema, said: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a change sets; raises `InvalidInput` for one of syncing, unless it says what is so."""
    for name, value in said.items():
        if name not in _SAID and value is not None and value != getattr(schema, name):
            raise InvalidInput(NEVER_SYNCED, attr=name)
    values = {name: said[name] for name in _SAID if name in said}
    if values.get("should_sync") is None:
        values.pop("should_sync", None)
    if values.get("enabled_columns") is not None:
        wishes.check_columns(schema.name, schema.remote, values["enabled_columns"], "enabled_columns")
    return values
