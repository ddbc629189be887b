"""How tables are to be synced, as users say it: checked against what the remote has, made into a schema's values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.connectors import Declaration, RemoteTable
from hedgerow.connectors.types import engine_type
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.events.records import FREQUENCY
from hedgerow.sources.records import BY_CURSOR, CURSOR_TYPES, EVOLUTIONS, SWEEPS, SYNC_TYPES, TABLE_MODES
from hedgerow.warehouse.errors import ActionRefused

TYPE_FIRST = "Sync type must be set up first before enabling schema"
_SAID = (
    "sync_type",
    "primary_key_columns",
    "enabled_columns",
    "sync_time_of_day",
    "evolution",
    "key_sweep",
    "cdc_table_mode",
)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d")
_CDC_OFF = "CDC must be enabled on the source before selecting it as a sync type"
_CDC_KEY = "CDC requires a primary key on each table"
LOG_FREQUENCY = "5min"
"""How often a log is looked after; while it is, changes are followed as they come."""


def remote_of(table: RemoteTable) -> dict[str, Any]:
    """What a schema keeps of the remote's table."""
    nullable = {column.name: column.nullable for column in table.columns}
    return {
        "columns": [{"name": c.name, "data_type": c.remote_type, "is_nullable": c.nullable} for c in table.columns],
        "cursors": [
            {"field": c.field, "label": c.label or c.field, "type": c.type, "nullable": nullable.get(c.field, True)}
            for c in table.cursors
        ],
        "primary_key": list(table.primary_key),
        "sync_types": list(table.sync_types),
        "types": {column.name: engine_type(column.arrow_type) for column in table.columns},
    }


def chosen(given: object, tables: Sequence[RemoteTable], *, cdc: bool = False) -> dict[str, dict[str, Any]]:
    """The `schemas` of a payload: values by table's name; `cdc`: the source's log is read. Raises `ActionRefused`."""
    if not isinstance(given, list) or not given:
        raise ActionRefused("Schemas not given", attr="schemas")
    there = {table.name: table for table in tables}
    wishes: dict[str, dict[str, Any]] = {}
    for entry in given:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name not in there:
            raise ActionRefused("Schemas given do not exist in source", attr="schemas")
        wishes[name] = dict(entry)
    on = [name for name, wish in wishes.items() if wish.get("sync_type") == "cdc"]
    if on and not cdc:
        raise ActionRefused(f"{_CDC_OFF}: {', '.join(on)}", attr="schemas")
    if bare := [name for name in on if not (wishes[name].get("primary_key_columns") or there[name].primary_key)]:
        raise ActionRefused(f"{_CDC_KEY}: {', '.join(bare)}", attr="schemas")
    return {name: _values(there[name], wish, cdc) for name, wish in wishes.items()}


def _values(table: RemoteTable, wish: Mapping[str, Any], cdc: bool) -> dict[str, Any]:
    remote, on = remote_of(table), wish.get("should_sync") is True
    if not isinstance(wish.get("should_sync"), bool | None):
        raise ActionRefused(f"should_sync of {table.name} must be true or false.", attr="schemas")
    said = {name: wish[name] for name in _SAID if wish.get(name) is not None}
    kind = said.get("sync_type")
    if kind in BY_CURSOR and on:
        if not wish.get("incremental_field"):
            raise ActionRefused("Incremental schemas given do not have an incremental field set", attr="schemas")
        if not wish.get("incremental_field_type"):
            raise ActionRefused("Incremental schemas given do not have an incremental field type set", attr="schemas")
    for name in ("incremental_field", "incremental_field_type"):
        if wish.get(name) is not None:
            said[name] = wish[name]
    try:
        values = checked(table.name, remote, said, cdc=cdc)
        if on:
            ready(table.name, {"primary_key_columns": None, "incremental_field": None, **values}, remote)
    except InvalidInput as fault:
        raise ActionRefused(fault.detail, attr="schemas") from None
    often = {"cdc": LOG_FREQUENCY, "webhook": FREQUENCY}.get(str(kind))
    return {**values, "should_sync": on, **({"sync_frequency": often} if often else {})}


def checked(table: str, remote: Mapping[str, Any], said: Mapping[str, Any], *, cdc: bool = False) -> dict[str, Any]:
    """What is said of a schema, each value for itself; raises `InvalidInput` with its field."""
    values = dict(said)
    if values.get("sync_type") is not None:
        check_type(table, remote, values["sync_type"], cdc=cdc)
    kind = values.get("incremental_field_type")
    if kind is not None and kind not in CURSOR_TYPES:
        raise InvalidInput(f"Not an incremental field type: {kind}.", attr="incremental_field_type")
    if values.get("cdc_table_mode") not in (None, *TABLE_MODES):
        raise InvalidInput(f"Must be one of {', '.join(TABLE_MODES)}.", attr="cdc_table_mode", code="invalid_choice")
    if values.get("incremental_field") is not None:
        values |= cursor(table, remote, values["incremental_field"])
    for name in ("primary_key_columns", "enabled_columns"):
        if values.get(name) is not None:
            check_columns(table, remote, values[name], name)
    if values.get("sync_time_of_day") is not None and not _TIME.fullmatch(str(values["sync_time_of_day"])):
        raise InvalidInput("Invalid sync time of day", attr="sync_time_of_day")
    if values.get("evolution", EVOLUTIONS[0]) not in EVOLUTIONS:
        raise InvalidInput(f"Must be one of {', '.join(EVOLUTIONS)}.", attr="evolution", code="invalid_choice")
    if values.get("key_sweep", SWEEPS[0]) not in SWEEPS:
        raise InvalidInput(f"Must be one of {', '.join(SWEEPS)}.", attr="key_sweep", code="invalid_choice")
    if values.get("primary_key_columns") == []:
        values["primary_key_columns"] = None
    return values


def ready(table: str, values: Mapping[str, Any], remote: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` when a schema, as it would be, cannot be synced."""
    if values.get("sync_type") is None:
        raise InvalidInput(TYPE_FIRST, attr="sync_type")
    if values["sync_type"] in BY_CURSOR and not values.get("incremental_field"):
        raise InvalidInput("Incremental schemas given do not have an incremental field set", attr="incremental_field")
    keyed = values.get("primary_key_columns") or remote.get("primary_key")
    if values["sync_type"] == "cdc" and not keyed:
        raise InvalidInput(f"{_CDC_KEY}: {table}", attr="sync_type")
    if values["sync_type"] == "webhook" and list(keyed or ()) != list(remote.get("primary_key") or ()):
        text = f"Events tell rows of {table} by {', '.join(remote.get('primary_key') or ())}; it can have no other key."
        raise InvalidInput(text, attr="primary_key_columns")
    if values["sync_type"] == "incremental" and not keyed:
        text = (
            f"Table {table} has no primary key to update rows by. Name its columns in primary_key_columns, or append."
        )
        raise InvalidInput(text, attr="primary_key_columns")


def check_sweep(declaration: Declaration, values: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` where deleted rows are to be looked for, and keys that are not seen may be there."""
    if values.get("key_sweep", "never") != "never" and not declaration.snapshot:
        text = f"{declaration.label} cannot show all keys as of one moment, so deleted rows cannot be told from others."
        raise InvalidInput(text, attr="key_sweep")


def check_type(table: str, remote: Mapping[str, Any], kind: object, *, cdc: bool = False) -> None:
    """Raises `InvalidInput` for a sync type that the table cannot have."""
    if kind not in SYNC_TYPES:
        raise InvalidInput(f'"{kind}" is not a valid choice.', attr="sync_type", code="invalid_choice")
    if kind == "cdc" and not cdc:
        raise InvalidInput(f"{_CDC_OFF}: {table}", attr="sync_type")
    if kind not in ("full_refresh", "cdc") and kind not in remote.get("sync_types", ()):
        there = ", ".join(remote.get("sync_types") or ("full_refresh",))
        raise InvalidInput(f"Table {table} cannot be synced as {kind}. It can be: {there}.", attr="sync_type")


def cursor(table: str, remote: Mapping[str, Any], name: object) -> dict[str, Any]:
    """The field and type of a cursor that is named by its field or its label; raises `InvalidInput`."""
    for each in remote.get("cursors", ()):
        if name in (each["field"], each["label"]):
            return {"incremental_field": each["field"], "incremental_field_type": each["type"]}
    there = ", ".join(each["field"] for each in remote.get("cursors", ())) or "none"
    text = f'Table {table} has no incremental field "{name}". It has: {there}.'
    raise InvalidInput(text, attr="incremental_field")


def check_columns(table: str, remote: Mapping[str, Any], names: object, attr: str) -> None:
    """Raises `InvalidInput` for what is no list of the table's columns."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput("Expected a list of column names.", attr=attr)
    there = {column["name"] for column in remote.get("columns", ())}
    if unknown := [name for name in names if name not in there]:
        raise InvalidInput(f"Table {table} has no column {', '.join(unknown)}.", attr=attr)
