"""Linked Iceberg tables: written by the reference library into a real bucket, read in place by both engines."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DoubleType, LongType, NestedField, StringType

from tests.support.apps import Api, MakeApi
from tests.support.buckets import Bucket

_SECRET = "of-this-server-alone"


@pytest.fixture(params=["embedded", "server"])
def local(make_app: MakeApi, request: pytest.FixtureRequest) -> Api:
    if request.param == "server":
        return make_app(allow_private_hosts=True, engine_url=request.getfixturevalue("clickhouse_url"))
    return make_app(allow_private_hosts=True)


@pytest.fixture
def lake(bucket: Bucket) -> Iterator[Catalog]:
    catalog = InMemoryCatalog(
        "lake",
        **{
            "warehouse": f"s3://{bucket.name}/lake",
            "s3.endpoint": bucket.server,
            "s3.access-key-id": bucket.credential["access_key"],
            "s3.secret-access-key": bucket.credential["access_secret"],
            "s3.region": "us-east-1",
        },
    )
    catalog.create_namespace("shop")
    yield catalog
    catalog.close()


def _url(bucket: Bucket, table: Table) -> str:
    return f"{bucket.server}/{table.location().removeprefix('s3://')}"


def _link(api: Api, url: str, bucket: Bucket, name: str = "t") -> Any:
    body = {"name": name, "format": "Iceberg", "url_pattern": url, "credential": bucket.credential}
    return api.post("/warehouse_tables/", json=body)


def _rows(api: Api, what: str = "*") -> Any:
    query = {"query": {"kind": "HogQLQuery", "query": f"SELECT {what} FROM t ORDER BY 1"}}
    answer = api.post("/query/", json=query)
    return answer.json()["results"] if answer.status_code == 200 else answer.json()


def _types(answer: Any) -> dict[str, str]:
    assert answer.status_code in {200, 201}, answer.text
    return {column["name"]: column["type"] for column in answer.json()["columns"]}


def test_snapshots_deletes_and_new_columns_are_followed(local: Api, bucket: Bucket, lake: Catalog) -> None:
    first = pa.table({"id": [1, 2], "v": ["a", "b"]})
    table = lake.create_table("shop.sales", schema=first.schema)
    table.append(first)
    linked = _link(local, _url(bucket, table), bucket)
    assert _types(linked) == {"id": "integer", "v": "string"}
    assert _rows(local) == [[1, "a"], [2, "b"]]
    table.append(pa.table({"id": [3], "v": ["c"]}))
    table.delete("id = 1")
    assert _rows(local) == [[2, "b"], [3, "c"]]
    with table.update_schema() as changed:
        changed.add_column("price", DoubleType())
    table.append(pa.table({"id": [4], "v": ["d"], "price": [2.5]}))
    assert _rows(local) == [[2, "b"], [3, "c"], [4, "d"]]
    again = local.post(f"/warehouse_tables/{linked.json()['id']}/refresh_schema")
    assert _types(again) == {"id": "integer", "v": "string", "price": "float"}
    assert _rows(local) == [[2, "b", None], [3, "c", None], [4, "d", 2.5]]
    retyped = local.post(f"/warehouse_tables/{linked.json()['id']}/update_schema", json={"updates": {"id": "string"}})
    assert (retyped.status_code, retyped.json()["attr"]) == (400, "updates")
    assert retyped.json()["message"] == "The columns of Iceberg tables have the types of the table."
    with table.update_schema(allow_incompatible_changes=True) as changed:
        changed.delete_column("v")
    assert _rows(local, "id, price") == [[2, None], [3, None], [4, 2.5]]
    assert _rows(local, "v")["type"] == "validation_error"


def test_partitioned_tables_are_read_whole(local: Api, bucket: Bucket, lake: Catalog) -> None:
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "country", StringType()))
    parts = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "country"))
    table = lake.create_table("shop.parts", schema=schema, partition_spec=parts)
    table.append(pa.table({"id": [1, 2, 3], "country": ["de", "fr", "de"]}))
    _types(_link(local, _url(bucket, table), bucket))
    assert _rows(local) == [[1, "de"], [2, "fr"], [3, "de"]]
    assert _rows(local, "id, country") == [[1, "de"], [2, "fr"], [3, "de"]]


def test_what_is_no_iceberg_table_is_refused(local: Api, bucket: Bucket) -> None:
    bucket.put("folder/a.csv", "id\n1\n")
    answer = _link(local, f"{bucket.address}/folder", bucket)
    assert (answer.status_code, answer.json()["detail"]) == (400, "No Iceberg table was found.")
    bucket.put("broken/metadata/v1.metadata.json", "{")
    assert _link(local, f"{bucket.address}/broken", bucket).status_code == 400
    assert local.get("/warehouse_tables/").json()["count"] == 0


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.parquet"
    parquet.write_table(pa.table({"v": [_SECRET]}), path)
    return path


@pytest.fixture
def inside() -> Iterator[tuple[str, list[str]]]:
    """A server of the inner network, and what it was asked for."""
    asked: list[str] = []

    class Inside(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inside)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


_PLACES: dict[str, Callable[[Path, str], str]] = {
    "a file of the server": lambda file, _host: f"file://{file}",
    "a path of the server": lambda file, _host: str(file),
    "http": lambda _file, host: f"http://{host}/bucket/a.parquet",
    "a bucket that is a host": lambda _file, host: f"s3://{host}/a.parquet",
    "a bucket with a way out": lambda _file, host: f"s3://{host}#/a.parquet",
    "another cloud": lambda _file, host: f"abfss://c@{host}/a.parquet",
    "a cluster": lambda _file, host: f"hdfs://{host}/a.parquet",
}


@pytest.mark.parametrize("place", list(_PLACES))
def test_metadata_leads_to_its_own_storage_alone(
    local: Api,
    bucket: Bucket,
    lake: Catalog,
    secret_file: Path,
    inside: tuple[str, list[str]],
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an Iceberg table says its data files are is whatever its writer wrote."""
    host, asked = inside
    made = DataFile.from_args.__func__  # type: ignore[attr-defined]
    table = lake.create_table("shop.sly", schema=pa.schema([("v", pa.string())]))

    def placed(kind: Any, *args: Any, **values: Any) -> DataFile:
        found: DataFile = made(kind, *args, **values | {"file_path": _PLACES[place](secret_file, host)})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "from_args", classmethod(placed))
        table.add_files([f"file://{secret_file}"])
    assert _types(_link(local, _url(bucket, table), bucket)) == {"v": "string"}
    answer = _rows(local)
    assert answer["type"]  # an error
    assert _SECRET not in str(answer)
    assert asked == []
