"""Uploads in two steps."""

from uuid import UUID, uuid4

import httpx

from hedgerow.kit.ids import uuid7
from tests.support.apps import Api, MakeApi


def leave(api: Api, content: bytes = b"id,v\n1,x\n", file_name: str = "orders.csv") -> httpx.Response:
    return api.post("/warehouse_tables/upload_file/", files={"file": (file_name, content)})


def test_a_file_is_left_and_made_a_table(api: Api) -> None:
    left = leave(api)
    assert left.status_code == 201, left.text
    upload_id = left.json().pop("upload_id")
    expected = {"upload_id": upload_id, "filename": "orders.csv", "file_format": "csv", "size_bytes": 9}
    assert left.json() == expected
    assert api.get("/warehouse_tables").json()["count"] == 0
    made = api.post("/warehouse_tables/create_from_upload/", json={"upload_id": upload_id})
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["row_count"]) == ("orders", 1)
    again = api.post("/warehouse_tables/create_from_upload", json={"upload_id": upload_id})
    assert (again.status_code, again.json()["message"]) == (400, "Upload not found or expired")
    assert len(api.call(api.house.files.keys, "")) == 1


def test_the_format_follows_from_the_name(api: Api) -> None:
    content = b'{"id":1}\n'
    for file_name, file_format in (("a.json", "json"), ("b.JSONL", "json"), ("c.ndjson", "json")):
        left = leave(api, content, file_name).json()
        assert left["file_format"] == file_format
        body = {"upload_id": left["upload_id"], "table_name": f"t_{file_name[0]}"}
        assert api.post("/warehouse_tables/create_from_upload", json=body).json()["format"] == "JSONEachRow"
    assert leave(api, content, "a.xls").status_code == 400


def test_a_failed_table_leaves_its_file_for_another_try(api: Api) -> None:
    upload_id = leave(api).json()["upload_id"]
    for wish in ({"name": "1x"}, {"format": "XLS"}, {"format": "Parquet"}):
        answer = api.post("/warehouse_tables/create_from_upload", json={"upload_id": upload_id, **wish})
        assert answer.status_code == 400, wish
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == set()
    assert api.post("/warehouse_tables/create_from_upload", json={"upload_id": upload_id}).status_code == 201


def test_files_of_other_projects_are_not_there(api: Api) -> None:
    upload_id = leave(api).json()["upload_id"]
    other = api.other_project()
    for unknown in (upload_id, str(uuid4())):
        answer = other.post("/warehouse_tables/create_from_upload", json={"upload_id": unknown})
        assert (answer.status_code, answer.json()["message"]) == (400, "Upload not found or expired")
    assert api.post("/warehouse_tables/create_from_upload", json={"upload_id": "x"}).status_code == 400
    assert api.post("/warehouse_tables/create_from_upload", json={}).json()["attr"] == "upload_id"


def test_files_left_for_more_than_a_day_are_forgotten(api: Api) -> None:
    old = UUID(int=uuid7().int - (25 * 3600 * 1000 << 80))
    path = api.settings.home_path / "files" / f"p{api.project_id}" / "left" / old.hex
    path.mkdir(parents=True)
    (path / "old.csv").write_bytes(b"id\n1\n")
    young = leave(api).json()["upload_id"].replace("-", "")
    assert [key.split("/")[2] for key in api.call(api.house.files.keys, f"p{api.project_id}/left/")] == [young]


def test_a_file_over_the_limit_is_too_large(make_app: MakeApi) -> None:
    api = make_app(upload_max_bytes=1000)
    answer = leave(api, b"x" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
