"""What the runs of a project or of an endpoint add up to, by time, endpoint, version and caller."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Row, func, literal, select
from sqlalchemy.orm import Session

from hedgerow.accounts import naming
from hedgerow.endpoints import shelf
from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.errors import no_version
from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.journal.rows import USAGE
from hedgerow.endpoints.journal.sums import BUCKETS, COUNTS, HOUR, quantile
from hedgerow.endpoints.rows import EndpointRow
from hedgerow.kit.clock import iso, now, of_unix
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.web.access import Access, Gate

_HOURS: Mapping[str, int] = {"hour": 1, "day": 24}
_USUAL = {"hour": timedelta(days=1), "day": timedelta(days=7), "total": timedelta(days=30)}
_LONGEST = timedelta(days=800)
_MOST_ROWS = 10_000
_GROUPS: Mapping[str, Sequence[str]] = {
    "endpoint": ("endpoint_id",),
    "version": ("version",),
    "key": ("caller_kind", "caller"),
}


class UsageQuery(BaseModel):
    """Which runs are summed up, and by what."""

    since: datetime | None = Field(None, alias="from", description="Runs from then on, in whole hours (ISO 8601).")
    to: datetime | None = Field(None, description="Runs before then; now unless said.")
    interval: Literal["hour", "day", "total"] = Field("day", description="`hour`, `day` (of UTC) or `total`.")
    group_by: str = Field("", max_length=100, description="Some of endpoint, version, key, parted by commas.")
    version: VersionReference | None = Field(None, description="Only this version: its number, or an alias.")
    key: str | None = Field(None, max_length=200, description="Only runs by this key's id, or by tokens for this.")

    def groups(self) -> list[str]:
        """Raises `InvalidInput`."""
        wanted = [word for part in self.group_by.split(",") if (word := part.strip())]
        if any(each not in _GROUPS for each in wanted):
            raise InvalidInput(f"Some of {', '.join(_GROUPS)}, parted by commas.", attr="group_by")
        return [each for each in _GROUPS if each in wanted]

    def hours(self) -> tuple[int, int]:
        """The first hour since 1970, and the one after the last. Raises `InvalidInput`."""
        end = now() if self.to is None else _aware(self.to)
        start = end - _USUAL[self.interval] if self.since is None else _aware(self.since)
        if start >= end:
            raise InvalidInput("from must be before to.", attr="from")
        if end - start > _LONGEST:
            raise InvalidInput(f"At most {_LONGEST.days} days at once.", attr="from")
        return int(start.timestamp()) // HOUR, -(-int(end.timestamp()) // HOUR)


@dataclass(frozen=True, slots=True)
class Reports:
    """Reads the sums; sees every run of this process, also those not written yet."""

    store: Store
    recorder: Recorder

    async def report(self, project_id: int, name: str | None, query: UsageQuery) -> dict[str, Any]:
        """The API's answer, of one endpoint or of all. Raises `NotFound` and `InvalidInput`."""
        await self.recorder.flush()
        return await asyncio.to_thread(self._read, project_id, name, query)

    def _read(self, project_id: int, name: str | None, query: UsageQuery) -> dict[str, Any]:
        with self.store.read() as session:
            rules = _rules(session, project_id, name, query)
            groups, (first, end) = query.groups(), query.hours()
            rows = _rows(session, rules, groups, query.interval)
            told = _told(session, rows, groups)
            total = session.execute(select(*_sums()).where(*rules)).one()
            return {
                "from": iso(of_unix(first * HOUR)),
                "to": iso(of_unix(end * HOUR)),
                "interval": query.interval,
                "group_by": groups,
                "results": told,
                "total": _figures(total),
            }


def add_usage(routes: APIRouter, reports: Reports, gate: Gate) -> None:
    """Of one endpoint, and of all: that is no path below `endpoints`, where an endpoint may be called anything."""
    may_read = gate.project("endpoint:read")

    @routes.get("/endpoints/{name}/usage")
    async def get_endpoint_usage(
        access: Annotated[Access, Depends(may_read)], name: str, query: Annotated[UsageQuery, Query()]
    ) -> dict[str, Any]:
        """Runs of an endpoint by time: how many, how fast, by which version and key."""
        return await reports.report(access.project_id, name, query)

    @routes.get("/endpoint_usage")
    async def get_usage(
        access: Annotated[Access, Depends(may_read)], query: Annotated[UsageQuery, Query()]
    ) -> dict[str, Any]:
        """Runs of all endpoints by time: how many, how fast, by which endpoint, version and key."""
        if query.version is not None:
            raise InvalidInput("Versions are an endpoint's: ask for its own usage.", attr="version")
        return await reports.report(access.project_id, None, query)


def _rules(session: Session, project_id: int, name: str | None, query: UsageQuery) -> list[ColumnElement[bool]]:
    first, end = query.hours()
    rules = [USAGE.c.project_id == project_id, USAGE.c.hour >= first, USAGE.c.hour < end]
    if name is not None:
        found = shelf.find(session, project_id, name, query.version)
        if found is None:
            raise no_version(query.version or 0)
        rules.append(USAGE.c.endpoint_id == found.id)
        if query.version is not None:
            rules.append(USAGE.c.version == found.version.number)
    if query.key is not None:
        rules.append(USAGE.c.caller == query.key)
    return rules


def _rows(
    session: Session, rules: Sequence[ColumnElement[bool]], groups: Sequence[str], interval: str
) -> list[Row[Any]]:
    hours = _HOURS.get(interval)
    time = literal(None).label("time") if hours is None else (USAGE.c.hour // hours * hours).label("time")
    by = [USAGE.c[column] for group in groups for column in _GROUPS[group]]
    kept = [*by] if hours is None else [time, *by]
    chosen = select(time, *by, *_sums()).where(*rules).group_by(*kept).order_by(*kept).limit(_MOST_ROWS + 1)
    rows = list(session.execute(chosen))
    if len(rows) > _MOST_ROWS:
        raise InvalidInput(f"More than {_MOST_ROWS:,} results: ask for less time, or by less.", attr="group_by")
    return [row for row in rows if row.runs]


def _sums() -> list[Any]:
    names = [*COUNTS, *(f"d{place}" for place in range(BUCKETS))]
    return [func.coalesce(func.sum(USAGE.c[name]), 0).label(name) for name in names]


def _told(session: Session, rows: Sequence[Row[Any]], groups: Sequence[str]) -> list[dict[str, Any]]:
    names, keys = {}, {}
    if "endpoint" in groups:
        chosen = select(EndpointRow.id, EndpointRow.name).where(EndpointRow.id.in_({row.endpoint_id for row in rows}))
        names = {identifier: name for identifier, name in session.execute(chosen)}  # noqa: C416  (rows)
    if "key" in groups:
        keys = naming.labels(session, {row.caller for row in rows})
    return [_result(row, groups, names, keys) for row in rows]


def _result(row: Row[Any], groups: Sequence[str], names: Mapping[Any, str], keys: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"time": None if row.time is None else iso(of_unix(int(row.time) * HOUR))}
    if "endpoint" in groups:
        told["endpoint"] = names.get(row.endpoint_id)
    if "version" in groups:
        told["version"] = row.version or None
    if "key" in groups:
        told |= {"key_type": row.caller_kind, "key": row.caller or None, "key_label": keys.get(row.caller)}
    return told | _figures(row)


def _figures(row: Row[Any]) -> dict[str, Any]:
    buckets = [int(getattr(row, f"d{place}")) for place in range(BUCKETS)]
    runs, cached, errors = int(row.runs), int(row.cached), int(row.errors)
    return {
        "runs": runs,
        "cached": cached,
        "engine": runs - cached - errors,
        "materialized": int(row.materialized),
        "errors": errors,
        "rows": int(row.row_count),
        "bytes_read": int(row.bytes_read),
        "mean_ms": round(int(row.duration) / runs / 1000, 3) if runs else None,
        "p50_ms": _milliseconds(quantile(buckets, 0.5)),
        "p95_ms": _milliseconds(quantile(buckets, 0.95)),
    }


def _milliseconds(micros: float | None) -> float | None:
    return None if micros is None else round(micros / 1000, 3)


def _aware(given: datetime) -> datetime:
    """An instant without a time zone is meant as UTC."""
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given
