"""Rows into Arrow batches of about the size that was asked for, for connectors whose drivers give Python values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from hedgerow.connectors.base import Ask, Refused, RemoteColumn, RemoteTable

_FIRST_ROWS = 1000
T = TypeVar("T")

Fetch = Callable[[int], Sequence[Sequence[Any]]]
"""Gives the next rows, at most so many; none when there are no more."""


def schema_of(columns: Sequence[RemoteColumn]) -> pa.Schema:
    """The schema of batches with these columns; every field may be null."""
    return pa.schema([pa.field(column.name, column.arrow_type) for column in columns])


def chosen_columns(table: RemoteTable, ask: Ask) -> tuple[RemoteColumn, ...]:
    """The columns that are asked for, in the table's order; raises `Refused` for one that is not there."""
    there = {column.name for column in table.columns}
    for name in (*(ask.columns or ()), *([ask.cursor] if ask.cursor else ())):
        if name not in there:
            raise Refused(f"Table {table.name} has no column {name}.")
    return tuple(c for c in table.columns if ask.columns is None or c.name in ask.columns)


def batched(fetch: Fetch, columns: Sequence[RemoteColumn], ask: Ask) -> Iterator[pa.RecordBatch]:
    """Batches of what `fetch` gives. Their number of rows follows the size of the rows before."""
    schema = schema_of(columns)
    rows = min(_FIRST_ROWS, ask.batch_rows)
    while fetched := fetch(rows):
        batch = _batch(fetched, schema)
        yield batch
        each = max(1, batch.nbytes // len(fetched))
        rows = max(1, min(ask.batch_rows, ask.batch_bytes // each, rows * 10))


def unaltered(
    batches: Iterable[pa.RecordBatch], columns: Sequence[RemoteColumn], ask: Ask, now: Callable[[], Mapping[str, str]]
) -> Iterator[pa.RecordBatch]:
    """The batches of a table that has `columns`; raises where they are others by then, as `now` tells: see
    `remote_types`.

    Between the look at a table and the first row of it, anybody may change it; while rows come, nobody can.
    """
    try:
        yield from batches
    except Refused as fault:
        if not fault.retryable:
            check_unaltered(columns, ask, now(), fault)
        raise
    check_unaltered(columns, ask, now())


def remote_types(table: RemoteTable) -> dict[str, str]:
    """What the remote calls the types of a table's columns, by their names."""
    return {column.name: column.remote_type for column in table.columns}


def check_unaltered(
    columns: Sequence[RemoteColumn], ask: Ask, there: Mapping[str, str], fault: Refused | None = None
) -> None:
    """Raise where the columns that are read are others by now: those that are `there`, as `remote_types` tells."""
    for column in columns:
        if there.get(column.name) != column.remote_type:
            became = (
                f"went from {column.remote_type} to {there[column.name]}" if column.name in there else "was dropped"
            )
            text = f"Column {column.name} of table {ask.table} {became} while it was read. It is read again."
            raise Refused(text, retryable=True) from fault


def portions(rows: Iterable[T], size: Callable[[T], int], ask: Ask) -> Iterator[list[T]]:
    """The rows in lists of as many, or as many bytes by their `size`, as a batch is to have; none is empty."""
    waiting: list[T] = []
    total = 0
    for row in rows:
        waiting.append(row)
        total += size(row)
        if len(waiting) == ask.batch_rows or total >= ask.batch_bytes:
            yield waiting
            waiting, total = [], 0
    if waiting:
        yield waiting


def parted(batch: pa.RecordBatch, ask: Ask) -> Iterator[pa.RecordBatch]:
    """A batch in parts, none larger than was asked for, and none empty."""
    each = max(1, batch.nbytes // max(1, batch.num_rows))
    rows = max(1, min(ask.batch_rows, ask.batch_bytes // each))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def joined(pieces: Iterable[pa.RecordBatch], ask: Ask) -> Iterator[pa.RecordBatch]:
    """Small batches put together, to as many rows or bytes as a batch is to have."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for piece in pieces:
        if waiting and (rows + piece.num_rows > ask.batch_rows or size + piece.nbytes > ask.batch_bytes):
            yield pa.concat_batches(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(piece)
        rows, size = rows + piece.num_rows, size + piece.nbytes
    if waiting:
        yield pa.concat_batches(waiting)


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field, values in zip(schema, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(pa.array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise Refused(f"Column {field.name} holds a value that is not {field.type}: {error}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
