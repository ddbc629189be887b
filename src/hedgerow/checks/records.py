"""Data checks as other modules see them: frozen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

ERROR, WARN = "error", "warn"
PASSED, FAILED, BROKEN = "passed", "failed", "error"


@dataclass(frozen=True, slots=True)
class Target:
    """What is checked: a view or a warehouse table."""

    project_id: int
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold of a target's rows. `config` is of its kind's own shape."""

    id: UUID
    project_id: int
    target_id: UUID
    name: str
    kind: str
    severity: str
    config: Mapping[str, Any]
    enabled: bool
    created_by: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `failing_rows` is `None` where it is not about single rows; `observed` is what it goes by."""

    check: Check
    status: str
    detail: str
    failing_rows: int | None = None
    observed: float | None = None
    seconds: float = 0.0

    @property
    def blocks(self) -> bool:
        """Whether rows with this finding may not be published."""
        return self.check.severity == ERROR and self.status != PASSED

    def told(self) -> dict[str, Any]:
        """As a run keeps it."""
        return {
            "check_id": str(self.check.id),
            "name": self.check.name,
            "kind": self.check.kind,
            "severity": self.check.severity,
            "status": self.status,
            "failing_rows": self.failing_rows,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """A finding that was kept. `run_id` is the run of a view that looked, if one did."""

    id: UUID
    check_id: UUID
    run_id: UUID | None
    status: str
    severity: str
    failing_rows: int | None
    observed: float | None
    detail: str
    seconds: float
    created_at: datetime


def objection(findings: Iterable[Finding]) -> str | None:
    """Why rows may not be published: each check that blocks, with what it found; `None` when none does."""
    blocking = [finding for finding in findings if finding.blocks]
    if not blocking:
        return None
    told = " ".join(f'The check "{finding.check.name}" failed: {finding.detail}' for finding in blocking[:5])
    more = f" {len(blocking) - 5} more failed." if len(blocking) > 5 else ""
    return f"The new rows were not published. {told}{more}"
