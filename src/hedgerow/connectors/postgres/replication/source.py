"""PostgreSQL's log for sources: keeps `changes.ChangeSource` over the connector's connections."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from hedgerow.connectors.base import Ask, Config, Refused
from hedgerow.connectors.changes import Logging, LogPlace, LogState, Moment, Snapshot
from hedgerow.connectors.postgres import catalog
from hedgerow.connectors.postgres.catalog import PgTable
from hedgerow.connectors.postgres.faults import working
from hedgerow.connectors.postgres.replication import places
from hedgerow.connectors.postgres.replication.log import OPTIONS, PgLog, reading
from hedgerow.connectors.postgres.replication.relations import PgLogged, logged
from hedgerow.connectors.postgres.replication.wire import WireRelation, lsn_of

_MOMENT = "SELECT pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text, %s::regclass::oid"

Rows = Callable[[psycopg.Connection[Any], PgTable, Ask], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class PostgresChanges:
    """`connected` makes connections, `rows` reads a table over one, `stop` ends what goes on over one."""

    connected: Callable[..., AbstractContextManager[psycopg.Connection[Any]]]
    rows: Rows
    stop: Callable[[psycopg.Connection[Any]], None]

    def faults(self, config: Config, place: LogPlace, tables: Sequence[str]) -> list[str]:
        with self.connected(config) as connection:
            told = places.faults(connection, place)
            for name in tables:
                told += places.table_faults(connection, place, self._table(connection, config, name))
            return told

    def state(self, config: Config, place: LogPlace) -> LogState:
        with self.connected(config) as connection:
            return places.state(connection, place)

    def open_place(self, config: Config, place: LogPlace) -> int:
        with self._writing(config, place) as connection:
            if told := places.faults(connection, place):
                raise Refused(" ".join(told))
            return places.open_place(connection, place)

    def include(self, config: Config, place: LogPlace, table: str) -> Logging:
        with self._writing(config, place) as connection:
            return places.include(connection, place, self._table(connection, config, table))

    @contextmanager
    def snapshot(self, config: Config, ask: Ask) -> Iterator[Snapshot]:
        with self.connected(config) as connection, ask.watch.ending(partial(self.stop, connection)):
            table = self._table(connection, config, ask.table)
            place = sql.Identifier(table.schema, table.name)
            with working():
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                # Before the snapshot: who sees a table as it was before it was written anew sees it empty.
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(place))
                row = connection.execute(_MOMENT, [place.as_string(connection)]).fetchone()
            assert row is not None
            table = self._table(connection, config, ask.table)
            yield Snapshot(row[2], Moment(lsn_of(row[1]), row[0]), self.rows(connection, table, ask))

    def logged(self, config: Config, place: LogPlace) -> dict[str, int]:
        with self.connected(config) as connection:
            return places.logged(connection, place, config.get("schema") or None)

    @contextmanager
    def read_log(self, config: Config, place: LogPlace, start: int) -> Iterator[PgLog]:
        def lookup(relation: WireRelation) -> PgLogged | None:
            schema = config.get("schema") or None
            if schema not in (None, relation.schema):
                return None
            name = relation.name if schema else f"{relation.schema}.{relation.name}"
            with self.connected(config) as catalogs, working():
                return logged(catalogs, relation, name)

        opened = self.connected(config, replication="database", options=OPTIONS)
        with opened as connection, working(), reading(connection, place, start, lookup) as log:
            yield log

    def advance(self, config: Config, place: LogPlace, wanted: Callable[[], bool]) -> None:
        with self._writing(config, place) as connection:
            if wanted():
                places.advance(connection, place)

    def close_place(self, config: Config, place: LogPlace, keep: Sequence[str] = ()) -> None:
        if place.managed:
            with self._writing(config, place) as connection:
                places.close_place(connection, place, config.get("schema") or None, keep)

    @contextmanager
    def _writing(self, config: Config, place: LogPlace) -> Iterator[psycopg.Connection[Any]]:
        with self.connected(config) as connection:
            with working():
                connection.execute("SET default_transaction_read_only = off")
            places.alone(connection, place)
            yield connection

    def _table(self, connection: psycopg.Connection[Any], config: Config, name: str) -> PgTable:
        with working():
            found = catalog.tables(connection, config.get("schema") or None, name)
        if not found:
            raise Refused(f"There is no table {name} that this user may read.")
        return found[0]
