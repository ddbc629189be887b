"""Tables of files: their columns are those of all files together, their rows come file by file, oldest first."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from hedgerow.connectors.base import Ask, Config, Cursor, Refused, RemoteColumn, RemoteTable
from hedgerow.connectors.batches import chosen_columns, joined, parted, schema_of
from hedgerow.connectors.resuming import Onward, Step
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.given import Given
from hedgerow.connectors.s3.learned import Learned
from hedgerow.connectors.s3.reading import csv_files, json_files, parquet_files
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import Misfit, Schema, known, united, wider
from hedgerow.connectors.s3.tables import Listing, format_of
from hedgerow.connectors.watching import Watch

FILE, LINE, MODIFIED = "_file", "_line", "_file_modified"
_OWN: Mapping[str, pa.DataType] = {FILE: pa.string(), LINE: pa.int64(), MODIFIED: pa.timestamp("us", "UTC")}
_READERS: Mapping[str, ModuleType] = {"csv": csv_files, "json": json_files, "parquet": parquet_files}
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_MOST_LOOKED_AT = 256
_LOOK_BYTES, _SMALLEST_LOOK, _LARGEST_LOOK = 64 << 20, 64 << 10, 4 << 20
_LOOKERS = 6
_SETTLED = timedelta(seconds=1)
_WAITS, _PAUSE_SECONDS = 8, 0.3


@dataclass(frozen=True, slots=True)
class _Shape:
    """The types of all columns that a table has, and those columns that are asked for."""

    types: Schema
    columns: Sequence[RemoteColumn]


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table of files in a bucket that is open. Methods raise `SourceError`."""

    bucket: Bucket
    config: Config
    listing: Listing
    learned: Learned
    watch: Watch

    def found(self) -> RemoteTable:
        """The table with the columns of its files."""
        files = self._files()
        schemas = self._looked_at(files)
        columns = tuple(_column(name, kind) for name, kind in self._columns(files, schemas).items())
        return RemoteTable(
            self.listing.name,
            columns,
            (FILE, LINE),
            (Cursor(MODIFIED, "datetime", inclusive=True, unit=FILE),),
            self._count(files) if len(files) <= _MOST_LOOKED_AT else None,
            description=f"{len(files)} {'file' if len(files) == 1 else 'files'}",
            sync_types=("full_refresh", "incremental", "append"),
            default_cursor=MODIFIED,
            found_out=True,
        )

    def rows(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        """The rows; all batches of one schema."""
        files, shape = self._begun(ask)
        new = [item for item in files if _is_new(item, ask)]
        yield from joined((batch for number in range(len(new)) for batch in self._pieces(new, number, shape, ask)), ask)

    def steps(self, ask: Ask, onward: Onward) -> Iterator[Step]:
        """As `resuming.Resumable` says: the rows of all files, with places between files."""
        files, shape = self._begun(ask)
        given = Given(files, onward.place)

        def until_due() -> Iterator[pa.RecordBatch]:
            while given.count < len(files):
                yield from self._pieces(files, given.count, shape, ask)
                given.add(files[given.count])
                if onward.due():
                    break

        while given.count < len(files):
            yield from map(Step, joined(until_due(), ask))
            if given.count < len(files):
                yield Step(None, given.place)

    # --- inside

    def _begun(self, ask: Ask) -> tuple[list[Object], _Shape]:
        """All files, and how their rows are to come."""
        files = self._settled(ask)
        table = ask.found or self.found()
        columns = chosen_columns(table, ask)
        self._check_told(files, table)
        return files, _Shape({column.name: column.arrow_type for column in table.columns}, columns)

    def _pieces(self, files: Sequence[Object], number: int, shape: _Shape, ask: Ask) -> Iterator[pa.RecordBatch]:
        """The rows of a file, in batches that may be small."""
        item = files[number]
        ask.watch.check()
        try:
            for batch in self._of_file(item, shape):
                ask.watch.check()
                yield from parted(batch, ask)
        except Misfit as misfit:
            self._learn(files[number:])
            text = f"Column {misfit.column} of file {item.key} is not what the files before had in it. "
            raise Refused(f"{text}The table is read again.", retryable=True) from None

    def _files(self) -> list[Object]:
        return self.listing.files(self.bucket, self._format, self.watch)

    def _settled(self, ask: Ask) -> list[Object]:
        """The files, once the second of the newest is over: in it that file could be replaced, and none would know."""
        for _ in range(_WAITS):
            files = self._files()
            if not files or files[-1].modified + _SETTLED <= self.bucket.clock:
                return files
            ask.watch.pause(_PAUSE_SECONDS)
        if ask.known is None:
            return files
        return [item for item in files if item.modified + _SETTLED <= self.bucket.clock]

    @property
    def _format(self) -> str:
        return str(self.config.get("format") or "auto")

    @property
    def _way(self) -> str:
        """By what a file's columns are found out, beside the file."""
        said = {name: value for name, value in self.config.items() if name.startswith("csv_") or name == "format"}
        text = json.dumps([self.bucket.place.site, self.bucket.place.bucket, said], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _opened(self, item: Object) -> tuple[ModuleType, Opened]:
        reader = _READERS[format_of(item.name, self._format) or "csv"]
        config = self.config
        if item.name.lower().endswith((".tsv", ".tsv.gz")) and not config.get("csv_delimiter"):
            config = {**config, "csv_delimiter": "\t"}
        return reader, Opened(self.bucket, item, config, self.watch)

    def _looked_at(self, files: Sequence[Object]) -> list[Schema]:
        """What the files have: those that are known, and some of the others."""
        way = self._way
        there = [self.learned.of(way, item) for item in files]
        unknown = [item for item, schema in zip(files, there, strict=True) if schema is None and item.size]
        step = max(1, -(-len(unknown) // _MOST_LOOKED_AT))
        chosen = [*unknown[::step], *unknown[-1:]]
        most = min(max(_LOOK_BYTES // max(1, len(chosen)), _SMALLEST_LOOK), _LARGEST_LOOK)

        def look(item: Object) -> None:
            reader, opened = self._opened(item)
            self.learned.add(way, item, reader.schema(opened, most)[0])

        with ThreadPoolExecutor(_LOOKERS, "hedgerow-look") as pool:
            for _ in pool.map(look, dict.fromkeys(chosen)):
                self.watch.check()
        return [schema for item in files if (schema := self.learned.of(way, item)) is not None]

    def _columns(self, files: Sequence[Object], schemas: Sequence[Schema]) -> dict[str, pa.DataType]:
        alike = {id(schema): schema for schema in schemas}  # files with the same columns share them
        columns = known(united(list(alike.values())))
        for item in files:
            for name in self.listing.partitions(item.key):
                columns.setdefault(unquote(name), pa.string())
        for name in _OWN:
            if name in columns:
                raise Refused(f"The files of table {self.listing.name} have a column {name}, which is a name of ours.")
        return {**columns, **_OWN}

    def _count(self, files: Sequence[Object]) -> int | None:
        if any(format_of(item.name, self._format) != "parquet" for item in files):
            return None
        return sum(parquet_files.count(self._opened(item)[1]) for item in files)

    def _check_told(self, files: Sequence[Object], table: RemoteTable) -> None:
        """Raise where files say by now what the table that was found does not hold."""
        told = {column.name: column.arrow_type for column in table.columns}
        for name, kind in self._columns(files, self._looked_at(files)).items():
            if name not in told or wider(told[name], kind) != told[name]:
                what = "another type" if name in told else "and was not there before"
                text = f"Column {name} of table {table.name} is of a new file, {what}. The table is read again."
                raise Refused(text, retryable=True)

    def _of_file(self, item: Object, shape: _Shape) -> Iterator[pa.RecordBatch]:
        reader, opened = self._opened(item)
        partitions = {unquote(name): unquote(value) for name, value in self.listing.partitions(item.key).items()}
        wanted = [column.name for column in shape.columns if column.name not in _OWN]
        line = 1
        own = {name: kind for name, kind in shape.types.items() if name not in _OWN}
        for batch in reader.rows(opened, own, wanted):
            fixed: dict[str, Any] = {
                **{name: None if value == _NO_PARTITION else value for name, value in partitions.items()},
                FILE: item.key,
                MODIFIED: item.modified,
            }
            yield _whole(batch, shape.columns, fixed, line)
            line += batch.num_rows

    def _learn(self, files: Sequence[Object]) -> None:
        """Look at files from end to end, so that the next try knows what is in them."""
        way = self._way
        for item in files:
            self.watch.check()
            reader, opened = self._opened(item)
            self.learned.add(way, item, reader.schema(opened, None)[0])


def _column(name: str, kind: pa.DataType) -> RemoteColumn:
    return RemoteColumn(name, str(kind), kind, nullable=name not in _OWN)


def _is_new(item: Object, ask: Ask) -> bool:
    if ask.known is not None:
        return (item.key, item.modified) not in ask.known
    if ask.cursor is None or ask.after is None or not isinstance(ask.after, datetime):
        return True
    return item.modified >= ask.after if ask.inclusive else item.modified > ask.after


def _whole(
    batch: pa.RecordBatch, columns: Sequence[RemoteColumn], fixed: Mapping[str, Any], line: int
) -> pa.RecordBatch:
    """The batch with every column that is asked for: the file's, those of its place, and null."""
    rows, there = batch.num_rows, set(batch.schema.names)
    arrays = []
    for column in columns:
        if column.name in there:
            arrays.append(batch.column(column.name))
        elif column.name == LINE:
            arrays.append(pa.array(range(line, line + rows), pa.int64()))
        elif fixed.get(column.name) is not None:
            arrays.append(pa.repeat(pa.scalar(fixed[column.name], column.arrow_type), rows))
        else:
            arrays.append(pa.nulls(rows, column.arrow_type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))
