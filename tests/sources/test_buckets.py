"""Files of a bucket through the API: found, synced whole and file by file, and none lost or doubled."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.sources.conftest import rows, schema, settled
from tests.support.apps import Api, MakeApi
from tests.support.buckets import ACCESS_SECRET, Bucket

_CURSOR = {"incremental_field": "_file_modified", "incremental_field_type": "datetime"}


@pytest.fixture
def api(make_app: MakeApi, folder: Path) -> Api:
    return make_app(source_files=str(folder))


def _payload(bucket: Bucket, **more: Any) -> dict[str, Any]:
    keys = {"access_key": bucket.credential["access_key"], "secret_key": bucket.credential["access_secret"]}
    return {"url": f"s3://{bucket.name}", "endpoint": bucket.server, **keys, **more}


def _make(api: Api, bucket: Bucket, sync_type: str, **more: Any) -> dict[str, Any]:
    """A source with one table `t`, synced once."""
    by = _CURSOR if sync_type != "full_refresh" else {}
    wish = {"name": "t", "should_sync": True, "sync_type": sync_type, **by, **more}
    body = {"source_type": "AmazonS3", "payload": _payload(bucket, schemas=[wish])}
    answer = api.post("/external_data_sources", json=body)
    assert answer.status_code == 201, answer.text
    return settled(api, answer.json()["id"])


def _again(api: Api, source: dict[str, Any], **change: Any) -> dict[str, Any]:
    """The schema after one more sync."""
    path = f"/external_data_schemas/{schema(source, 't')['id']}"
    if change:
        assert api.patch(path, json=change).status_code == 200
    assert api.post(f"{path}/reload").status_code == 200
    return schema(settled(api, source["id"]), "t")


def _synced(api: Api, source: dict[str, Any]) -> int:
    """How many rows the last run brought."""
    found: int = api.get(f"/external_data_sources/{source['id']}/jobs").json()[0]["rows_synced"]
    return found


def _all(api: Api, what: str = "id, v") -> Sequence[Any]:
    return rows(api, f"select {what} from amazons3.t order by _file_modified, _file, _line")


def test_the_wizard_and_the_tables_are_shown(api: Api, bucket: Bucket) -> None:
    entry = api.get("/external_data_sources/wizard").json()["AmazonS3"]
    assert (entry["unreleasedSource"], entry["category"]) == (False, "File storage")
    assert [field["name"] for field in entry["fields"] if field["secret"]] == ["secret_key", "session_token"]
    bucket.put("t/1.csv", "id,v\n1,a\n")
    found = api.post(
        "/external_data_sources/database_schema", json={"source_type": "AmazonS3", **_payload(bucket)}
    ).json()
    (told,) = found
    assert (told["table"], told["incremental_available"], told["append_available"]) == ("t", True, True)
    assert [each["field"] for each in told["incremental_fields"]] == ["_file_modified"]


def test_secrets_are_never_shown(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "full_refresh")
    answer = api.get(f"/external_data_sources/{source['id']}")
    assert ACCESS_SECRET not in answer.text
    assert answer.json()["job_inputs"]["url"] == f"s3://{bucket.name}"
    moved = {"job_inputs": {"endpoint": "https://elsewhere.example.com"}}
    refused = api.patch(f"/external_data_sources/{source['id']}", json=moved)
    assert (refused.status_code, "re-entering your credentials" in refused.text) == (400, True)


def test_a_whole_sync_follows_the_files(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "full_refresh")
    assert schema(source, "t")["status"] == "Completed", source["latest_error"]
    assert _all(api, "id, v, _file, _line") == [[1, "a", "t/1.csv", 1]]
    bucket.client.delete_object(Bucket=bucket.name, Key="t/1.csv")
    bucket.put("t/2.json", '{"id": 2, "w": 0.5}')
    _again(api, source)
    assert _all(api, "id, w") == [[2, 0.5]]


@pytest.mark.parametrize("sync_type", ["append", "incremental"])
def test_only_new_files_come(api: Api, bucket: Bucket, sync_type: str) -> None:
    bucket.put("t/2.csv", "id,v\n1,a\n2,b\n")
    source = _make(api, bucket, sync_type)
    assert _all(api) == [[1, "a"], [2, "b"]]
    physical = schema(source, "t")["table"]["id"]
    told = _again(api, source)
    assert (told["status"], _synced(api, source), told["table"]["id"]) == ("Completed", 0, physical)
    # Two files of one second; the one that sorts first is older by name, and neither is beyond the other.
    bucket.put("t/1.csv", "id,v\n3,c\n")
    bucket.put("t/3.csv", "id,v,w\n4,d,1\n")
    _again(api, source)
    assert _synced(api, source) == 2
    assert sorted(map(tuple, _all(api, "id, v, w"))) == [(1, "a", None), (2, "b", None), (3, "c", None), (4, "d", 1)]


def test_a_file_that_comes_late_with_an_older_time_is_not_lost(api: Api, bucket: Bucket) -> None:
    """Large uploads are dated by their beginning: they show up when younger files have been read long since."""
    upload = bucket.client.create_multipart_upload(Bucket=bucket.name, Key="t/late.csv")
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "append")
    part = bucket.client.upload_part(
        Bucket=bucket.name, Key="t/late.csv", PartNumber=1, UploadId=upload["UploadId"], Body=b"id,v\n2,b\n"
    )
    bucket.client.complete_multipart_upload(
        Bucket=bucket.name,
        Key="t/late.csv",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    _again(api, source)
    _again(api, source)
    assert sorted(map(tuple, _all(api))) == [(1, "a"), (2, "b")]


def test_a_changed_file_takes_the_place_of_its_rows(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n2,b\n3,c\n")
    bucket.put("t/2.csv", "id,v\n9,z\n")
    source = _make(api, bucket, "incremental")
    time.sleep(1.1)
    bucket.put("t/1.csv", "id,v\n1,new\n")
    told = _again(api, source)
    assert told["status"] == "Completed", told["latest_error"]
    assert sorted(map(tuple, _all(api))) == [(1, "new"), (9, "z")]


def test_appended_changes_stand_beside_what_was(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "append")
    time.sleep(1.1)
    bucket.put("t/1.csv", "id,v\n1,b\n")
    _again(api, source)
    assert _all(api) == [[1, "a"], [1, "b"]]


def test_rows_may_have_a_key_of_their_own(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n2,b\n")
    source = _make(api, bucket, "incremental", primary_key_columns=["id"])
    time.sleep(1.1)
    bucket.put("t/2.csv", "id,v\n2,new\n3,c\n3,last\n")
    _again(api, source)
    assert sorted(row[0] for row in _all(api)) == [1, 2, 3]
    assert [1, "a"] in _all(api)
    assert [2, "new"] in _all(api)


def test_few_columns_are_enough(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v,w\n1,a,x\n")
    source = _make(api, bucket, "append", enabled_columns=["v"])
    bucket.put("t/2.csv", "id,v,w\n2,b,y\n")
    _again(api, source)
    names = [column["name"] for column in schema(settled(api, source["id"]), "t")["table"]["columns"]]
    assert sorted(names) == ["_file", "_file_modified", "_line", "v"]
    assert sorted(row[0] for row in _all(api, "v")) == ["a", "b"]


def test_a_table_that_was_synced_whole_goes_on_by_files(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "full_refresh", enabled_columns=["id", "v"])
    _again(api, source, sync_type="append", **_CURSOR)
    bucket.put("t/2.csv", "id,v\n2,b\n")
    _again(api, source)
    assert sorted(map(tuple, _all(api))) == [(1, "a"), (2, "b")]


def test_what_a_file_s_end_shows_is_learned_by_the_next_try(api: Api, bucket: Bucket) -> None:
    filler = "x" * 1000
    bucket.put("t/1.csv", "id,v\n" + "".join(f"{n},{filler}\n" for n in range(6000)) + "none,last\n")
    source = _make(api, bucket, "full_refresh")
    assert schema(source, "t")["status"] == "Completed", source["latest_error"]
    assert rows(api, "select count(), max(id) from amazons3.t") == [[6001, "none"]]


def test_types_that_other_files_showed_stay(api: Api, bucket: Bucket) -> None:
    """Rows of files that are gone could not be read again."""
    bucket.put("t/1.csv", "id,v,w\n1,x,1\n")
    source = _make(api, bucket, "append")
    bucket.client.delete_object(Bucket=bucket.name, Key="t/1.csv")
    bucket.put("t/2.csv", "id,v,w\nx,1.50,2.5\n")
    told = _again(api, source)
    assert (told["status"], told["latest_error"]) == ("Completed", None)
    bucket.put("t/3.csv", "id,v,w\n3,,3\n")
    told = _again(api, source)
    assert sorted(map(tuple, _all(api, "id, v, w"))) == [("1", "x", 1.0), ("3", None, 3.0), ("x", "1.50", 2.5)]


def test_a_file_that_cannot_be_read_fails_the_sync_and_is_named(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    source = _make(api, bucket, "append")
    bucket.put("t/2.csv", "id,v\n2\n")
    told = _again(api, source)
    assert (told["status"], told["should_sync"]) == ("Failed", False)
    assert "t/2.csv cannot be read: row 2 has 1 columns" in told["latest_error"]
    assert _all(api) == [[1, "a"]]


def test_setup_takes_everything_by_files(api: Api, bucket: Bucket) -> None:
    bucket.put("t/1.csv", "id,v\n1,a\n")
    bucket.put("u/1.json", '{"a": 1}')
    body = {"source_type": "AmazonS3", "payload": _payload(bucket)}
    source = settled(api, api.post("/external_data_sources/setup", json=body).json()["id"])
    assert {each["name"]: each["sync_type"] for each in source["schemas"]} == {"t": "incremental", "u": "incremental"}
    assert {each["status"] for each in source["schemas"]} == {"Completed"}
