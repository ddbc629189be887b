"""Sources, schemas and runs as other modules see them: frozen, and without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

WAREHOUSE, DIRECT = "warehouse", "direct"
RUNNING, COMPLETED, FAILED, PAUSED = "Running", "Completed", "Failed", "Paused"
SYNC_TYPES = ("full_refresh", "incremental", "append", "webhook", "cdc")
CURSOR_TYPES = ("integer", "numeric", "datetime", "date", "timestamp", "objectid", "xid")
BY_CURSOR = frozenset({"incremental", "append"})
SWEEPS = ("never", "always", "1hour", "6hour", "12hour", "24hour", "7day", "30day")
PENDING = {"kind": "pending"}
"""The cursor of a table that is being read whole while its source's log is kept for it."""
EVOLUTIONS = ("evolve", "freeze", "discard")
CONSOLIDATED, HISTORY, BOTH = "consolidated", "cdc_only", "both"
TABLE_MODES = (CONSOLIDATED, HISTORY, BOTH)
"""What a log is made into: the table as it is, one of all its changes, or both."""


@dataclass(frozen=True, slots=True)
class Source:
    """A connection, without what it connects with."""

    id: UUID
    project_id: int
    source_type: str
    prefix: str | None
    description: str | None
    status: str
    revenue_enabled: bool
    revenue_invoiceless: bool
    created_by: int | None
    created_at: datetime
    created_via: str
    access_method: str

    @property
    def direct(self) -> bool:
        """Whether its tables are read at the remote by each query, and never synced."""
        return self.access_method == DIRECT


@dataclass(frozen=True, slots=True)
class Schema:
    """How one remote table is synced."""

    id: UUID
    source_id: UUID
    project_id: int
    name: str
    label: str | None
    description: str | None
    table_name: str
    table_id: UUID | None
    history_id: UUID | None
    should_sync: bool
    sync_type: str | None
    incremental_field: str | None
    incremental_field_type: str | None
    primary_key_columns: list[str] | None
    enabled_columns: list[str] | None
    cdc_table_mode: str | None
    remote: Mapping[str, Any]
    evolution: str
    sync_frequency: str
    sync_time_of_day: str | None
    status: str | None
    latest_error: str | None
    last_synced_at: datetime | None
    cursor: Mapping[str, Any] | None
    reset: bool
    stopped: bool
    key_sweep: str
    swept_at: datetime | None
    created_at: datetime

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The remote's columns: `{"name", "data_type", "is_nullable"}` each."""
        return list(self.remote.get("columns", ()))

    @property
    def types(self) -> dict[str, str]:
        """The engine's types of the remote's columns, by name."""
        return dict(self.remote.get("types", {}))

    @property
    def key(self) -> list[str]:
        """What tells rows apart: as its user said, else as the remote has it."""
        return list(self.primary_key_columns or self.remote.get("primary_key") or ())

    @property
    def table_mode(self) -> str:
        """One of `TABLE_MODES`."""
        return (self.cdc_table_mode or CONSOLIDATED) if self.sync_type == "cdc" else CONSOLIDATED

    @property
    def history_name(self) -> str:
        """What its table of all changes is called."""
        return f"{self.table_name}_cdc"

    @property
    def main_id(self) -> UUID | None:
        """The table as it is, where there is one."""
        return self.table_id if self.table_id != self.history_id else None

    @property
    def logged(self) -> bool:
        """Whether it is to be kept in step by the source's log."""
        return self.should_sync and self.sync_type == "cdc" and self.sync_frequency != "never"

    @property
    def pushed(self) -> bool:
        """Whether events of its source's webhook are for it."""
        return self.should_sync and self.sync_type == "webhook"

    @property
    def following(self) -> bool:
        """Whether its table is whole, and every change after it will be in the log."""
        at_log = (self.cursor or {}).get("kind") == "log"
        return self.logged and at_log and not self.reset and self.table_id is not None


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of a schema."""

    id: UUID
    project_id: int
    source_id: UUID
    schema_id: UUID
    status: str
    sync_type: str | None
    rows_synced: int
    bytes_synced: int
    null_cursors: int
    rows_deleted: int
    error: str | None
    created_by: int | None
    created_at: datetime
    finished_at: datetime | None
