"""MySQL: connects to reads only, and has rows written as text that Arrow parses."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pymysql
from pymysql.cursors import SSCursor

from hedgerow.connectors.base import Ask, Config, Refused, RemoteColumn, RemoteTable, Unreachable
from hedgerow.connectors.batches import check_unaltered, chosen_columns, portions, remote_types, schema_of, unaltered
from hedgerow.connectors.mysql import catalog
from hedgerow.connectors.mysql.catalog import MySqlTable
from hedgerow.connectors.mysql.declaration import DECLARATION
from hedgerow.connectors.mysql.faults import connecting, working
from hedgerow.connectors.mysql.keyed import Names, keyed
from hedgerow.connectors.mysql.sifting import sifted
from hedgerow.connectors.reaching import hang_up
from hedgerow.connectors.resuming import Moved, Onward, Step
from hedgerow.connectors.tunnel import Way, tls_demanded, way
from hedgerow.kit.outgoing import OutgoingGuard

_CONNECT_SECONDS = 10
_READ_SECONDS = 3600
_STEADY = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000))
_SESSION = (
    "SET SESSION sql_mode = ''",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION net_write_timeout = 3600",  # while batches are worked on, the server waits
)
# A limit on statements is called so by one of the two, and so by the other.
_UNLIMITED = ("SET SESSION max_execution_time = 0", "SET SESSION max_statement_time = 0")


class MySqlConnector:
    """Keeps `base.Connector`. The server joins a row's values into one text: twice as fast as value by value."""

    declaration = DECLARATION

    def __init__(self, guard: OutgoingGuard) -> None:
        self._guard = guard

    def check(self, config: Config) -> None:
        with self._connected(config) as connection:
            schema = config.get("schema")
            found = _rows(connection, "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {schema}", config)
            if schema and not found:
                raise Refused(f'There is no database "{schema}" that this user may read.', field="schema")

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with self._connected(config) as connection:
            return [table.remote for table in _tables(connection, config)]

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table, by its name alone."""
        with self._connected(config) as connection:
            return next((table.remote for table in _tables(connection, config, name)), None)

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        with self._connected(config) as connection, ask.watch.ending(partial(_stop, connection)):
            table = _known(connection, config, ask.table)
            columns = chosen_columns(table.remote, ask)
            batches = _batches(connection, config, table, columns, ask)
            yield from unaltered(batches, columns, ask, lambda: self._now(config, ask.table))

    def steps(self, config: Config, ask: Ask, onward: Onward) -> Iterator[Step]:
        """As `resuming.Resumable` says: InnoDB tables with a whole number as key that are synced by a cursor."""
        with self._connected(config) as connection, ask.watch.ending(partial(_stop, connection)):
            before = _known(connection, config, ask.table)
            names = Names(_place(config, before), _quoted, connection.escape)
            reading = keyed(lambda text: _rows(connection, text, config), before, onward.cursor, names)
            if reading is not None:
                table = _known(connection, config, ask.table)  # as it is now that nobody can change it
                columns = chosen_columns(before.remote, ask)
                check_unaltered(columns, ask, remote_types(table.remote))
                yield from reading.steps(partial(_batches, connection, config, table, columns, ask), onward)
            elif onward.place is not None:
                raise Moved("Its rows cannot be read by their key any more.")
        if reading is None:
            yield from map(Step, self.read(config, ask))

    def _now(self, config: Config, name: str) -> dict[str, str]:
        """On a connection of its own: that which rows came by may be in the middle of them."""
        with self._connected(config) as connection:
            return remote_types(_known(connection, config, name).remote)

    @contextmanager
    def _connected(self, config: Config) -> "Iterator[pymysql.Connection[Any]]":
        with way(self._guard, config) as found, self._through(found, config) as connection:
            yield connection

    @contextmanager
    def _through(self, found: Way, config: Config) -> "Iterator[pymysql.Connection[Any]]":
        with connecting():
            connection = pymysql.connect(
                host=str(config["host"]),  # the name that a certificate is checked against
                port=int(config["port"]),
                user=str(config["user"]),
                password=str(config["password"]).encode(),
                database=str(config["database"]),
                charset="utf8mb4",
                use_unicode=False,
                conv={},
                autocommit=True,
                program_name="hedgerow",
                read_timeout=_READ_SECONDS,
                local_infile=False,  # a server may ask for files of ours
                defer_connect=True,
                **_tls(config),
            )
        reached, stream = _reached(found), None
        try:
            with connecting(), _no_longer_than(_CONNECT_SECONDS, reached):
                connection.connect(reached)
            stream = connection._rfile
            with working():
                for statement in _SESSION:
                    connection.query(statement)
                for statement in _UNLIMITED:
                    with suppress(pymysql.OperationalError):
                        connection.query(statement)
            yield connection
        finally:
            if connection.open:
                connection.close()
            if stream is not None:
                stream.close()  # an error that is still remembered would keep it, and the socket with it, open
            reached.close()


@contextmanager
def _no_longer_than(seconds: float, reached: socket.socket) -> Iterator[None]:
    """Hang up on a server that does not greet: on a socket of ours the driver knows no limit for that."""
    twin = socket.socket(fileno=os.dup(reached.fileno()))  # TLS takes the first one away

    def hang_up() -> None:
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        twin.close()


def _tls(config: Config) -> dict[str, Any]:
    if not config.get("using_ssl", True) and not tls_demanded(config, unsaid=False):
        return {"ssl_disabled": True}
    context = ssl.create_default_context()
    if not config.get("verify_certificate"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return {"ssl": context}


def _reached(found: Way) -> socket.socket:
    """A connection to the first address that answers."""
    fault: OSError | None = None
    for address in found.addresses:
        try:
            reached = socket.create_connection((address, found.port), _CONNECT_SECONDS)
        except OSError as error:
            fault = error
            continue
        reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _STEADY:
            if hasattr(socket, name):
                reached.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return reached
    if isinstance(fault, TimeoutError):
        raise Unreachable("The server could not be reached in time.", field="host") from fault
    words = "nothing listens on this host and port" if isinstance(fault, ConnectionRefusedError) else "there is no way"
    raise Unreachable(f"The server could not be reached: {words}.", field="host") from fault


def _schema(config: Config) -> str:
    return str(config.get("schema") or config["database"])


def _rows(connection: "pymysql.Connection[Any]", statement: str, config: Config) -> list[list[str | None]]:
    with working(), connection.cursor() as cursor:
        cursor.execute(statement.replace("{schema}", connection.escape(_schema(config))))
        return [[None if value is None else value.decode() for value in row] for row in cursor.fetchall()]


def _tables(connection: "pymysql.Connection[Any]", config: Config, name: str | None = None) -> list[MySqlTable]:
    only = "TRUE" if name is None else f"TABLE_NAME = {connection.escape(name)}"
    found = catalog.tables(lambda statement: _rows(connection, statement.replace("{only}", only), config))
    # The server may compare names without regard to case.
    return [table for table in found if name is None or table.remote.name == name]


def _known(connection: "pymysql.Connection[Any]", config: Config, name: str) -> MySqlTable:
    found = next(iter(_tables(connection, config, name)), None)
    if found is None:
        raise Refused(f"There is no table {name} that this user may read.")
    return found


def _stop(connection: "pymysql.Connection[Any]") -> None:
    if connection._sock is not None:
        hang_up(connection._sock.fileno())


def _batches(
    connection: "pymysql.Connection[Any]",
    config: Config,
    table: MySqlTable,
    columns: Sequence[RemoteColumn],
    ask: Ask,
    only: str | None = None,
) -> Iterator[pa.RecordBatch]:
    with _streamed(connection, _select(connection, config, table, columns, ask, only)) as rows:
        yield from map(partial(_batch, columns=columns, table=table), portions(rows, _size, ask))


@contextmanager
def _streamed(connection: "pymysql.Connection[Any]", statement: str) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Rows as the server sends them."""
    cursor = connection.cursor(SSCursor)
    try:
        with working():
            cursor.execute(statement)
        yield _each(cursor)
    finally:
        # The driver would read all that is left before it lets go, and try once more when it is collected.
        if cursor._result is not None:
            cursor._result.unbuffered_active = False
        cursor.connection = None


def _each(cursor: SSCursor) -> Iterator[tuple[Any, ...]]:
    while True:
        with working():
            row = cursor.fetchone()
        if row is None:
            return
        yield row


def _select(
    connection: "pymysql.Connection[Any]",
    config: Config,
    table: MySqlTable,
    columns: Sequence[RemoteColumn],
    ask: Ask,
    only: str | None = None,
) -> str:
    """One text for all short values, as a line of CSV, and one for each that may be long."""
    joined, alone = _parted(columns, table)
    cells = [f"CONCAT_WS(',', {', '.join(_cell(column, table) for column in joined)})" if joined else "''"]
    cells += [table.types[column.name].written(_quoted(column.name)) for column in alone]
    statement = f"SELECT {', '.join(cells)} FROM {_place(config, table)}"
    if only is not None:
        return f"{statement} {only}"
    if ask.sift is not None:
        required = frozenset(column.name for column in table.remote.columns if not column.nullable)
        statement += sifted(ask.sift, table.types, required, _quoted, connection.escape)
    if ask.cursor is None:
        return statement
    name = _quoted(ask.cursor)
    if ask.after is not None:
        literal = connection.escape(str(ask.after).removesuffix("+00:00"))  # the session is in UTC
        statement += f" WHERE {name} {'>=' if ask.inclusive else '>'} {literal}"
    return f"{statement} ORDER BY {name}"


def _parted(columns: Sequence[RemoteColumn], table: MySqlTable) -> tuple[list[RemoteColumn], list[RemoteColumn]]:
    return (
        [column for column in columns if not table.types[column.name].alone],
        [column for column in columns if table.types[column.name].alone],
    )


def _cell(column: RemoteColumn, table: MySqlTable) -> str:
    kind = table.types[column.name]
    written = kind.written(_quoted(column.name))
    if not kind.quoted:
        return f"IFNULL({written}, '')"
    return f"""IFNULL(CONCAT('"', REPLACE({written}, '"', '""'), '"'), '')"""


def _size(row: tuple[Any, ...]) -> int:
    return sum(len(value) for value in row if value is not None)


def _batch(rows: list[tuple[Any, ...]], columns: Sequence[RemoteColumn], table: MySqlTable) -> pa.RecordBatch:
    joined, alone = _parted(columns, table)
    arrays = {}
    if joined:
        if any(row[0] is None for row in rows):
            text = f"A row of {table.remote.name} is longer than the server's max_allowed_packet. Raise that, or choose"
            raise Refused(f"{text} columns (enabled_columns).")
        arrays = _lines(b"\n".join(row[0] for row in rows) + b"\n", len(rows), joined, table)
    for place, column in enumerate(alone, start=1):
        values = pa.array([row[place] for row in rows], pa.binary())
        arrays[column.name] = table.types[column.name].read_alone(column.name, values)
    return pa.RecordBatch.from_arrays([arrays[column.name] for column in columns], schema=schema_of(columns))


def _lines(content: bytes, count: int, columns: Sequence[RemoteColumn], table: MySqlTable) -> dict[str, pa.Array]:
    types = {column.name: table.types[column.name] for column in columns}
    try:
        read = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            pyarrow.csv.ReadOptions(column_names=list(types), block_size=len(content) + 1, use_threads=False),
            pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types={name: kind.csv for name, kind in types.items()},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["1"],
                false_values=["0"],
            ),
        )
    except pa.ArrowInvalid as error:
        raise Refused(f"Rows of {table.remote.name} could not be read: {error}") from error
    if read.num_rows != count:
        raise Refused(f"Rows of {table.remote.name} could not be read: {count} came as {read.num_rows}.")
    return {name: kind.read(name, read.column(name).combine_chunks()) for name, kind in types.items()}


def _place(config: Config, table: MySqlTable) -> str:
    return f"{_quoted(_schema(config))}.{_quoted(table.remote.name)}"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
