"""Saved queries as other modules see them: frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.warehouse.records import KeptColumn

RESUMED: Mapping[str, Any] = {"failures": 0, "suspended": False}
"""What is set when a view is in waves again, or no longer near to being left out of them."""


@dataclass(frozen=True, slots=True)
class Incremental:
    """How a view's table is made bit by bit: rows from `lookback_seconds` before the last key on are made anew.

    A row of the table whose `unique_key` is that of a new row gives way to it.
    """

    enabled: bool
    incremental_key: str
    unique_key: tuple[str, ...] = ()
    lookback_seconds: int = 0


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
    inputs: str | None = None
    failures: int = 0
    suspended: bool = False
    incremental: Incremental | None = None
    incremental_state: Mapping[str, Any] | None = None
    description: str = ""
    folder_id: UUID | None = None
    folder_name: str | None = None

    @property
    def text(self) -> str:
        """The HogQL."""
        return str(self.query.get("query", ""))


@dataclass(frozen=True, slots=True)
class Folder:
    """What views are sorted into, and how many are in it."""

    id: UUID
    project_id: int
    name: str
    created_by: int | None
    created_at: datetime
    view_count: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A saved query to make, or changes to one: `given` names what was said."""

    given: frozenset[str]
    name: str = ""
    folder_id: UUID | None = None
    description: str = ""
    query: Any = None
    token: str | None = None
    soft: bool = False
    types: tuple[tuple[str, str], ...] | None = None
    sync_frequency: str | None = None
    incremental: Incremental | None = None
    rewrite_dependents: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that was checked: the object to keep, its columns, and the names its own text reads."""

    query: Mapping[str, Any]
    columns: tuple[KeptColumn, ...]
    parents: tuple[str, ...]
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
