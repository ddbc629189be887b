"""Logs as other modules see them, and the cursor of a table that follows one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.connectors.changes import LogPlace, Moment

MANAGED, SELF_MANAGED = "posthog", "self_managed"
"""The API's words for who makes slot and publication."""


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """A source's log. `warning` is told while it is read too far behind."""

    source_id: UUID
    project_id: int
    enabled: bool
    management_mode: str
    slot_name: str
    publication_name: str
    auto_drop_slot: bool
    warning_mb: int
    critical_mb: int
    position: int | None
    system: str | None
    warning: str | None

    @property
    def managed(self) -> bool:
        """Whether slot and publication are ours to make and drop."""
        return self.management_mode == MANAGED

    @property
    def drops_slot(self) -> bool:
        """Whether the slot is dropped when the remote keeps too much for it."""
        return self.managed and self.auto_drop_slot

    @property
    def place(self) -> LogPlace:
        return LogPlace(self.slot_name, self.publication_name, self.managed)

    def shown(self) -> dict[str, Any]:
        """As a source's `job_inputs` tell of it."""
        return {
            "cdc_enabled": self.enabled,
            "cdc_management_mode": self.management_mode,
            "cdc_slot_name": self.slot_name,
            "cdc_publication_name": self.publication_name,
            "cdc_auto_drop_slot": self.auto_drop_slot,
            "cdc_lag_warning_threshold_mb": self.warning_mb,
            "cdc_lag_critical_threshold_mb": self.critical_mb,
        }


@dataclass(frozen=True, slots=True)
class LogCursor:
    """Where a table stands: all that committed before `lsn`, or that `moment` covers, is in it.

    `number` is what the remote knows the table by; `columns` are its logged columns with the remote's types.
    """

    lsn: int
    moment: Moment | None
    number: int
    columns: Mapping[str, str]

    def has(self, lsn: int, xid: int) -> bool:
        """Whether the transaction `xid`, whose commit lies at `lsn`, is in the table."""
        return lsn < self.lsn or (self.moment is not None and self.moment.covers(lsn, xid))

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        moment = None
        if self.moment is not None and self.moment.end > self.lsn:
            moment = {"end": self.moment.end, "seen": self.moment.seen}
        return {
            "kind": "log",
            "lsn": self.lsn,
            "moment": moment,
            "number": self.number,
            "columns": dict(self.columns),
        }


def read_cursor(stored: Mapping[str, Any]) -> LogCursor:
    """What `LogCursor.kept` gave."""
    moment = stored["moment"]
    at = Moment(moment["end"], moment["seen"]) if moment else None
    return LogCursor(stored["lsn"], at, stored["number"], stored["columns"])
