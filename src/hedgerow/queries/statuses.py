"""What is known of queries in the background, where every process can see it: the cache."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from hedgerow.cache import Cache
from hedgerow.engine.result import Progress
from hedgerow.kit.clock import iso, now

KEPT_SECONDS = 1200.0
"""How long a status is kept after its last change."""

LOST_SECONDS = 30.0
"""A query whose process has not been heard of for so long is lost."""


@dataclass(frozen=True, slots=True)
class Name:
    """A background query's name: its project and the id its caller knows."""

    project_id: int
    id: str

    @property
    def key(self) -> str:
        return f"query:{self.project_id}:{self.id}"


def started(name: Name) -> dict[str, Any]:
    """The status of a query that begins now, with every documented key."""
    moment = now()
    return {
        "id": name.id,
        "team_id": name.project_id,
        "query_async": True,
        "insight_id": None,
        "dashboard_id": None,
        "complete": False,
        "error": False,
        "error_message": None,
        "results": None,
        "start_time": iso(moment),
        "pickup_time": iso(moment),
        "end_time": None,
        "expiration_time": iso(moment + timedelta(seconds=KEPT_SECONDS)),
        "task_id": name.id,
        "query_progress": None,
        "labels": None,
    }


class Statuses:
    """Reads and writes statuses. A status has a heartbeat, so that one whose process died does not stay unfinished."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def write(self, name: Name, status: dict[str, Any], results: bytes | None = None, code: int = 200) -> None:
        """Keep the status; `results` is the JSON of the answer, `code` the HTTP status it is shown with."""
        body = {"status": status | {"results": None}, "code": code, "beat": iso(now())}
        await self._cache.set(f"{name.key}:results", results or b"null", KEPT_SECONDS)
        await self._cache.set(name.key, orjson.dumps(body), KEPT_SECONDS)

    async def read(self, name: Name) -> tuple[dict[str, Any], bytes, int] | None:
        """Status, results as JSON, and HTTP status; `None` when no such query is known."""
        kept = await self._cache.get(name.key)
        if kept is None:
            return None
        body = orjson.loads(kept)
        status, code = body["status"], body["code"]
        if not status["complete"]:
            quiet = (now() - datetime.fromisoformat(body["beat"])).total_seconds()
            if quiet > LOST_SECONDS:
                status |= {"complete": True, "error": True, "error_message": "The process that ran the query is gone."}
                return status, b"null", 500
            return status, b"null", 202
        return status, await self._cache.get(f"{name.key}:results") or b"null", code


def progress_object(progress: Progress | None) -> dict[str, Any] | None:
    """Progress as the API shows it."""
    if progress is None:
        return None
    return {
        "bytes_read": progress.bytes_read,
        "rows_read": progress.rows_read,
        "estimated_rows_total": progress.estimated_rows_total,
        "time_elapsed": progress.seconds,
        "active_cpu_time": progress.cpu_seconds,
    }
