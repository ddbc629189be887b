"""What of a bucket becomes a table, and by which name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Refused
from hedgerow.connectors.s3 import S3Connector
from hedgerow.connectors.s3.declaration import DECLARATION
from hedgerow.connectors.s3.place import Place, hosts, pattern_of, place_of
from tests.connectors.s3.conftest import as_parquet, rows, table, types
from tests.support.buckets import Bucket

_ONE = "a\n1\n"


def _names(connector: S3Connector, config: dict[str, Any]) -> list[str]:
    return [each.name for each in connector.discover(config)]


def test_folders_and_files_are_tables(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    for key in ("orders/1.csv", "orders/2026/2.csv.gz", "users.parquet", "notes.txt.bak", "img/logo.png", "x y/a.json"):
        bucket.put(key, b"")
    for key in ("_tmp/1.csv", ".git/1.csv", "orders/_SUCCESS", "orders/.part-0.csv", "orders/_temporary/0.csv"):
        bucket.put(key, "other\n1\n")
    bucket.put("empty/", b"")
    bucket.put("orders/0.csv", _ONE)
    assert _names(connector, config) == ["orders", "users", "x y"]
    assert rows(connector, config, "orders") == [{"a": 1}]
    assert table(connector, config, "orders").description == "3 files"


def test_a_folder_may_be_the_address(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("exports/daily/orders/1.csv", _ONE)
    bucket.put("exports/daily/users.csv", _ONE)
    bucket.put("exports/daily-old/users.csv", _ONE)
    for end in ("", "/"):
        assert _names(connector, {**config, "url": f"s3://{bucket.name}/exports/daily{end}"}) == ["orders", "users"]


def test_one_file_may_be_the_address(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("exports/users.csv.gz", _ONE)
    bucket.put("exports/users.csv.gz.old.csv", _ONE)
    there = {**config, "url": f"s3://{bucket.name}/exports/users.csv.gz"}
    assert _names(connector, there) == ["users"]
    assert rows(connector, there, "users") == [{"a": 1}]


def test_files_of_one_name_are_told_apart_by_their_ends(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket
) -> None:
    for key in ("a.csv", "a.json", "b.csv", "b/1.csv"):
        bucket.put(key, b"")
    bucket.put("b/2.csv", _ONE)
    assert _names(connector, config) == ["a.csv", "a.json", "b", "b.csv"]


def test_a_pattern_is_one_table(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    for number, key in enumerate(
        ("logs/2026/a.csv", "logs/2026/b.csv", "logs/2027/a.csv", "logs/a.csv", "logs/c.json")
    ):
        bucket.put(key, f"n\n{number}\n" if key.endswith("csv") else '{"n": 9}')
    there = {**config, "url": f"s3://{bucket.name}/logs/**/*.csv"}
    assert _names(connector, there) == ["logs"]
    assert sorted(row["n"] for row in rows(connector, there, "logs")) == [0, 1, 2, 3]
    for pattern, wanted in {
        "logs/*.csv": [3],
        "logs/*/a.csv": [0, 2],
        "logs/202{6,8}/?.csv": [0, 1],
        "logs/{2027..2030}/*": [2],
        "logs/**": [0, 1, 2, 3, 9],
        "logs/": [0, 1, 2, 3, 9],
        "logs/a.csv": [3],
    }.items():
        said = {**config, "tables": f"\n  found = {pattern}\n"}
        assert sorted(row["n"] for row in rows(connector, said, "found")) == wanted, pattern


@pytest.mark.parametrize(
    ("said", "word"),
    [("a = x\na = y", "named twice"), ("a: x", "name = files"), ("= x", "name = files"), ("a = {1..99999}", "at most")],
)
def test_what_cannot_be_understood_of_tables_is_told(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, said: str, word: str
) -> None:
    bucket.put("a.csv", _ONE)
    with pytest.raises(Refused, match=word) as caught:
        connector.check({**config, "tables": said})
    assert caught.value.field == "tables"


def test_folders_of_a_partition_are_columns(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("sales/day=2026-01-01/land=a%20b/1.parquet", as_parquet(pa.table({"n": [1]})))
    bucket.put("sales/day=2026-01-02/land=__HIVE_DEFAULT_PARTITION__/1.parquet", as_parquet(pa.table({"n": [2]})))
    assert types(connector, config, "sales") == {"n": pa.int64(), "day": pa.string(), "land": pa.string()}
    wanted = [{"n": 1, "day": "2026-01-01", "land": "a b"}, {"n": 2, "day": "2026-01-02", "land": None}]
    assert sorted(rows(connector, config, "sales"), key=lambda row: row["n"]) == wanted
    there = {**config, "url": f"s3://{bucket.name}/sales"}
    assert _names(connector, there) == ["sales"]
    assert sorted(rows(connector, there, "sales"), key=lambda row: row["n"]) == wanted


def test_more_files_than_one_page_lists(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    for number in range(1003):
        bucket.put(f"many/{number:04}.csv", f"n\n{number}\n" if number % 500 == 2 else b"")
    found = table(connector, config, "many")
    assert found.description == "1003 files"
    assert sorted(row["n"] for row in rows(connector, config, "many")) == [2, 502, 1002]


def test_a_format_may_be_said(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("logs/today", '{"a": 1}\n')
    assert _names(connector, config) == []
    assert rows(connector, {**config, "format": "json"}, "logs") == [{"a": 1}]


_AWS, _MINIO, _R2 = (
    "https://s3.eu-west-1.amazonaws.com",
    "https://minio.example.com",
    "https://a.r2.cloudflarestorage.com",
)


@pytest.mark.parametrize(
    ("said", "endpoint", "bucket", "path"),
    [
        ({"url": "s3://b1"}, "", "b1", ""),
        ({"url": "b1/x/y/"}, "", "b1", "x/y/"),
        ({"url": "s3a://b1/x?/*.csv"}, "", "b1", "x?/*.csv"),
        ({"url": "https://b1.s3.eu-west-1.amazonaws.com/x%20y/a.csv"}, _AWS, "b1", "x y/a.csv"),
        ({"url": f"{_MINIO}:9000/b1/x"}, f"{_MINIO}:9000", "b1", "x"),
        ({"url": "s3://b1/x", "endpoint": "minio.example.com/"}, _MINIO, "b1", "x"),
        ({"url": f"{_R2}/b1/x"}, _R2, "b1", "x"),
    ],
)
def test_addresses(said: dict[str, str], endpoint: str, bucket: str, path: str) -> None:
    assert place_of(said) == Place(endpoint, bucket, path, "us-east-1")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"url": "ftp://b1/x"}, "url"),
        ({"url": "s3://"}, "url"),
        ({"url": "s3://b*/x"}, "url"),
        ({"url": "https://[::1/b"}, "url"),
        ({"url": "s3://b1", "region": "a b"}, "region"),
        ({"url": "s3://b1", "endpoint": "https://minio.example.com/b1"}, "endpoint"),
    ],
)
def test_wrong_addresses(said: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as caught:
        place_of(said)
    assert caught.value.field == field
    assert hosts(said)


def test_secrets_stay_with_their_host() -> None:
    before = hosts({"url": "s3://one/x", "endpoint": "https://minio.example.com"})
    assert hosts({"url": "s3://two", "endpoint": "https://MINIO.example.com/"}) == before
    assert hosts({"url": "s3://one/x", "endpoint": "http://minio.example.com"}) != before
    assert hosts({"url": "s3://one/x"}) != before


def test_patterns_take_what_they_say_and_nothing_else() -> None:
    assert pattern_of("a/{x,y.z}/**/[1]+$").fullmatch("a/y.z/b/c/[1]+$")
    assert pattern_of("a/**").fullmatch("a/b/c")
    assert not pattern_of("a/*").fullmatch("a/b/c")
    assert not pattern_of("a.csv").fullmatch("abcsv")
    assert pattern_of("{08..11}.csv").fullmatch("09.csv")


def test_every_field_is_documented() -> None:
    page = (Path(__file__).parents[3] / DECLARATION.docs_url).read_text()
    assert not [field.name for field in DECLARATION.fields if f"`{field.name}`" not in page]
