"""Endpoints and versions as frozen values, and what callers wish of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.language.query.materializing.serving import Tables

DEFAULT_FRESHNESS = 86_400
LATEST = "latest"
"""The alias that every endpoint has: its current version."""
FRESHNESS = (900, 1_800, 3_600, 21_600, 43_200, 86_400, 604_800)


@dataclass(frozen=True, slots=True)
class Materialization:
    """The tables of a version. `tables` is `None` until the first are whole; `sources`: what they were read from.

    `status`: `Running`, `Completed`, `Failed`, `Hibernated`, or `None` before the first run.
    """

    id: UUID
    status: str | None
    error: str
    bucket_overrides: Mapping[str, str]
    tables: Tables | None
    sources: Mapping[str, str]
    materialized_at: datetime | None
    row_count: int | None
    bytes_on_disk: int | None
    hibernated_at: datetime | None = None
    """When the tables were given up because nobody read them: the next run has them made anew."""
    refreshed: Mapping[str, Any] = field(default_factory=dict)
    """How the last refresh went: `mode` is `full` or `appended`, `reason` why not appended."""

    @property
    def promised(self) -> bool:
        """Whether callers have to give every variable: once there were tables, and also while they sleep."""
        return self.tables is not None or self.hibernated_at is not None


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable query with its settings. `columns`: `{"name", "type"}` each; `None` before they are known."""

    id: UUID
    number: int
    query: Mapping[str, Any]
    description: str
    data_freshness_seconds: int
    is_active: bool
    columns: Sequence[Mapping[str, str]] | None
    optional_breakdown_properties: Sequence[str]
    created_by: int | None
    created_at: datetime
    updated_at: datetime
    last_executed_at: datetime | None
    materialization: Materialization | None = None
    obstacle: str | None = None
    """Why the query could not be materialized when the version was made."""
    stale_while_revalidate_seconds: int = 0
    """How long after its freshness a cached answer is still given while a new one is made."""
    append_only_column: str | None = None
    """Declared: rows are only ever added to its table, with higher values of this column."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint with the version that is shown: the current one unless another was asked for."""

    id: UUID
    project_id: int
    name: str
    is_active: bool
    current_version: int
    derived_from_insight: str | None
    tags: Sequence[str]
    created_by: int | None
    created_at: datetime
    updated_at: datetime
    last_executed_at: datetime | None
    version: Version
    rate_limit: str | None = None
    aliases: Mapping[str, int] = field(default_factory=dict)
    """Version numbers by name."""
    default_alias: str | None = None

    @property
    def default_version(self) -> int:
        """The version that answers a run which names none."""
        return self.current_version if self.default_alias is None else self.aliases[self.default_alias]

    def number_of(self, reference: int | str) -> int | None:
        """The version that is meant, which need not exist; `None` for an alias that there is not."""
        if isinstance(reference, int):
            return reference
        return self.current_version if reference == LATEST else self.aliases.get(reference)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that was checked: normalized, and described where the engine could."""

    query: Mapping[str, Any]
    columns: Sequence[Mapping[str, str]] | None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a caller wants set: values by field. A `query` that differs makes a new version."""

    endpoint: Mapping[str, Any] = field(default_factory=dict)
    version: Mapping[str, Any] = field(default_factory=dict)
    query: Prepared | None = None
    materialize: bool = False
