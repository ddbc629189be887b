"""How tables are synced where nobody says it: by what is new where a column tells of every change, else whole."""

import re
from collections.abc import Sequence
from typing import Any

from hedgerow.connectors import Cursor, RemoteTable

_OF_CHANGES = re.compile(r"(^|_)(updated|modified|changed)(_|$)|^(last)?(updated|modified|changed)(at|on|date)?$", re.I)
_TIMES = frozenset({"datetime", "timestamp"})


def everything(tables: Sequence[RemoteTable]) -> list[dict[str, Any]]:
    """The `schemas` of a payload for all tables.

    A number that grows, or the time of making, does not tell of changes: what the connector itself does not name as the
    table's cursor is read whole, which is slower and never wrong.
    """
    return [{"name": table.name, "should_sync": True, **_way(table)} for table in tables]


def _way(table: RemoteTable) -> dict[str, Any]:
    cursor = _of_changes(table) or (table.cursor(table.default_cursor) if table.default_cursor else None)
    if cursor is not None:
        said = {"incremental_field": cursor.field, "incremental_field_type": cursor.type}
        if "incremental" in table.sync_types and table.primary_key:
            return {"sync_type": "incremental", **said}
        if "append" in table.sync_types and cursor.field == table.default_cursor:
            return {"sync_type": "append", **said}
    return {"sync_type": "full_refresh"}


def _of_changes(table: RemoteTable) -> Cursor | None:
    """The column that says when a row was changed last."""
    return next((c for c in table.cursors if c.type in _TIMES and _OF_CHANGES.search(c.field)), None)
