"""The route of the log of an endpoint's runs."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from hedgerow.endpoints import shelf as endpoints
from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.errors import no_version
from hedgerow.endpoints.journal import shelf
from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.journal.rows import LogRow
from hedgerow.endpoints.journal.shelf import LEVELS, Wanted
from hedgerow.endpoints.records import Endpoint
from hedgerow.kit.clock import iso, of_unix
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.web.access import Access, Gate


class LogQuery(BaseModel):
    """Which lines are wanted; all that is said must hold."""

    after: datetime | None = Field(None, description="Only runs that ended later (ISO 8601).")
    before: datetime | None = Field(None, description="Only runs that ended earlier (ISO 8601).")
    level: str = Field("", max_length=200, description="Some of DEBUG, LOG, INFO, WARN, ERROR, parted by commas.")
    search: str = Field("", max_length=500, description="Only messages that hold this text, whatever its case.")
    instance_id: str | None = Field(None, max_length=64, description="One run, by its `execution_id`.")
    version: VersionReference | None = Field(None, description="Only runs of this version: its number, or an alias.")
    key: str | None = Field(None, max_length=200, description="Only runs by this key's id, or by tokens for this.")
    limit: int = Field(50, ge=1, le=500, description="Lines, the newest first.")

    def wanted(self, version: int | None) -> Wanted:
        """With the number of the version; raises `InvalidInput`."""
        levels = [word for part in self.level.split(",") if (word := part.strip().upper())]
        if any(each not in LEVELS for each in levels):
            raise InvalidInput(f"Not a level. Some of {', '.join(LEVELS)}, parted by commas.", attr="level")
        search = self.search.replace("\0", "")
        return Wanted(
            self.limit, _aware(self.after), _aware(self.before), levels, search, self.instance_id, version, self.key
        )


@dataclass(frozen=True, slots=True)
class Logs:
    """Reads the log; sees every run of this process, also those not written yet."""

    store: Store
    recorder: Recorder

    async def lines(self, project_id: int, name: str, query: LogQuery) -> list[dict[str, Any]]:
        """Lines of an endpoint in the API's shape; raises `NotFound` and `InvalidInput`."""
        await self.recorder.flush()
        return await asyncio.to_thread(self._read, project_id, name, query)

    def _read(self, project_id: int, name: str, query: LogQuery) -> list[dict[str, Any]]:
        with self.store.read() as session:
            found = endpoints.find(session, project_id, name, query.version)
            if found is None:
                raise no_version(query.version or 0)
            number = None if query.version is None else found.version.number
            return [_shape(found, row) for row in shelf.page(session, found.id, query.wanted(number))]


def add_logs(routes: APIRouter, logs: Logs, gate: Gate) -> None:
    """What an endpoint's runs have left."""
    may_read = gate.project("endpoint:read")

    @routes.get("/endpoints/{name}/logs")
    async def get_endpoint_logs(
        access: Annotated[Access, Depends(may_read)], name: str, query: Annotated[LogQuery, Query()]
    ) -> dict[str, Any]:
        """A line for each run, the newest first: how it went, how long it took, and who asked."""
        return {"results": await logs.lines(access.project_id, name, query)}


def _aware(given: datetime | None) -> datetime | None:
    """An instant without a time zone is meant as UTC."""
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


def _shape(endpoint: Endpoint, row: LogRow) -> dict[str, Any]:
    return {
        "log_source_id": str(endpoint.id),
        "instance_id": row.instance_id,
        "timestamp": iso(of_unix(row.at / 1e6)),
        "level": row.level,
        "message": row.message,
        "version": row.version or None,
        "path": row.path or None,
        "is_cached": row.cached,
        "status": row.status,
        "duration_ms": row.duration / 1000,
        "rows": row.row_count,
        "error": row.error,
        "key_type": row.caller_kind,
        "key": row.caller,
    }
