"""What an API's declaration says of its webhooks: how to register one, what proves a delivery, what an event tells."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hedgerow.connectors.rest.pages import Request
from hedgerow.connectors.webhooks import Delivery, Event, Registration, RemoteWebhook, Row

Send = Callable[[Request], Any]
"""Sends a request with proof of who asks, through the guard; gives the document. Raises `SourceError`."""


class Webhooks(Protocol):
    """The part of `connectors.webhooks.WebhookSource` that is the vendor's own, for one configuration."""

    def register(self, send: Send, url: str, known: str | None) -> Registration: ...

    def state(self, send: Send, url: str, known: str | None) -> RemoteWebhook: ...

    def remove(self, send: Send, url: str, known: str | None) -> None: ...

    def verify(self, inputs: Mapping[str, str], delivery: Delivery) -> None: ...

    def read(self, document: Any) -> Event:
        """The event of a delivery's JSON; raises `Unreadable`, or what reading a wrong document does."""

    def single(self, table: str, key: Row) -> Request:
        """The request for one row."""

    def present(self, table: str, row: Row) -> bool:
        """Whether a row that was asked for is one of the table's, and not the mark of one that is gone."""
