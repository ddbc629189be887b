"""Parquet: columns out of the footer, rows read page by page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import parquet

from hedgerow.connectors.s3.faults import broken
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import Misfit, Schema, fitting, plain

_BUFFERS = 48 << 20
_SMALLEST, _LARGEST = 1 << 15, 4 << 20
_BATCH_BYTES = 8 << 20
_FIRST_ROWS, _MOST_ROWS = 256, 32_768


def schema(opened: Opened, most: int | None) -> tuple[Schema, bool]:
    """The columns; a footer tells all of them, however little is asked for."""
    if not opened.item.size:
        return {}, True
    with _file(opened, 1) as file:
        _check_names(opened, file.schema_arrow.names)
        return {field.name: plain(field.type) for field in file.schema_arrow}, True


def count(opened: Opened) -> int:
    """The rows that the footer tells."""
    if not opened.item.size:
        return 0
    with _file(opened, 1) as file:
        return int(file.metadata.num_rows)


def rows(opened: Opened, columns: Schema, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows, with those of the wanted columns that the file has; raises `Misfit`, `Refused`."""
    if not opened.item.size:
        return
    with _file(opened, len(wanted)) as file:
        names = file.schema_arrow.names
        _check_names(opened, names)
        for name in names:
            if name not in columns:
                raise Misfit(name)
        there = [name for name in names if name in wanted]
        for batch in batches(opened, file, there):
            arrays = [fitting(batch.column(name), columns[name], name) for name in there]
            if arrays:
                yield pa.RecordBatch.from_arrays(arrays, names=there)
            else:
                yield pa.RecordBatch.from_struct_array(pa.array([{}] * len(batch), pa.struct([])))


def batches(opened: Opened, file: parquet.ParquetFile, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows as the file has them, of some of its columns."""
    try:
        seen = _look(file, names)
        for number in range(file.num_row_groups):
            rows = _rows_at_once(file, number, seen)
            for batch in file.iter_batches(rows, row_groups=[number], columns=list(names), use_threads=False):
                opened.watch.check()
                seen = max(seen, _row_bytes(batch))
                yield batch
    except (pa.ArrowException, OSError) as error:
        raise broken(opened.item.key, "it is damaged.") from error


@contextmanager
def opened_file(opened: Opened, columns: int) -> Iterator[parquet.ParquetFile]:
    """The file, to be read with so many columns at once; raises `Refused`."""
    with _file(opened, columns) as file:
        yield file


@contextmanager
def _file(opened: Opened, columns: int) -> Iterator[parquet.ParquetFile]:
    buffer = min(max(_BUFFERS // max(1, columns), _SMALLEST), _LARGEST)
    with opened.ranges() as raw:
        try:
            file = parquet.ParquetFile(raw, buffer_size=buffer, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise broken(opened.item.key, "it is not a Parquet file.") from error
        with file:
            yield file


def _rows_at_once(file: parquet.ParquetFile, number: int, seen: float) -> int:
    """As many as are about eight megabytes, by what a row has been so far and by what the footer tells."""
    group = file.metadata.row_group(number)
    each = max(seen, group.total_byte_size / max(1, group.num_rows), 1.0)
    return max(1, min(_MOST_ROWS, int(_BATCH_BYTES / each)))


def _look(file: parquet.ParquetFile, names: Sequence[str]) -> float:
    """The bytes of a row by the first ones. A footer counts values that repeat once only, and they may be long."""
    if file.metadata.num_rows <= _FIRST_ROWS:
        return 0.0
    first = next(file.iter_batches(_FIRST_ROWS, columns=list(names), use_threads=False))
    return _row_bytes(first)


def _row_bytes(batch: pa.RecordBatch) -> float:
    """What a row takes once values stand where they are, and not in a list of those there are."""
    listed = [column.dictionary for column in batch.columns if pa.types.is_dictionary(column.type)]
    return float(batch.nbytes / max(1, batch.num_rows) + sum(each.nbytes / max(1, len(each)) for each in listed))


def _check_names(opened: Opened, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise broken(opened.item.key, f"two of its columns are called {twice}.")
