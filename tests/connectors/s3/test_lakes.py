"""Delta and Iceberg tables: one snapshot each, written by the reference libraries into a real bucket."""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DoubleType, LongType, NestedField, StringType
from pyroaring import BitMap64

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.s3 import S3Connector
from tests.connectors.s3.conftest import as_parquet, rows, table, types
from tests.support.buckets import ACCESS_KEY, ACCESS_SECRET, Bucket

_VALUES = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "small": pa.array([1, None, -1], pa.int16()),
        "price": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(10, 2)),
        "word": ["é🦔", None, ""],
        "raw": pa.array([b"\xff", None, b""], pa.binary()),
        "day": [date(2026, 1, 1), None, date(1970, 1, 1)],
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None, datetime(1970, 1, 1, tzinfo=UTC)]),
        "inner": pa.array([{"a": 1}, None, {"a": None}]),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
    }
)
_TYPES = {
    "id": pa.int64(),
    "small": pa.int16(),
    "price": pa.decimal128(10, 2),
    "word": pa.string(),
    "raw": pa.binary(),
    "day": pa.date32(),
    "at": pa.timestamp("us", "UTC"),
    "inner": pa.string(),
    "list": pa.list_(pa.int64()),
}
_READ = [
    {**row, "inner": inner} for row, inner in zip(_VALUES.to_pylist(), ['{"a":1}', None, '{"a":null}'], strict=True)
]


def _sorted(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda row: row["id"])


class Lake:
    """Delta tables of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.root = f"s3://{bucket.name}"
        self.options = {
            "AWS_ENDPOINT_URL": bucket.server,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ACCESS_SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "aws_conditional_put": "etag",
        }

    def write(self, name: str, values: pa.Table, **more: Any) -> None:
        write_deltalake(f"{self.root}/{name}", values, storage_options=self.options, **more)

    def open(self, name: str) -> DeltaTable:
        return DeltaTable(f"{self.root}/{name}", storage_options=self.options)


@pytest.fixture
def delta(bucket: Bucket) -> Lake:
    return Lake(bucket)


@pytest.fixture
def iceberg(bucket: Bucket) -> Iterator[Catalog]:
    catalog = InMemoryCatalog(
        "lake",
        **{
            "warehouse": f"s3://{bucket.name}/lake",
            "s3.endpoint": bucket.server,
            "s3.access-key-id": ACCESS_KEY,
            "s3.secret-access-key": ACCESS_SECRET,
            "s3.region": "us-east-1",
        },
    )
    catalog.create_namespace("shop")
    yield catalog
    catalog.close()


def test_delta_types_and_snapshots(connector: S3Connector, config: dict[str, Any], bucket: Bucket, delta: Lake) -> None:
    delta.write("things", _VALUES)
    assert types(connector, config, "things") == _TYPES
    assert _sorted(rows(connector, config, "things")) == _READ
    found = table(connector, config, "things")
    assert (found.row_estimate, found.description, found.sync_types) == (3, "Delta, version 0", ("full_refresh",))
    delta.open("things").delete("id = 2")
    delta.write("things", pa.table({"id": [4], "new": [0.5]}), mode="append", schema_mode="merge")
    now = _sorted(rows(connector, config, "things"))
    assert [(row["id"], row["new"]) for row in now] == [(1, None), (3, None), (4, 0.5)]
    bucket.put("things/stray.parquet", as_parquet(pa.table({"id": [99]})))
    assert len(rows(connector, config, "things", columns=("id",))) == 3


def test_delta_from_a_checkpoint_on(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, delta: Lake
) -> None:
    for number in range(4):
        delta.write("t", pa.table({"id": [number]}), mode="append")
    delta.open("t").create_checkpoint()
    for number in range(3):
        bucket.client.delete_object(Bucket=bucket.name, Key=f"t/_delta_log/{number:020}.json")
    delta.write("t", pa.table({"id": [4]}), mode="append")
    assert [row["id"] for row in _sorted(rows(connector, config, "t"))] == [0, 1, 2, 3, 4]


def test_delta_partitions(connector: S3Connector, config: dict[str, Any], delta: Lake) -> None:
    values = pa.table(
        {"id": [1, 2, 3], "day": [date(2026, 1, 1), None, date(2026, 1, 2)], "land": ["a b/ü", "%20", None]}
    )
    delta.write("t", values, partition_by=["day", "land"])
    assert types(connector, config, "t") == {"id": pa.int64(), "day": pa.date32(), "land": pa.string()}
    assert _sorted(rows(connector, config, "t")) == values.to_pylist()
    assert rows(connector, config, "t", columns=("land",)) != []


def test_delta_columns_that_were_renamed(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, delta: Lake
) -> None:
    delta.write("t", pa.table({"id": [1], "v": ["x"]}), configuration={"delta.columnMapping.mode": "name"})
    log = delta.open("t")
    fields = json.loads(log.schema().to_json())["fields"]
    assert fields[0]["metadata"]["delta.columnMapping.physicalName"] != "id"
    assert rows(connector, config, "t") == [{"id": 1, "v": "x"}]


def test_delta_deletion_vectors(connector: S3Connector, config: dict[str, Any], bucket: Bucket, delta: Lake) -> None:
    """No library here writes them: the file of deleted rows is made by the letter of the format."""
    delta.write("t", pa.table({"id": list(range(10))}), configuration={"delta.enableDeletionVectors": "true"})
    (path,) = (action["path"] for action in pa.table(delta.open("t").get_add_actions()).to_pylist())
    log = json.loads(_add_action(bucket, "t/_delta_log/00000000000000000000.json", path))
    vector = struct.pack("<I", 1681511377) + BitMap64([0, 3, 9]).serialize()
    name = "deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin"
    bucket.put(f"t/{name}", b"\x01" + struct.pack(">I", len(vector)) + vector + struct.pack(">I", zlib.crc32(vector)))
    told = {
        "storageType": "u",
        "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA",
        "offset": 1,
        "sizeInBytes": len(vector),
        "cardinality": 3,
    }
    gone = {"remove": {"path": path, "deletionTimestamp": 1, "dataChange": True}}
    added = {"add": {**log["add"], "deletionVector": told, "dataChange": True}}
    bucket.put("t/_delta_log/00000000000000000001.json", f"{json.dumps(gone)}\n{json.dumps(added)}\n")
    assert [row["id"] for row in rows(connector, config, "t")] == [1, 2, 4, 5, 6, 7, 8]
    assert table(connector, config, "t").row_estimate is None


def _add_action(bucket: Bucket, key: str, path: str) -> str:
    text = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read().decode()
    return next(line for line in text.splitlines() if '"add"' in line and path in line)


def test_a_broken_delta_log_is_told(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/_delta_log/00000000000000000000.json", "{")
    with pytest.raises(Refused, match="Delta table t cannot be read"):
        connector.find(config, "t")


def _shop(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "url": f"{config['url']}/lake/shop"}


def test_iceberg_types_and_snapshots(connector: S3Connector, config: dict[str, Any], iceberg: Catalog) -> None:
    values = _VALUES.drop_columns(["small"])
    there = iceberg.create_table("shop.things", schema=values.schema)
    assert [each.name for each in connector.discover(config)] == ["lake.shop.things"]
    config = _shop(config)
    assert rows(connector, config, "things") == []
    there.append(values)
    wanted = {name: kind for name, kind in _TYPES.items() if name != "small"}
    assert types(connector, config, "things") == wanted
    assert _sorted(rows(connector, config, "things")) == [{n: row[n] for n in wanted} for row in _READ]
    assert table(connector, config, "things").row_estimate == 3
    there.delete("id = 2")
    with there.update_schema() as changed:
        changed.add_column("new", DoubleType())
        changed.rename_column("word", "text")
        changed.delete_column("raw")
    there.append(pa.table({"id": [4], "new": [0.5], "text": ["x"]}))
    now = _sorted(rows(connector, config, "things"))
    assert [(row["id"], row["text"], row["new"]) for row in now] == [(1, "é🦔", None), (3, "", None), (4, "x", 0.5)]
    assert "raw" not in now[0]


def test_iceberg_partitions(connector: S3Connector, config: dict[str, Any], iceberg: Catalog) -> None:
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "land", StringType()))
    parts = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "land"))
    there = iceberg.create_table("shop.parts", schema=schema, partition_spec=parts)
    values = pa.table({"id": [1, 2, 3], "land": ["de", "a b/ü", "de"]})
    there.append(values)
    assert _sorted(rows(connector, _shop(config), "parts")) == values.to_pylist()


def _deletes(bucket: Bucket, there: Table, path: str, monkeypatch: pytest.MonkeyPatch, **said: Any) -> None:
    """Let a table have a file of deletes, which the library can read and not write."""
    made = DataFile.from_args.__func__  # type: ignore[attr-defined]
    bucket.put("lake/stand-in.parquet", as_parquet(there.scan().to_arrow().slice(0, 1)))

    def placed(kind: Any, *args: Any, **values: Any) -> DataFile:
        found: DataFile = made(kind, *args, **values | {"file_path": path, **said})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "from_args", classmethod(placed))
        there.add_files([f"s3://{bucket.name}/lake/stand-in.parquet"])


def _deletion_vector(file: str, places: list[int]) -> bytes:
    """A Puffin file, by the letter of the format."""
    vector = b"\xd1\xd3\x39\x64" + BitMap64(places).serialize()
    blob = struct.pack(">I", len(vector)) + vector + struct.pack(">I", zlib.crc32(vector))
    about = {
        "type": "deletion-vector-v1",
        "fields": [],
        "snapshot-id": -1,
        "sequence-number": -1,
        "offset": 4,
        "length": len(blob),
        "properties": {"referenced-data-file": file, "cardinality": str(len(places))},
    }
    footer = json.dumps({"blobs": [about]}).encode()
    return b"PFA1" + blob + b"PFA1" + footer + struct.pack("<II", len(footer), 0) + b"PFA1"


@pytest.mark.parametrize("kind", ["positions", "vector", "equality"])
def test_iceberg_deletes(
    connector: S3Connector,
    config: dict[str, Any],
    bucket: Bucket,
    iceberg: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    there = iceberg.create_table("shop.t", schema=pa.schema({"id": pa.int64()}))
    there.append(pa.table({"id": list(range(10))}))
    there.append(pa.table({"id": [10, 11]}))
    file = next(task.file.file_path for task in there.scan().plan_files() if task.file.record_count == 10)
    key, content = "lake/deletes.parquet", DataFileContent.POSITION_DELETES
    said: dict[str, Any] = {}
    if kind == "vector":
        key, said = "lake/deletes.puffin", {"file_format": FileFormat.PUFFIN, "referenced_data_file": file}
        bucket.put(key, _deletion_vector(file, [0, 3, 9]))
    else:
        bucket.put(key, as_parquet(pa.table({"file_path": [file] * 3, "pos": [0, 3, 9]})))
        if kind == "equality":
            content, said = DataFileContent.EQUALITY_DELETES, {"equality_ids": [1]}
    _deletes(bucket, there, f"s3://{bucket.name}/{key}", monkeypatch, content=content, **said)
    if kind == "equality":
        with pytest.raises(Refused, match="equality deletes"):
            connector.find(_shop(config), "t")
        return
    assert sorted(row["id"] for row in rows(connector, _shop(config), "t")) == [1, 2, 4, 5, 6, 7, 8, 10, 11]
    assert table(connector, _shop(config), "t").row_estimate is None


_PLACES: dict[str, Callable[[str], str]] = {
    "a file of the server": lambda path: f"file://{path}",
    "a path of the server": lambda path: path,
    "another bucket": lambda _path: "s3://another-bucket/a.parquet",
    "another host": lambda _path: "http://169.254.169.254/latest/a.parquet",
    "another cloud": lambda _path: "abfss://c@example.com/a.parquet",
}


@pytest.mark.parametrize("place", list(_PLACES))
def test_metadata_leads_to_its_own_bucket_alone(
    connector: S3Connector,
    config: dict[str, Any],
    iceberg: Catalog,
    tmp_path: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a table says its data files are is whatever its writer wrote."""
    file = tmp_path / "secret.parquet"
    file.write_bytes(as_parquet(pa.table({"v": ["of this server alone"]})))
    made = DataFile.from_args.__func__  # type: ignore[attr-defined]
    there: Table = iceberg.create_table("shop.sly", schema=pa.schema([("v", pa.string())]))

    def placed(kind: Any, *args: Any, **values: Any) -> DataFile:
        found: DataFile = made(kind, *args, **values | {"file_path": _PLACES[place](str(file))})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "from_args", classmethod(placed))
        there.add_files([f"file://{file}"])
    with pytest.raises(Refused, match="not in its own bucket"):
        list(connector.read(_shop(config), Ask("sly")))


def test_what_is_no_iceberg_table_is_told(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/metadata/v1.metadata.json", "{")
    with pytest.raises(Refused, match="Iceberg table t cannot be read"):
        connector.find(config, "t")


def test_a_delta_log_names_files_of_its_own_bucket_alone(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, delta: Lake
) -> None:
    delta.write("t", pa.table({"id": [1]}))
    (path,) = (action["path"] for action in pa.table(delta.open("t").get_add_actions()).to_pylist())
    added: Mapping[str, Any] = json.loads(_add_action(bucket, "t/_delta_log/00000000000000000000.json", path))
    for place in ("s3://another-bucket/a.parquet", "file:///etc/passwd"):
        sly = {"add": {**added["add"], "path": place}}
        bucket.put("t/_delta_log/00000000000000000001.json", f"{json.dumps(sly)}\n")
        with pytest.raises(Refused, match="not in its own bucket"):
            list(connector.read(config, Ask("t")))
