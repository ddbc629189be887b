"""Any REST API as a connector, from a declaration and a function that makes the `Api` of a configuration."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice

import pyarrow as pa

from hedgerow.connectors.base import Ask, Config, Cursor, Declaration, Refused, RemoteColumn, RemoteTable, SyncType
from hedgerow.connectors.batches import batched, chosen_columns
from hedgerow.connectors.rest import kinds
from hedgerow.connectors.rest.api import Api, Columns, Resource
from hedgerow.connectors.rest.client import Absent, Client, Denied
from hedgerow.connectors.rest.deliveries import RestWebhooks
from hedgerow.connectors.rest.kinds import Seen
from hedgerow.connectors.rest.listing import Row, cells, first_rows, listed
from hedgerow.connectors.rest.memory import Memory
from hedgerow.connectors.rest.pages import Request
from hedgerow.connectors.rest.patience import Patience
from hedgerow.connectors.rest.spool import Spool
from hedgerow.connectors.rest.stepping import Turning, goes_on
from hedgerow.connectors.resuming import Moved, Onward, Step
from hedgerow.connectors.watching import Watch
from hedgerow.kit.outgoing import OutgoingGuard

MakeApi = Callable[[Config], Api]

_MOST_ROWS = 20_000  # in a batch: as Python's own values they take many times the room of Arrow's
# Where somebody waits for the answer.
_BRIEF_ATTEMPTS = 3
_BRIEF_SECONDS = 15.0


class RestConnector:
    """Keeps `base.Connector`. `base_url` stands in for the API's own address.

    Where the columns are declared and the rows come in order, they go straight through; else they are set aside on disk
    first, so that they can be put in order and one schema holds for all of them.
    """

    def __init__(
        self,
        declaration: Declaration,
        make: MakeApi,
        guard: OutgoingGuard,
        patience: Patience | None = None,
        base_url: str | None = None,
    ) -> None:
        self._declaration = declaration
        self._make, self._guard, self._patience, self._base_url = make, guard, patience or Patience(), base_url
        self._memory = Memory()

    @property
    def declaration(self) -> Declaration:
        return self._declaration

    @property
    def webhooks(self) -> RestWebhooks | None:
        """How the API tells of changes by itself, if it does; see `connectors.webhooks`."""
        if self._declaration.webhook is None:
            return None
        return RestWebhooks(self._make, lambda config: self._client(config, brief=True))

    def check(self, config: Config) -> None:
        with self._client(config, brief=True) as client:
            if client.api.check is not None:
                client.document(Request(client.api.check))
                return
            shut = {each.name: fault for each in client.api.resources if (fault := _shut(client, each))}
            if not shut or (client.api.partial and len(shut) < len(client.api.resources)):
                return
            absent = next((fault for fault in shut.values() if isinstance(fault, Absent)), None)
            if absent is not None and not client.api.partial:
                raise absent
            words = f"{self.declaration.label} credentials lack permissions for {', '.join(shut)}"
            raise Refused(words, field=client.api.key_field)

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with self._client(config, brief=True) as client:
            found = [
                self._found(client, each, config)
                for each in client.api.resources
                if not (client.api.partial and _shut(client, each))
            ]
        return sorted(found, key=lambda table: table.name)

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table; the others' endpoints are not asked."""
        with self._client(config) as client:
            resource = client.api.resource(name)
            return None if resource is None else self._found(client, resource, config)

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        ask = replace(ask, batch_rows=min(ask.batch_rows, _MOST_ROWS))
        with self._client(config, watch=ask.watch) as client:
            resource = client.api.resource(ask.table)
            if resource is None:
                raise Refused(f"There is no table {ask.table}.")
            described = _described(client, resource)
            increment = resource.increment
            if ask.cursor is not None and (increment is None or increment.column != ask.cursor):
                raise Refused(f"Table {ask.table} cannot be read by {ask.cursor}.")
            in_order = ask.cursor is None or (increment and increment.order == "asc" and not resource.parent)
            if in_order and resource.steady and not resource.open:
                yield from _straight(client, resource, described, ask)
            else:
                yield from self._set_aside(client, resource, described, (config, ask))

    def steps(self, config: Config, ask: Ask, onward: Onward) -> Iterator[Step]:
        """As `resuming.Resumable` says: lists whose next page begins behind a row that is named, in their own order."""
        straight = replace(ask, cursor=None, batch_rows=min(ask.batch_rows, _MOST_ROWS))
        with self._client(config, watch=ask.watch) as client:
            resource = client.api.resource(ask.table)
            turned = resource if resource is not None and goes_on(resource) else None
            if turned is not None:
                described = _described(client, turned)
                chosen = chosen_columns(_table(turned, described), straight)
                yield from Turning(client, turned, described, onward).steps(chosen, straight)
            elif onward.place is not None:
                raise Moved("Its rows cannot be read in steps any more.")
        if turned is None:
            yield from map(Step, self.read(config, ask))

    def _set_aside(
        self, client: Client, resource: Resource, described: Columns, asked: tuple[Config, Ask]
    ) -> Iterator[pa.RecordBatch]:
        config, ask = asked
        known_of = self._memory.of(_key(resource, config)) if resource.open else {}
        seen = self._seen(client, resource, config) if known_of is None else known_of
        before = _columns(resource, described, seen)
        count = 0
        with Spool() as spool:
            for rows in listed(client, resource, before, ask):
                spool.add((sort, _identity(resource, row), row) for sort, row in rows)
                count += len(rows)
                ask.watch.aside(count)
                if resource.open:
                    kinds.seen_in((row for _, row in rows), seen)
            known = _columns(resource, described, seen)
            if resource.open:
                self._memory.add(_key(resource, config), seen)
                _check_planned(resource, before, known, ask)
            chosen = chosen_columns(_table(resource, known), ask)
            names = [column.name for column in chosen]
            yield from batched(lambda count: cells(resource, spool.fetch(count), names, known), chosen, ask)

    def _found(self, client: Client, resource: Resource, config: Config) -> RemoteTable:
        found = _table(resource, _columns(resource, _described(client, resource), self._seen(client, resource, config)))
        webhook = self._declaration.webhook
        told = webhook is not None and resource.name in webhook.tables
        return replace(found, sync_types=(*found.sync_types, "webhook")) if told else found

    def _seen(self, client: Client, resource: Resource, config: Config) -> dict[str, Seen]:
        """What the first page shows of columns that nothing declares, and what earlier reads did."""
        seen: dict[str, Seen] = {}
        if not resource.open:
            return seen
        kinds.seen_in(first_rows(client, resource), seen)
        return self._memory.add(_key(resource, config), seen)

    def _client(self, config: Config, brief: bool = False, watch: Watch | None = None) -> Client:
        api, patience = self._make(config), self._patience
        if brief:
            patience = replace(patience, attempts=_BRIEF_ATTEMPTS, longest=min(_BRIEF_SECONDS, patience.longest))
        if watch is not None and patience.sleep is time.sleep:
            patience = replace(patience, sleep=watch.pause)
        api = replace(api, base_url=self._base_url) if self._base_url else api
        return Client(api, self._guard, patience, watch)


def _straight(client: Client, resource: Resource, described: Columns, ask: Ask) -> Iterator[pa.RecordBatch]:
    chosen = chosen_columns(_table(resource, described), ask)
    names = [column.name for column in chosen]
    waiting = (row for rows in listed(client, resource, described, ask) for _, row in rows)
    yield from batched(lambda count: cells(resource, list(islice(waiting, count)), names, described), chosen, ask)


def _identity(resource: Resource, row: Row) -> str | None:
    key = [row.get(name) for name in resource.key]
    return None if not key or None in key else kinds.compact(key)


def _shut(client: Client, resource: Resource) -> Refused | None:
    """Why a resource is not there for us."""
    try:
        first_rows(client, resource, _described(client, resource))
    except (Denied, Absent) as fault:
        return fault
    return None


def _described(client: Client, resource: Resource) -> Columns:
    return resource.describe(client.document) if resource.describe else resource.columns


def _key(resource: Resource, config: Config) -> str:
    """Names a table of a source; a digest, as secrets are part of what tells sources apart."""
    return sha256(json.dumps([resource.name, config], sort_keys=True, default=str).encode()).hexdigest()


def _check_planned(resource: Resource, before: Columns, known: Columns, ask: Ask) -> None:
    """Raises where columns were asked for by what the first pages showed, and the rest showed more."""
    if ask.columns is not None and before != known:
        wider = [name for name, kind in known.items() if before.get(name) != kind]
        text = f"Columns of {resource.name} turned out wider than they began: {', '.join(wider)}. They are read again."
        raise Refused(text, retryable=True)


def _columns(resource: Resource, described: Columns, seen: Mapping[str, Seen]) -> Columns:
    found = {**described, **{name: each.kind for name, each in seen.items() if name not in described}}
    # A table without any row yet: its key is there all the same.
    return found or dict.fromkeys(resource.key, "string")


def _table(resource: Resource, known: Columns) -> RemoteTable:
    made = tuple(
        RemoteColumn(name, kind, kinds.ARROW[kind], nullable=name not in resource.key) for name, kind in known.items()
    )
    cursors: tuple[Cursor, ...] = ()
    ways: tuple[SyncType, ...] = ("full_refresh",)
    increment = resource.increment
    if increment is not None and (kind := kinds.CURSORS.get(known.get(increment.column, "string"))) is not None:
        inclusive = increment.inclusive or kind == "date"
        cursors = (Cursor(increment.column, kind, increment.label, inclusive),)
        ways += tuple(way for way in increment.ways if way != "incremental" or resource.key)
    return RemoteTable(
        resource.name,
        made,
        tuple(name for name in resource.key if name in known),
        cursors,
        label=resource.label,
        description=resource.description,
        sync_types=ways,
        default_cursor=cursors[0].field if cursors else None,
    )
