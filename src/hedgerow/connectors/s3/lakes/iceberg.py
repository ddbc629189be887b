"""Iceberg: metadata and manifests are understood by the reference library, out of the bucket; files are read here."""

import io
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import FileScanTask, StaticTable
from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
from pyiceberg.table.puffin import PuffinFile
from pyiceberg.transforms import IdentityTransform

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.content import Ranges
from hedgerow.connectors.s3.faults import altered
from hedgerow.connectors.s3.lakes.base import LakeColumn, LakeFile, LakeTable, key_of
from hedgerow.connectors.s3.reading import parquet_files
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import plain
from hedgerow.connectors.s3.tables import Listing
from hedgerow.connectors.watching import Watch

_NUMBER = re.compile(r"v?(\d+)")
_KEPT = 4


def table(bucket: Bucket, config: Config, listing: Listing, watch: Watch) -> LakeTable:
    """The table as its newest metadata tells; raises `SourceError`."""
    found = _newest(bucket, listing)
    location = f"s3://{bucket.place.bucket}/{found.key}"
    store = _BucketIO(bucket, watch)
    try:
        metadata = FromInputFile.table_metadata(store.new_input(location))
        opened = StaticTable(("static", listing.name), metadata, location, store, NoopCatalog("static"))
        tasks = list(opened.scan().plan_files())
        kinds = schema_to_pyarrow(opened.schema(), include_field_ids=False)
    except (ValueError, NotImplementedError, KeyError, TypeError, ValidationError) as error:
        what = "has equality deletes, which are not read yet." if "equality" in str(error) else "cannot be read."
        raise Refused(f"Iceberg table {listing.name} {what}") from error
    columns = tuple(
        LakeColumn(
            each.name,
            plain(kinds.field(each.name).type),
            str(each.field_type),
            each.name,
            each.field_id,
            each.initial_default,
        )
        for each in opened.schema().fields
    )
    snapshot = opened.current_snapshot()
    estimate = sum(task.file.record_count for task in tasks)
    return LakeTable(
        listing.name,
        f"Iceberg, snapshot {snapshot.snapshot_id}" if snapshot else "Iceberg, empty",
        columns,
        _Files(opened, tasks, bucket, config, watch),
        None if any(task.delete_files for task in tasks) else estimate,
        bucket,
        config,
        watch,
    )


def _newest(bucket: Bucket, listing: Listing) -> Object:
    """The metadata with the highest number; of two, the younger."""
    items = [i for i in bucket.objects(f"{listing.prefix}metadata/") if i.name.endswith(".metadata.json")]
    if not items:
        raise Refused(f"Folder {listing.prefix} holds no Iceberg table any more.")

    def order(item: Object) -> tuple[int, Any]:
        number = _NUMBER.match(item.name)
        return int(number[1]) if number else -1, item.modified

    return max(items, key=order)


@dataclass(frozen=True, slots=True)
class _Files:
    """The data files, one after the other; what was deleted of them is read when it is their turn."""

    table: StaticTable
    tasks: list[FileScanTask]
    bucket: Bucket
    config: Config
    watch: Watch
    kept: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)

    def __iter__(self) -> Iterator[LakeFile]:
        for task in self.tasks:
            if task.file.file_format != FileFormat.PARQUET:
                raise Refused(f"The table has files of format {task.file.file_format}; only Parquet is read yet.")
            gone = [deleted for each in task.delete_files if (deleted := self._deleted(each, task.file)) is not None]
            key = key_of(self.bucket, task.file.file_path)
            yield LakeFile(key, task.file.file_size_in_bytes, self._constants(task.file), _remaining(gone))

    def _constants(self, file: DataFile) -> dict[str, Any]:
        """Values that a file's partition tells of its rows."""
        spec, schema, found = self.table.specs()[file.spec_id], self.table.schema(), {}
        for place, part in enumerate(spec.fields):
            column = next((each for each in schema.fields if each.field_id == part.source_id), None)
            if column is not None and isinstance(part.transform, IdentityTransform):
                kind = schema_to_pyarrow(column.field_type)
                value = file.partition[place]
                number = isinstance(value, int) and not isinstance(value, bool)
                if number and (pa.types.is_date32(kind) or pa.types.is_timestamp(kind)):
                    value = pa.scalar(value, pa.int32() if pa.types.is_date32(kind) else pa.int64()).cast(kind).as_py()
                found[column.name] = value
        return found

    def _deleted(self, deletes: DataFile, file: DataFile) -> pa.ChunkedArray | pa.Array | None:
        """The places of a file's rows that are deleted."""
        if deletes.file_format == FileFormat.PUFFIN:
            if deletes.file_path not in self.kept:
                with _BucketIO(self.bucket, self.watch).new_input(deletes.file_path).open() as stream:
                    vectors = deletion_vectors_from_puffin_file(PuffinFile(stream.read()))
                self._keep(deletes.file_path, {each.referenced_data_file: each.to_vector() for each in vectors})
            return self.kept[deletes.file_path].get(file.file_path)
        if deletes.file_format != FileFormat.PARQUET:
            raise Refused(f"The table has deletes of format {deletes.file_format}, which are not read yet.")
        item = _item(self.bucket, deletes.file_path)
        opened = Opened(self.bucket, item, self.config, self.watch)
        found = []
        with parquet_files.opened_file(opened, 2) as parquet_file:
            for batch in parquet_files.batches(opened, parquet_file, ["file_path", "pos"]):
                found.append(batch.filter(pc.equal(batch.column("file_path"), file.file_path)).column("pos"))
        return pa.chunked_array(found, pa.int64()) if found else None

    def _keep(self, path: str, vectors: Mapping[str, Any]) -> None:
        self.kept[path] = vectors
        while len(self.kept) > _KEPT:
            self.kept.popitem(last=False)


def _remaining(gone: list[Any]) -> Any:
    def remaining(start: int, rows: int) -> pa.BooleanArray | None:
        if not gone:
            return None
        places, mask = pa.array(range(start, start + rows), pa.int64()), None
        for each in gone:
            kept = pc.invert(pc.is_in(places, value_set=pc.cast(each, pa.int64())))
            mask = kept if mask is None else pc.and_(mask, kept)
        return mask

    return remaining


def _item(bucket: Bucket, location: str) -> Object:
    key = key_of(bucket, location)
    found = next((item for item in bucket.objects(key, most=1) if item.key == key), None)
    if found is None:
        raise altered(key, "deleted")
    return found


class _BucketIO(FileIO):
    """The bucket as the library reads it: nothing else can be read through it, and nothing be written."""

    def __init__(self, bucket: Bucket, watch: Watch) -> None:
        super().__init__()
        self._bucket, self._watch = bucket, watch

    def new_input(self, location: str) -> InputFile:
        """A file of the bucket."""
        return _BucketFile(self._bucket, self._watch, location)

    def new_output(self, location: str) -> OutputFile:
        """Never."""
        raise NotImplementedError

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Never."""
        raise NotImplementedError


class _BucketFile(InputFile):
    def __init__(self, bucket: Bucket, watch: Watch, location: str) -> None:
        super().__init__(location)
        self._bucket, self._watch = bucket, watch

    def __len__(self) -> int:
        return _item(self._bucket, self.location).size

    def exists(self) -> bool:
        """Whether it is there."""
        key = key_of(self._bucket, self.location)
        return any(item.key == key for item in self._bucket.objects(key, most=1))

    def open(self, seekable: bool = True) -> InputStream:
        """Its bytes."""
        ranges = Ranges(self._bucket, _item(self._bucket, self.location), self._watch)
        return io.BufferedReader(ranges, 1 << 20)
