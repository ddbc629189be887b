"""Webhooks and kept events as other modules see them, and the cursor of a table that events keep in step."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.connectors.webhooks import TOLERANCE_SECONDS

WAITING, APPLIED, PASSED, FAILED = "waiting", "applied", "passed", "failed"
KIND = "webhook"
FREQUENCY = "24hour"
"""How often a table that events keep in step is read whole all the same, unless its user says otherwise."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A source's webhook, without its secrets."""

    id: UUID
    source_id: UUID
    project_id: int
    remote_id: str | None
    url: str | None
    leaving: bool
    last_event_at: datetime | None
    refused_at: datetime | None
    refusal: str | None
    created_at: datetime

    @property
    def path(self) -> str:
        """Where the remote posts to, on this server."""
        return f"/public/webhooks/dwh/{self.id}"


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """What an event told of one row."""

    id: int
    at: int
    row_key: str
    gone: bool
    sure: bool
    body: str
    digest: str
    received_at: datetime

    @property
    def key(self) -> dict[str, Any]:
        """The values of the row's key, by column."""
        found: dict[str, Any] = json.loads(self.body)["key"]
        return found

    @property
    def row(self) -> dict[str, Any] | None:
        """The row; `None`: it is gone."""
        found: dict[str, Any] | None = json.loads(self.body)["row"]
        return found


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest state of a row that is in its table."""

    at: int
    digest: str


def cursor(since: int) -> dict[str, Any]:
    """Of a table that was read whole from that moment on (seconds since 1970)."""
    return {"kind": KIND, "since": since}


def covered(stored: Mapping[str, Any] | None) -> int | None:
    """Events before this moment are in the table by its last whole read; `None`: there was none yet.

    No event is taken where the clocks differ by more than the tolerance, so that is the most that has to be allowed.
    """
    if stored is None or stored.get("kind") != KIND:
        return None
    return int(stored["since"]) - TOLERANCE_SECONDS


def written(content: object) -> str:
    """JSON as it is kept; the order of fields does not count."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def digest(content: object) -> str:
    """What tells one content from another."""
    return hashlib.sha256(written(content).encode()).hexdigest()
