"""The JSON of a run: what stays as long as the result does, and what is told anew in each answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hedgerow.endpoints.run.cached.results import Facts, Result, noted
from hedgerow.endpoints.run.memory import Definition
from hedgerow.endpoints.run.paths import Way
from hedgerow.endpoints.run.plans import Page
from hedgerow.engine.base import Answer
from hedgerow.kit.clock import iso, now, of_unix
from hedgerow.language.query.catalog import Catalog
from hedgerow.queries import answers

_CACHED = {True: b',"is_cached":true,"cache_target_age":"', False: b',"is_cached":false,"cache_target_age":"'}


@dataclass(frozen=True, slots=True)
class Debug:
    """What `debug` tells."""

    hogql: str
    key: str
    facts: Facts


def result_of(way: Way, answer: Answer, catalog: Catalog, page: Page) -> Result:
    """What the engine gave just now, ready to be kept."""
    at = now()
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
    dated: dict[str, Any] = {"last_refresh": iso(at)}
    if way.at is not None:
        dated |= {"endpoint_materialized": True, "endpoint_materialized_at": iso(way.at)}
    facts = Facts(way.path, way.reason, count, answer.rows_read, answer.bytes_read, answer.seconds)
    tables_at = 0.0 if way.at is None else way.at.timestamp()
    return Result(rows, _inner(members), _inner(dated), noted(facts), at.timestamp(), tables_at)


def target(result: Result, freshness: int) -> float:
    """When the result is to be made anew, seconds since 1970."""
    if not result.tables_at:
        return result.made + freshness
    return max(result.tables_at + freshness, result.made + 1)


def body(begun: bytes, execution_id: str, definition: Definition, debug: Debug | None) -> bytes:
    """The whole answer, from its `beginning`."""
    end = b"}" if debug is None else b"," + orjson.dumps(_debug(debug))[1:]
    return b"".join((begun, execution_id.encode(), b'",', definition.told, end))


def beginning(result: Result, until: float) -> bytes:
    """What an answer says before its own id, the same whenever the result is told; `until`: when it is made anew."""
    return b"".join((
        b'{"results":', result.rows, b",", result.members, b",", result.dated,
        _CACHED[result.kept], iso(of_unix(until)).encode(), b'","execution_id":"',
    ))  # fmt: skip


def _inner(members: Mapping[str, Any]) -> bytes:
    """A JSON object without its braces."""
    return orjson.dumps(members)[1:-1]


def _debug(debug: Debug) -> Mapping[str, Any]:
    facts = debug.facts
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
