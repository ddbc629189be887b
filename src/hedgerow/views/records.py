"""Saved queries as other modules see them: frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.warehouse.records import KeptColumn


@dataclass(frozen=True, slots=True)
class View:
    """A saved query. `query` is empty where a page of many was asked for; `revision` is the conflict token."""

    id: UUID
    project_id: int
    name: str
    query: Mapping[str, Any]
    columns: tuple[KeptColumn, ...]
    revision: UUID
    origin: str
    managed_viewset_kind: str | None
    deleted: bool
    created_by: int | None
    created_at: datetime
    sync_frequency: str | None
    status: str | None
    last_run_at: datetime | None
    latest_error: str | None
    is_materialized: bool
    physical: str | None

    @property
    def text(self) -> str:
        """The HogQL."""
        return str(self.query.get("query", ""))


@dataclass(frozen=True, slots=True)
class Draft:
    """A saved query to make, or changes to one: `given` names what was said."""

    given: frozenset[str]
    name: str = ""
    query: Any = None
    token: str | None = None
    soft: bool = False
    types: tuple[tuple[str, str], ...] | None = None
    sync_frequency: str | None = None
    rewrite_dependents: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that was checked: the object to keep, its columns, and the names its own text reads."""

    query: Mapping[str, Any]
    columns: tuple[KeptColumn, ...]
    parents: tuple[str, ...]
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
