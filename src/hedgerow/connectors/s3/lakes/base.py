"""A lake's table at one snapshot: its columns, its data files, and which of their rows have been deleted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import parquet

from hedgerow.connectors.base import Ask, Config, Refused, RemoteColumn, RemoteTable
from hedgerow.connectors.batches import chosen_columns, joined, parted, schema_of
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.faults import broken
from hedgerow.connectors.s3.reading import parquet_files
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import Misfit, fitting, wider
from hedgerow.connectors.watching import Watch

Deleted = Callable[[int, int], pa.BooleanArray | None]
"""Which rows of a file remain, from one place on so many; `None` for all."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LakeColumn:
    """A column of the table. In files it goes by `stored` or by `number`; files without it have `default`."""

    name: str
    kind: pa.DataType
    told: str
    stored: str
    number: int | None = None
    default: Any = None


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A data file; `constants` are values of columns that it does not hold, by the columns' names."""

    key: str
    size: int
    constants: Mapping[str, Any] = field(default_factory=dict)
    remaining: Deleted = lambda _start, _rows: None


@dataclass(frozen=True, slots=True)
class LakeTable:
    """Methods raise `SourceError`."""

    name: str
    about: str
    columns: tuple[LakeColumn, ...]
    files: Iterable[LakeFile]
    estimate: int | None
    bucket: Bucket
    config: Config
    watch: Watch

    def found(self) -> RemoteTable:
        """The table as sources see it."""
        columns = tuple(RemoteColumn(column.name, column.told, column.kind) for column in self.columns)
        return RemoteTable(self.name, columns, row_estimate=self.estimate, description=self.about)

    def rows(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        """The rows of the snapshot, in no order."""
        now = self.found()
        table = ask.found or now
        told = {column.name: column.arrow_type for column in table.columns}
        for column in now.columns:
            if column.name not in told or wider(told[column.name], column.arrow_type) != told[column.name]:
                text = f"Column {column.name} of table {self.name} was changed meanwhile. The table is read again."
                raise Refused(text, retryable=True)
        wanted = chosen_columns(table, ask)
        yield from joined(self._pieces(wanted, ask), ask)

    def _pieces(self, wanted: Sequence[RemoteColumn], ask: Ask) -> Iterator[pa.RecordBatch]:
        for file in self.files:
            ask.watch.check()
            for batch in self._of_file(file, wanted):
                yield from parted(batch, ask)

    def _of_file(self, file: LakeFile, wanted: Sequence[RemoteColumn]) -> Iterator[pa.RecordBatch]:
        item = Object(file.key, file.size, _EPOCH, "")
        opened = Opened(self.bucket, item, self.config, self.watch)
        by_name = {column.name: column for column in self.columns}
        with parquet_files.opened_file(opened, len(wanted)) as parquet_file:
            places = _places(parquet_file)
            sources = {
                c.name: places.get(by_name[c.name].number) or places.get(by_name[c.name].stored)
                for c in wanted
                if c.name in by_name
            }
            there = [name for name in sources.values() if name is not None]
            start = 0
            for batch in parquet_files.batches(opened, parquet_file, there):
                mask = file.remaining(start, batch.num_rows)
                start += batch.num_rows
                kept = batch if mask is None else batch.filter(mask)
                if kept.num_rows:
                    try:
                        yield self._batch(kept, wanted, sources, file.constants)
                    except Misfit as misfit:
                        text = f"column {misfit.column} has values that its type does not hold."
                        raise broken(file.key, text) from misfit

    def _batch(
        self,
        batch: pa.RecordBatch,
        wanted: Sequence[RemoteColumn],
        sources: Mapping[str, str | None],
        constants: Mapping[str, Any],
    ) -> pa.RecordBatch:
        arrays = []
        defaults = {column.name: column.default for column in self.columns}
        for column in wanted:
            source = sources.get(column.name)
            value = constants.get(column.name, defaults.get(column.name))
            if source is not None:
                arrays.append(fitting(batch.column(source), column.arrow_type, column.name))
            elif value is not None:
                arrays.append(pa.repeat(pa.scalar(value).cast(column.arrow_type), batch.num_rows))
            else:
                arrays.append(pa.nulls(batch.num_rows, column.arrow_type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema_of(wanted))


def key_of(bucket: Bucket, location: str) -> str:
    """The key of a file that a lake's metadata names in full; raises `Refused` for one that is elsewhere."""
    parts = urlsplit(location.replace("?", "%3F").replace("#", "%23"))
    path = parts.path.lstrip("/").replace("%3F", "?").replace("%23", "#")
    if parts.scheme in {"s3", "s3a", "s3n"}:
        if parts.netloc == bucket.place.bucket:
            return path
    elif parts.scheme == "https" and path.startswith(f"{bucket.place.bucket}/"):
        return path.partition("/")[2]
    raise Refused("The table names files that are not in its own bucket. They are not read.")


def _places(file: parquet.ParquetFile) -> dict[int | str | None, str]:
    """The names of a file's columns, by their names and by their numbers."""
    places: dict[int | str | None, str] = {}
    for column in file.schema_arrow:
        number = (column.metadata or {}).get(b"PARQUET:field_id")
        places[column.name] = column.name
        if number is not None:
            places[int(number)] = column.name
    return places
