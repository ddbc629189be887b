"""Webhooks: a remote tells of changes by itself. How that is arranged with it, proven, and read as changes of rows."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from hedgerow.connectors.base import Config, Connector

TOLERANCE_SECONDS = 300
"""How old a delivery may be, or how far the clocks may differ: what was overheard cannot be sent again later."""

Row = Mapping[str, Any]


class Unproven(Exception):
    """A delivery is not shown to be the remote's; the text says why, and holds nothing of what came."""


class Unreadable(Exception):
    """A delivery is the remote's, and is no event."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was posted: headers by their lower-case names, the body as it came, and when (seconds since 1970)."""

    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class RowChange:
    """What an event tells of a row: how it is now (`None`: it is gone). `key` holds the values of its key by column.

    Unless it is `sure`, the row came in another shape than the table's, and is to be asked for.
    """

    table: str
    key: Row
    row: Row | None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `id` is the same however often it is delivered; `at` grows with time, and may be the same for two."""

    id: str
    kind: str
    at: int
    changes: tuple[RowChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """A webhook that the remote has now, and what it gave for the form's fields."""

    remote_id: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RemoteWebhook:
    """What the remote says of a webhook."""

    exists: bool
    url: str | None = None
    enabled_events: Sequence[str] = ()
    status: str | None = None
    description: str | None = None
    created_at: str | None = None
    api_version: str | None = None
    missing_events: Sequence[str] = field(default=())


class WebhookSource(Protocol):
    """A connector's way to be told. What asks the remote blocks, and raises as a `Connector`'s calls do."""

    def register(self, config: Config, url: str, known: str | None) -> Registration:
        """Have events sent to `url`; `known` is the webhook whose secret is kept, which is set right where it is there.

        May be called again at any time: the remote has one webhook for `url` afterwards.
        """

    def state(self, config: Config, url: str, known: str | None) -> RemoteWebhook:
        """What the remote has for `url`."""

    def remove(self, config: Config, url: str, known: str | None) -> None:
        """Have nothing sent to `url` any more; what is not there is no fault."""

    def verify(self, config: Config, inputs: Mapping[str, str], delivery: Delivery) -> None:
        """Raises `Unproven` unless the delivery is the remote's, made for this webhook, and new."""

    def read(self, config: Config, delivery: Delivery) -> Event:
        """The event that was delivered; raises `Unreadable`."""

    def fetch(self, config: Config, table: str, key: Row) -> Row | None:
        """A row as it is at the remote now; `None`: it is gone."""

    def batch(self, config: Config, table: str, rows: Sequence[Row]) -> pa.RecordBatch:
        """Rows in the columns that `discover` tells; raises `Refused` for a value that is not of its column's type."""


def webhook_source(connector: Connector) -> WebhookSource | None:
    """A connector's way to be told, if it has one."""
    found: WebhookSource | None = getattr(connector, "webhooks", None)
    return found


def signed(secret: str, content: bytes, given: Iterable[str]) -> bool:
    """Whether a signature is the HMAC-SHA256 of `content`, in hexadecimal digits; compared in constant time."""
    right = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
    found = [hmac.compare_digest(right, each.encode("utf-8", "replace")) for each in given]
    return any(found)
