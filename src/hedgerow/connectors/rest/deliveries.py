"""A REST API's webhooks as a `WebhookSource`: the vendor's own part, with the client and the kinds of columns."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pyarrow as pa

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.rest import kinds
from hedgerow.connectors.rest.api import Api, Resource
from hedgerow.connectors.rest.client import Absent, Client, mended
from hedgerow.connectors.rest.listing import cells
from hedgerow.connectors.rest.webhooks import Webhooks
from hedgerow.connectors.webhooks import Delivery, Event, Registration, RemoteWebhook, Row, Unreadable


@dataclass(frozen=True, slots=True)
class RestWebhooks:
    """`make` is the API of a configuration, `connect` a client of it."""

    make: Callable[[Config], Api]
    connect: Callable[[Config], AbstractContextManager[Client]]

    def register(self, config: Config, url: str, known: str | None) -> Registration:
        with self.connect(config) as client:
            return self._own(config).register(client.document, url, known)

    def state(self, config: Config, url: str, known: str | None) -> RemoteWebhook:
        with self.connect(config) as client:
            return self._own(config).state(client.document, url, known)

    def remove(self, config: Config, url: str, known: str | None) -> None:
        with self.connect(config) as client:
            self._own(config).remove(client.document, url, known)

    def verify(self, config: Config, inputs: Mapping[str, str], delivery: Delivery) -> None:
        self._own(config).verify(inputs, delivery)

    def read(self, config: Config, delivery: Delivery) -> Event:
        try:
            document = mended(json.loads(delivery.body))
            return self._own(config).read(document)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unreadable("The body is no event.") from error

    def fetch(self, config: Config, table: str, key: Row) -> Row | None:
        own = self._own(config)
        with self.connect(config) as client:
            try:
                found = client.document(own.single(table, key))
            except Absent:
                return None
        return found if isinstance(found, dict) and own.present(table, found) else None

    def batch(self, config: Config, table: str, rows: Sequence[Row]) -> pa.RecordBatch:
        resource = self._resource(config, table)
        names = list(resource.columns)
        shaped = [resource.shape(row) if resource.shape else row for row in rows]
        columns = zip(*cells(resource, shaped, names, resource.columns), strict=True) if rows else ([] for _ in names)
        arrays = [
            pa.array(values, kinds.ARROW[resource.columns[name]]) for name, values in zip(names, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def _own(self, config: Config) -> Webhooks:
        found = self.make(config).webhooks
        if found is None:
            raise Refused("This API sends no webhooks.")
        return found

    def _resource(self, config: Config, table: str) -> Resource:
        found = self.make(config).resource(table)
        if found is None:
            raise Refused(f"There is no table {table}.")
        return found
