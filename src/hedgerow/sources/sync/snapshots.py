"""A table of a log, read once and whole: the log is kept from before the read, which knows what it has seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from hedgerow.connectors import Ask, Connector, Declaration, RemoteTable
from hedgerow.connectors.changes import ChangeSource, change_source
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.logs.keeping import LogKeeping, loss
from hedgerow.sources.logs.records import ChangeLog, LogCursor
from hedgerow.sources.records import PENDING, Schema, Source
from hedgerow.sources.scheduling import Scheduling
from hedgerow.store import Store


@dataclass(slots=True)
class SnapshotReader:
    """A `Connector` as far as a sync needs one; afterwards `cursor` says where in the log the rows stand."""

    connector: Connector
    changes: ChangeSource
    table: RemoteTable
    cursor: LogCursor | None = field(default=None)

    @property
    def declaration(self) -> Declaration:
        return self.connector.declaration

    def check(self, config: Mapping[str, Any]) -> None:
        self.connector.check(config)

    def discover(self, config: Mapping[str, Any]) -> list[RemoteTable]:
        return [self.table]

    def read(self, config: Mapping[str, Any], ask: Ask) -> Iterator[pa.RecordBatch]:
        with self.changes.snapshot(config, ask) as snapshot:
            columns = {column.name: column.remote_type for column in self.table.columns}
            self.cursor = LogCursor(0, snapshot.moment, snapshot.number, columns)
            yield from snapshot.batches


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Methods block, and raise what connectors raise."""

    store: Store
    keeping: LogKeeping
    scheduling: Scheduling

    def claim(self, session: Session, schema: Schema) -> Schema:
        """From now on the log is kept, as the table is about to be read."""
        self.keeping.logs.get(session, schema.source_id, lock=True)
        return self.keeping.shelf.change_schema(session, schema.id, {"cursor": PENDING})

    def prepare(
        self, source: Source, schema: Schema, connector: Connector, config: Mapping[str, Any], table: RemoteTable
    ) -> SnapshotReader:
        """See to slot and publication; a reader of the table as the log shows it."""
        changes = change_source(connector)
        log = self._log(source)
        if changes is None or log is None or not log.enabled:
            raise InvalidInput("CDC must be enabled on the source before selecting it as a sync type.")
        self._open(source, log, changes, config)
        logged = changes.include(config, log.place, table.name)
        key = schema.primary_key_columns or table.primary_key
        if not key or set(key) - logged.identity:
            raise InvalidInput(_no_key(table.name, key, logged.identity))
        columns = tuple(column for column in table.columns if column.name in logged.columns)
        return SnapshotReader(connector, changes, replace(table, columns=columns, primary_key=tuple(key)))

    def _open(self, source: Source, log: ChangeLog, changes: ChangeSource, config: Mapping[str, Any]) -> None:
        state = changes.state(config, log.place)
        if (lost := loss(log, state)) is not None:
            with self.store.write() as session:
                self.keeping.lose(session, source, lost)
        begun = changes.open_place(config, log.place)
        with self.store.write() as session:
            now = self.keeping.logs.get(session, source.id, lock=True)
            if now is not None and now.position is None:
                self.keeping.logs.set(session, source.project_id, source.id, {"position": begun})
                self.scheduling.follow_log(session, source.project_id, source.id)  # who also looks how much it keeps

    def _log(self, source: Source) -> ChangeLog | None:
        with self.store.read() as session:
            return self.keeping.logs.get(session, source.id)


def _no_key(table: str, key: object, identity: frozenset[str]) -> str:
    if not key:
        return f"CDC requires a primary key on each table: {table} has none. Name its columns in primary_key_columns."
    told = ", ".join(sorted(identity))
    return f"The key of table {table} must be among what its changes are told by ({told}): see REPLICA IDENTITY."
