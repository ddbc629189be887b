"""Which way a run takes: from the version's tables where they can answer it, else from the query's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hedgerow.endpoints.materialized.planning import sources_of
from hedgerow.endpoints.records import Materialization, Version
from hedgerow.endpoints.run.plans import Page, Plans
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.materializing.reasons import NotServable
from hedgerow.language.query.pipeline import CompiledQuery, Value

INLINE, MATERIALIZED, FALLBACK = "inline", "materialized", "materialized_fallback"
_ASLEEP = "hibernated, as nobody ran it for long: the tables are being made anew"


@dataclass(frozen=True, slots=True)
class Way:
    """A compiled run. `path`: `inline`, `materialized`, `materialized_fallback`; `reason`: why not the tables.

    `at`: when what the tables hold was read.
    """

    compiled: CompiledQuery
    path: str = INLINE
    reason: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be run: the values of all variables, the rows wanted, and whether it is compiled for itself alone."""

    values: Mapping[str, Value]
    page: Page
    alone: bool


@dataclass(frozen=True, slots=True)
class Paths:
    """Chooses the way of a run."""

    plans: Plans

    async def choose(self, version: Version, catalog: Catalog, asked: Asked, *, direct: bool = False) -> Way:
        """The tables when they are fresh and can answer it exactly, else the query itself."""
        kept = version.materialization
        if kept is None or kept.tables is None:
            reason = _ASLEEP if kept is not None and kept.hibernated_at else None
            return Way(await self.inline(version, catalog, asked), INLINE, reason)
        reason = "asked for" if direct else _stale(kept, version.data_freshness_seconds)
        if reason is None:
            try:
                compiled = await self.plans.plan(
                    version, catalog, asked.values, asked.page, alone=asked.alone, tables=kept.tables
                )
                reason = _changed(kept, compiled, catalog)
                if reason is None:
                    return Way(compiled, MATERIALIZED, None, kept.materialized_at)
            except NotServable as cannot:
                reason = str(cannot)
        path = INLINE if direct else FALLBACK
        return Way(await self.inline(version, catalog, asked), path, reason)

    async def inline(self, version: Version, catalog: Catalog, asked: Asked) -> CompiledQuery:
        """The query itself."""
        return await self.plans.plan(version, catalog, asked.values, asked.page, alone=asked.alone)

    async def after(self, error: HedgerowError, version: Version, catalog: Catalog, asked: Asked) -> Way:
        """The way when reading the tables has failed."""
        return Way(await self.inline(version, catalog, asked), FALLBACK, f"reading the table failed: {error.code}")


def tables_name(version: Version) -> str:
    """A name of the tables a run would take now; empty is none."""
    kept = version.materialization
    if kept is None or kept.tables is None or _stale(kept, version.data_freshness_seconds):
        return ""
    return kept.tables.served[0].physical


def check_mode(version: Version, *, direct: bool) -> None:
    """Raise `InvalidInput` for `direct` where there is no table to go round."""
    if direct and (version.materialization is None or not version.materialization.promised):
        raise InvalidInput("refresh 'direct' is only for materialized endpoints.", attr="refresh")


def check_required(version: Version, names: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` unless every variable of a materialized version has a value of the caller's."""
    if version.materialization is None or not version.materialization.promised:
        return
    missing = [name for name in names if given.get(name) is None]
    if missing:
        listed = ", ".join(missing)
        text = f"Required variable(s) missing: {listed}. A materialized endpoint needs a value for each."
        raise InvalidInput(text, attr="variables")


def _stale(kept: Materialization, seconds: int) -> str | None:
    if kept.materialized_at is None or now() - kept.materialized_at > timedelta(seconds=seconds):
        return "the tables are older than the data freshness"
    return None


def _changed(kept: Materialization, compiled: CompiledQuery, catalog: Catalog) -> str | None:
    """Rows beside the tables must be those the tables were made from."""
    if compiled.reads_rows() and sources_of(catalog, set(kept.sources)) != dict(kept.sources):
        return "a table was loaded anew since, and the range ends within a bucket"
    return None
