"""The JSON of a run: what stays as long as the result does, and what is told anew in each answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run.cached.results import Facts, Result
from hedgerow.endpoints.run.paths import Way
from hedgerow.endpoints.run.plans import Page
from hedgerow.engine.base import Answer
from hedgerow.kit.clock import iso
from hedgerow.language.query.catalog import Catalog
from hedgerow.queries import answers

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Debug:
    """What `debug` tells beside the facts of the result."""

    hogql: str
    key: str


def result_of(way: Way, answer: Answer, catalog: Catalog, page: Page, at: datetime) -> Result:
    """What the engine gave at `at`, ready to be kept."""
    rows, count, cut = answers.trimmed(answer, way.compiled.row_limit)
    members: dict[str, Any] = {
        "columns": [column.name for column in answer.columns],
        "types": answers.types(answer),
        "error": None,
        "hasMore": cut,
        "next_allowed_client_refresh": None,
        "timezone": catalog.timezone,
        "query_status": None,
    }
    if page.limit is not None:
        members |= {"limit": page.limit, "offset": page.offset or 0}
    tables_at = None if way.at is None else way.at.timestamp()
    facts = Facts(
        at.timestamp(), way.path, way.reason, tables_at, count, answer.rows_read, answer.bytes_read, answer.seconds
    )
    return Result(rows, orjson.dumps(members)[1:-1], facts)


def target(result: Result, freshness: int) -> datetime:
    """When the result is to be made anew."""
    if result.tables_at is None:
        return result.made + timedelta(seconds=freshness)
    return max(result.tables_at + timedelta(seconds=freshness), result.made + _ONE_SECOND)


def body(endpoint: Endpoint, result: Result, until: datetime, debug: Debug | None) -> bytes:
    """The whole answer; `until`: when its result is to be made anew."""
    version = endpoint.version
    told: dict[str, Any] = {
        "is_cached": result.kept,
        "last_refresh": iso(result.made),
        "cache_target_age": iso(until),
        "name": endpoint.name,
        "execution_id": str(uuid4()),
        "endpoint_version": version.number,
        "endpoint_version_created_at": iso(version.created_at),
    }
    if result.tables_at is not None:
        told |= {"endpoint_materialized": True, "endpoint_materialized_at": iso(result.tables_at)}
    if debug is not None:
        told |= _debug(debug, result.facts)
    return b"".join((b'{"results":', result.rows, b",", result.members, b",", orjson.dumps(told)[1:]))


def _debug(debug: Debug, facts: Facts) -> Mapping[str, Any]:
    return {
        "hogql": debug.hogql,
        "cache_key": debug.key,
        "calculation_trigger": None,
        "explain": None,
        "modifiers": {},
        "resolved_date_range": None,
        "timings": [{"k": "./engine", "t": round(facts.seconds, 6)}],
        "rows_read": facts.rows_read,
        "bytes_read": facts.bytes_read,
        "path": facts.path,
        "inline_reason": facts.reason,
    }
