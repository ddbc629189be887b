"""Delta: its log is copied to this server's disk and understood by the reference library; its files are read here."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.content import Stream
from hedgerow.connectors.s3.lakes.base import LakeColumn, LakeFile, LakeTable, key_of
from hedgerow.connectors.s3.reading.widening import plain
from hedgerow.connectors.s3.tables import Listing
from hedgerow.connectors.watching import Watch

_LOG = "_delta_log/"
_VERSION = re.compile(r"(\d{20})\.")
_PIECE = 1 << 20


def table(bucket: Bucket, config: Config, listing: Listing, watch: Watch) -> LakeTable:
    """The table as its log is now; raises `SourceError`."""
    with _copied(bucket, listing.prefix, watch) as folder:
        try:
            log = DeltaTable(str(folder))
            fields = json.loads(log.schema().to_json())["fields"]
            actions = pa.table(log.get_add_actions())
            types = pa.schema(log.schema().to_arrow())
            deleted = _deleted(log, folder)
        except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
            text = f"The log of Delta table {listing.name} cannot be read: {type(error).__name__}."
            raise Refused(text) from error
        version, modes = log.version(), log.metadata().configuration
    columns = tuple(_column(each, types.field(each["name"]).type, modes) for each in fields)
    counts = actions.column("num_records").to_pylist()
    counted = None in counts or deleted
    return LakeTable(
        listing.name,
        f"Delta, version {version}",
        columns,
        _Files(bucket, listing.prefix, actions, columns, deleted),
        None if counted else sum(counts),
        bucket,
        config,
        watch,
    )


@dataclass(frozen=True, slots=True)
class _Files:
    """The data files, one after the other."""

    bucket: Bucket
    prefix: str
    actions: pa.Table
    columns: Sequence[LakeColumn]
    deleted: Mapping[str, pa.BooleanArray]

    def __iter__(self) -> Iterator[LakeFile]:
        for batch in self.actions.to_batches():
            for action in batch.select(_chosen(batch)).to_pylist():
                path = unquote(action["path"])
                key = key_of(self.bucket, path) if "://" in path else f"{self.prefix}{path}"
                said = action.get("partition") or {}
                constants = {c.name: said[s] for c in self.columns for s in (c.name, c.stored) if s in said}
                mask = self.deleted.get(path)
                yield LakeFile(key, action["size_bytes"], constants, _remaining(mask))


def _chosen(batch: pa.RecordBatch) -> list[str]:
    return [name for name in ("path", "size_bytes", "partition") if name in batch.schema.names]


def _remaining(mask: pa.BooleanArray | None) -> Any:
    def remaining(start: int, rows: int) -> pa.BooleanArray | None:
        if mask is None:
            return None
        told = mask.slice(start, rows)
        # Rows behind the last one that was deleted are not told of.
        return (
            told if len(told) == rows else pa.concat_arrays([told, pa.array([True] * (rows - len(told)), pa.bool_())])
        )

    return remaining


def _column(field: Mapping[str, Any], kind: pa.DataType, modes: Mapping[str, Any]) -> LakeColumn:
    said = field.get("metadata") or {}
    told = field["type"] if isinstance(field["type"], str) else field["type"]["type"]
    stored = str(said.get("delta.columnMapping.physicalName", field["name"]))
    number = said.get("delta.columnMapping.id") if modes.get("delta.columnMapping.mode") == "id" else None
    return LakeColumn(field["name"], plain(kind), told, stored, number)


def _deleted(log: DeltaTable, folder: Path) -> dict[str, pa.BooleanArray]:
    """Which rows remain of the files that have lost some, by the files' paths."""
    if "deletionVectors" not in (log.protocol().reader_features or ()):
        return {}
    found = {}
    for batch in pa.RecordBatchReader.from_stream(log.deletion_vectors()):
        for path, kept in zip(batch.column(0).to_pylist(), batch.column(1), strict=True):
            bare = unquote(path).removeprefix("file://").removeprefix(str(folder)).lstrip("/")
            found[bare] = kept.values
    return found


@contextmanager
def _copied(bucket: Bucket, prefix: str, watch: Watch) -> Iterator[Path]:
    """The log, from its last checkpoint on, in a folder of this server for a while."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-delta-") as made:
        folder = Path(made)
        for item in _of_log(bucket, prefix):
            _copy(bucket, item, folder / item.key.removeprefix(prefix), watch)
        if any(b'"deletionVector' in path.read_bytes() for path in folder.glob(f"{_LOG}*.json")):
            vectors = (each for each in bucket.objects(prefix) if each.name.startswith("deletion_vector_"))
            for item in vectors:
                _copy(bucket, item, folder / item.key.removeprefix(prefix), watch)
        yield folder


def _of_log(bucket: Bucket, prefix: str) -> Iterator[Object]:
    items = list(bucket.objects(f"{prefix}{_LOG}"))
    hint = next((item for item in items if item.name == "_last_checkpoint"), None)
    first = _hinted(bucket, hint)
    for item in items:
        version = _VERSION.match(item.name)
        if item is hint or (version is not None and int(version[1]) < first):
            continue
        yield item
    if hint is not None:
        yield hint


def _hinted(bucket: Bucket, hint: Object | None) -> int:
    """The version of the last checkpoint."""
    if hint is None:
        return 0
    with Stream(bucket, hint, Watch()) as stream:
        try:
            return int(json.loads(stream.read())["version"])
        except (ValueError, KeyError, TypeError):
            return 0


def _copy(bucket: Bucket, item: Object, path: Path, watch: Watch) -> None:
    if ".." in path.parts:
        raise Refused(f"The log of a Delta table has a file {item.key}, which no program writes.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with Stream(bucket, item, watch) as stream, path.open("wb") as file:
        while piece := stream.read(_PIECE):
            file.write(piece)
