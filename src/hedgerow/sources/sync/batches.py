"""Batches as they come from a remote, made into batches of the table's own columns."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors import Refused
from hedgerow.connectors.types import engine_type, holds
from hedgerow.sources.sync.planning import Target

_FEW_ROWS = 10_000


def conformed(batch: pa.RecordBatch, targets: Sequence[Target]) -> pa.RecordBatch:
    """The batch with just those columns; raises `Refused` when a value does not fit where it must."""
    there = set(batch.schema.names)
    arrays = []
    for target in targets:
        if not target.remote or target.name not in there:
            arrays.append(pa.nulls(batch.num_rows, target.arrow))
            continue
        column = batch.column(target.name)
        arrays.append(column if column.type == target.arrow else _cast(column, target))
    return pa.RecordBatch.from_arrays(arrays, names=[target.name for target in targets])


def _cast(column: pa.Array, target: Target) -> pa.Array:
    came = engine_type(column.type)
    if came == target.type:
        return column  # bytes, times of no zone: the engine keeps them as they are
    if not target.lenient and not holds(target.type, came):
        # What the remote had when the sync was planned. A text that looks like a number is none, so nothing is tried.
        text = f"Column {target.name} became {came} while it was read as {target.type}. It is read again."
        raise Refused(text, retryable=True)
    try:
        return pc.cast(column, target.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        if target.lenient:
            return pa.array([_fitting(value, target.arrow) for value in column], target.arrow)
        text = f"Column {target.name} came as {column.type} in place of {target.arrow}: {error}"
        raise Refused(text, retryable=True) from error


def _fitting(value: pa.Scalar, kind: pa.DataType) -> Any:
    try:
        return pc.cast(value, kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


async def with_first(
    first: pa.RecordBatch | None, rest: AsyncIterator[pa.RecordBatch]
) -> AsyncIterator[pa.RecordBatch]:
    """All batches; a small first one, which came early, together with the next."""
    if first is not None and first.num_rows < _FEW_ROWS:
        following = await anext(rest, None)
        first = first if following is None else pa.concat_batches([first, following])
    if first is not None:
        yield first
    del first  # it may be large by now
    async for batch in rest:
        yield batch
