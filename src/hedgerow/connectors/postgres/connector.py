"""PostgreSQL: connects to reads only, and copies rows out in its binary format."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from hedgerow.connectors.base import Ask, Config, Refused, RemoteColumn, RemoteTable
from hedgerow.connectors.batches import check_unaltered, chosen_columns, joined, remote_types, schema_of, unaltered
from hedgerow.connectors.postgres import catalog
from hedgerow.connectors.postgres.catalog import PgTable
from hedgerow.connectors.postgres.cells import Unreadable, cells
from hedgerow.connectors.postgres.copying import Lines, copied
from hedgerow.connectors.postgres.declaration import DECLARATION
from hedgerow.connectors.postgres.faults import connecting, working
from hedgerow.connectors.postgres.kept import Kept
from hedgerow.connectors.postgres.ranges import Ranges, opened
from hedgerow.connectors.postgres.replication.source import PostgresChanges
from hedgerow.connectors.postgres.sifting import sifted
from hedgerow.connectors.postgres.values import FIXED
from hedgerow.connectors.reaching import hang_up
from hedgerow.connectors.resuming import Moved, Onward, Step
from hedgerow.connectors.tunnel import Way, tls_demanded, way
from hedgerow.kit.outgoing import OutgoingGuard

_CONNECT_SECONDS = 10
_CATALOG_SECONDS = 60
_CANCEL_SECONDS = 5.0
# Rows are decoded a few at a time: they are in the processor's cache, and the server meanwhile fills the socket.
_PIECE_ROWS, _PIECE_BYTES = 16_384, 4 << 20
_SESSION = (
    "SET default_transaction_read_only = on; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1; SET intervalstyle = 'iso_8601'; "
    "SET search_path = pg_catalog"
)
_MORE_LIMITS = 170_000
# Nothing of the server's own environment or home folder may take part: no password file, no certificate, no Kerberos.
_NOTHING = "/nonexistent"
_ALONE = {"passfile": _NOTHING, "sslcert": _NOTHING, "sslkey": _NOTHING, "sslcrl": _NOTHING, "gssencmode": "disable"}
_STEADY = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


class PostgresConnector:
    """Keeps `base.Connector`. Rows come by `COPY … TO STDOUT`: a third of the time of a cursor's, and one snapshot."""

    declaration = DECLARATION

    def __init__(self, guard: OutgoingGuard) -> None:
        self._guard = guard
        self._kept = Kept()
        self.changes = PostgresChanges(self._connected, _rows, _stop)

    def check(self, config: Config) -> None:
        with self._connected(config) as connection, working():
            schema = config.get("schema")
            if (
                schema
                and connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is None
            ):
                raise Refused(f'There is no schema "{schema}" in this database.', field="schema")

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with self._connected(config) as connection:
            return [table.remote for table in _tables(connection, config)]

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table, by its name alone. It is read next, on the same connection."""
        with ExitStack() as held:
            connection = held.enter_context(self._connected(config))
            found = next((table.remote for table in _tables(connection, config, name)), None)
            self._kept.put(config, connection, held.pop_all())
        return found

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        with self._reading(config, ask) as connection, ask.watch.ending(partial(_stop, connection)):
            # What was found a moment ago need not be looked up again: it is compared with what there is at the end.
            table = catalog.known(ask.found) or _known(connection, config, ask.table)
            columns = chosen_columns(table.remote, ask)
            batches = _batches(connection, table, columns, ask)
            yield from unaltered(batches, columns, ask, partial(_types_now, connection, table))

    def steps(self, config: Config, ask: Ask, onward: Onward) -> Iterator[Step]:
        """As `resuming.Resumable` says: tables with a primary key, by where their rows lie."""
        with self._reading(config, ask) as connection, ask.watch.ending(partial(_stop, connection)):
            before = _known(connection, config, ask.table)
            layout = opened(connection, before)
            if layout is not None:
                table = _known(connection, config, ask.table)  # as it is now that nobody can change it
                columns = chosen_columns(before.remote, ask)
                check_unaltered(columns, ask, remote_types(table.remote))
                yield from Ranges(partial(_pieces, connection, table, columns, ask), layout, onward).steps(ask)
            elif onward.place is not None:
                raise Moved("Its rows cannot be read by ranges any more.")
        if layout is None:
            yield from map(Step, self.read(config, ask))

    @contextmanager
    def _connected(self, config: Config, **more: Any) -> Iterator[psycopg.Connection[Any]]:
        """A connection. With `more` options it is not for reading tables: nothing is set on it."""
        with way(self._guard, config) as reached:
            with connecting():
                connection = psycopg.connect(**_options(config, reached), **more, autocommit=True)
            try:
                if not more:
                    _prepare(connection)
                yield connection
            finally:
                connection.close()

    @contextmanager
    def _reading(self, config: Config, ask: Ask) -> Iterator[psycopg.Connection[Any]]:
        """The connection that has just found the table, or a new one."""
        kept = self._kept.take(config) if ask.found is not None else None
        if kept is None:
            with self._connected(config) as connection:
                yield connection
        else:
            with kept[1]:
                yield kept[0]


def _prepare(connection: psycopg.Connection[Any]) -> None:
    with working():
        connection.execute(_SESSION)
        if connection.info.server_version >= _MORE_LIMITS:
            connection.execute("SET transaction_timeout = 0")


def _options(config: Config, reached: Way) -> dict[str, Any]:
    mode = config.get("sslmode") or "prefer"
    if mode != "verify-full" and tls_demanded(config, unsaid=True):
        mode = "require"
    return {
        **_ALONE,
        **_STEADY,
        "sslmode": mode,
        "sslrootcert": "system" if mode == "verify-full" else _NOTHING,
        # Hosts and addresses in pairs: the name is what a certificate is checked against.
        "host": ",".join([str(config["host"])] * len(reached.addresses)),
        "hostaddr": ",".join(reached.addresses),
        "port": reached.port,
        "dbname": config["database"],
        "user": config["user"],
        "password": config["password"],
        "connect_timeout": _CONNECT_SECONDS,
        "client_encoding": "UTF8",
        "application_name": "hedgerow",
    }


def _rows(connection: psycopg.Connection[Any], table: PgTable, ask: Ask) -> Iterator[pa.RecordBatch]:
    return _batches(connection, table, chosen_columns(table.remote, ask), ask)


def _tables(connection: psycopg.Connection[Any], config: Config, name: str | None = None) -> list[PgTable]:
    with working():
        connection.execute(f"SET statement_timeout = '{_CATALOG_SECONDS}s'")
        found = catalog.tables(connection, config.get("schema") or None, name)
        connection.execute("SET statement_timeout = 0")
    return found


def _known(connection: psycopg.Connection[Any], config: Config, name: str) -> PgTable:
    found = next(iter(_tables(connection, config, name)), None)
    if found is None:
        raise _no_table(name)
    return found


def _types_now(connection: psycopg.Connection[Any], table: PgTable) -> dict[str, str]:
    with working():
        types = catalog.remote_types(connection, table)
    if not types:
        raise _no_table(table.remote.name)
    return types


def _no_table(name: str) -> Refused:
    return Refused(f"There is no table {name} that this user may read.")


def _stop(connection: psycopg.Connection[Any]) -> None:
    """End the query on the server, and the connection in case that does not help."""
    connection.cancel_safe(timeout=_CANCEL_SECONDS)
    hang_up(connection.fileno())


def _batches(
    connection: psycopg.Connection[Any], table: PgTable, columns: Sequence[RemoteColumn], ask: Ask
) -> Iterator[pa.RecordBatch]:
    batches = _pieces(connection, table, columns, ask)
    with closing(batches):
        yield from islice(batches, 1)  # a small one: whoever waits knows at once that there are rows
        yield from joined(batches, ask)


def _pieces(
    connection: psycopg.Connection[Any],
    table: PgTable,
    columns: Sequence[RemoteColumn],
    ask: Ask,
    only: sql.Composable | None = None,
) -> Generator[pa.RecordBatch]:
    pieces = replace(ask, batch_rows=min(ask.batch_rows, _PIECE_ROWS), batch_bytes=min(ask.batch_bytes, _PIECE_BYTES))
    rows = copied(connection, _copy(table, columns, ask, only), pieces)
    with closing(rows):
        yield from map(partial(_batch, columns=columns, table=table), rows)


def _copy(
    table: PgTable, columns: Sequence[RemoteColumn], ask: Ask, only: sql.Composable | None = None
) -> sql.Composed:
    written = [
        sql.SQL(table.types[column.name].written("{0}")).format(sql.Identifier("t", column.name)) for column in columns
    ]
    place = sql.Identifier(table.schema, table.name)
    chosen = sql.SQL("SELECT {} FROM {} AS t").format(sql.SQL(", ").join(written), place)
    if ask.sift is not None:
        required = frozenset(column.name for column in table.remote.columns if not column.nullable)
        chosen += sifted(ask.sift, table.types, required)
    if only is not None:
        chosen += sql.SQL(" WHERE {}").format(only)
    elif ask.cursor is not None:
        cursor = sql.Identifier("t", ask.cursor)
        if ask.after is None:
            chosen += sql.SQL(" ORDER BY {} NULLS FIRST").format(cursor)
        else:
            compared = sql.SQL(">=" if ask.inclusive else ">")
            chosen += sql.SQL(" WHERE {0} {1} {2} ORDER BY {0}").format(cursor, compared, _after(table, ask))
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(chosen)


def _after(table: PgTable, ask: Ask) -> sql.Composable:
    base = table.types[ask.cursor or ""].base
    text = sql.Literal(str(ask.after))
    return sql.SQL("{}::{}").format(text, sql.SQL("text::xid" if base == "xid" else base))


def _batch(lines: Lines, columns: Sequence[RemoteColumn], table: PgTable) -> pa.RecordBatch:
    widths = [FIXED.get(table.types[column.name].wire) for column in columns]
    try:
        found = zip(columns, cells(lines, widths), strict=True)
        arrays = [table.types[column.name].read(column.name, each) for column, each in found]
    except Unreadable as error:
        raise Refused(f"Rows of {table.remote.name} could not be read: {error}.") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))
