"""Files become tables: whole, in one step, or not at all."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
from pyarrow import parquet

from hedgerow.engine.result import Query
from hedgerow.language.query.catalog import PhysicalTable
from tests.support.apps import Api, MakeApi
from tests.support.buckets import Bucket
from tests.support.processes import free_port

CSV = b"id,name,at\n1,a,2026-01-01\n2,b,2026-01-02\n"


def upload(api: Api, content: bytes, name: str | None = "t", file_name: str = "t.csv", **fields: str) -> httpx.Response:
    data = {**({"name": name} if name is not None else {}), **fields}
    return api.post("/warehouse_tables/file/", data=data, files={"file": (file_name, content)})


def rows(api: Api, name: str, what: str = "*") -> list[list[Any]]:
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    backing = catalog.tables[name].backing
    assert isinstance(backing, PhysicalTable)
    query = Query(f"SELECT {what} FROM {backing.database}.{backing.table} ORDER BY 1")
    return [orjson.loads(line) for line in api.call(api.house.engine.run, query).rows.splitlines()]


def left_behind(api: Api) -> tuple[list[str], list[str], set[str]]:
    """What an upload could leave: in the folder for incoming files, among the files, in the engine."""
    incoming = [path.name for path in (api.settings.home_path / "incoming").iterdir()]
    files = api.call(api.house.files.keys, "")
    return incoming, files, set(api.call(api.house.engine.tables, f"p{api.project_id}"))


def test_csv_becomes_a_table_of_the_documented_shape(api: Api) -> None:
    answer = upload(api, CSV)
    assert answer.status_code == 201, answer.text
    table = answer.json()
    assert table["url_pattern"].startswith(f"http://testserver/api/projects/{api.project_id}/warehouse_tables/")
    assert [(c["key"], c["name"], c["type"], c["schema_valid"]) for c in table["columns"]] == [
        ("id", "id", "integer", True),
        ("name", "name", "string", True),
        ("at", "at", "date", True),
    ]
    assert all(c[key] is None for c in table["columns"] for key in ("fields", "table", "chain"))
    nothing = ("credential", "external_data_source", "external_schema")
    assert {key: table[key] for key in nothing} == dict.fromkeys(nothing)
    assert (table["name"], table["format"], table["deleted"]) == ("t", "CSVWithNames", False)
    assert (table["row_count"], table["size_bytes"]) == (2, len(CSV))
    assert table["created_by"]["email"]
    assert rows(api, "t") == [[1, "a", "2026-01-01"], [2, "b", "2026-01-02"]]


def test_the_file_can_be_fetched_again(api: Api) -> None:
    address = upload(api, CSV, file_name="my file (1).csv").json()["url_pattern"]
    assert address.endswith("/file/my_file__1_.csv")
    answer = api.get(address.removeprefix("http://testserver"))
    assert (answer.content, answer.headers["content-type"]) == (CSV, "text/csv; charset=utf-8")
    assert api.get(address.removeprefix("http://testserver") + "x").status_code == 404
    other = api.other_project()
    elsewhere = address.removeprefix("http://testserver").replace(f"/{api.project_id}/", f"/{other.project_id}/")
    assert other.get(elsewhere).status_code == 404


def test_name_defaults_to_the_files_and_format_to_csv_with_names(api: Api) -> None:
    table = upload(api, CSV, name=None, file_name="sales_2026.csv").json()
    assert (table["name"], table["format"]) == ("sales_2026", "CSVWithNames")


def _parquet() -> bytes:
    target = io.BytesIO()
    columns = {"id": pa.array([1, 2, None]), "tags": pa.array([["x"], [], None]), "price": pa.array([1.5, None, 2.5])}
    parquet.write_table(pa.table(columns), target)
    return target.getvalue()


_RAGGED = "The rows of the file do not all have the same number of values."
_NOT_JSON = "The file is not one JSON object per line."
_FORMATS: tuple[tuple[str, bytes, list[str], list[list[Any]]], ...] = (
    ("CSV", b"1,a\n2,b\n", ["integer", "string"], [[1, "a"], [2, "b"]]),
    ("CSVWithNames", b"\xef\xbb\xbfid,v\r\n1,2.5\r\n2,\r\n", ["integer", "float"], [[1, 2.5], [2, None]]),
    ("CSVWithNames", "naïve name,ключ\n1,é\n".encode(), ["integer", "string"], [[1, "é"]]),
    (
        "CSVWithNames",
        b'id,v\n1,"two\nlines, one ""quote"""\n',
        ["integer", "string"],
        [[1, 'two\nlines, one "quote"']],
    ),
    ("CSVWithNames", gzip.compress(b"id,v\n1,2\n"), ["integer", "integer"], [[1, 2]]),
    ("JSONEachRow", b'{"id":1,"ok":true}\n{"id":2}\n', ["integer", "boolean"], [[1, True], [2, None]]),
    ("JSONEachRow", b'{"id":1,"o":{"a":[1]},"n":null}\n', ["integer", "json", "string"], [[1, {"a": [1]}, None]]),
    ("Parquet", _parquet(), ["integer", "array", "float"], [[1, ["x"], 1.5], [2, [], None], [None, [], 2.5]]),
)


def test_formats(api: Api) -> None:
    for number, (file_format, content, types, expected) in enumerate(_FORMATS):
        answer = upload(api, content, f"t{number}", format=file_format)
        assert answer.status_code == 201, answer.text
        assert [column["type"] for column in answer.json()["columns"]] == types, content
        assert rows(api, f"t{number}") == expected


_REFUSED: tuple[tuple[dict[str, str], tuple[str, bytes], str], ...] = (
    ({"name": "1x"}, ("t.csv", CSV), "Table names must start with a letter or underscore and contain only"),
    ({"name": "a b"}, ("t.csv", CSV), "Table names must start with a letter or underscore and contain only"),
    ({"name": "a.b"}, ("t.csv", CSV), "Table names must start with a letter or underscore and contain only"),
    ({"name": "é"}, ("t.csv", CSV), "Table names must start with a letter or underscore and contain only"),
    ({"name": "events"}, ("t.csv", CSV), '"events" is the name of a built-in table.'),
    ({"name": "x" * 129}, ("t.csv", CSV), "Ensure this field has no more than 128 characters."),
    ({"name": "t", "format": "XLS"}, ("t.csv", CSV), "Invalid format. Must be one of: CSV, CSVWithNames, Parquet"),
    ({"name": "t", "format": "Delta"}, ("t.csv", CSV), "Invalid format"),
    ({"name": "t"}, (".env", CSV), "Invalid filename"),
    ({"name": "t"}, ("dir/../.env", CSV), "Invalid filename"),
    ({"name": "t"}, ("t.csv", b""), "The file is empty."),
    ({"name": "t"}, ("t.csv", b"id,v\n"), "The file has no rows of its format."),
    ({"name": "t"}, ("t.csv", b"\n1,2\n"), "The first line of the file is empty"),
    ({"name": "t"}, ("t.csv", b"id,v\n1\n"), _RAGGED),
    ({"name": "t"}, ("t.csv", b"id,v\n1,2\n3\n"), _RAGGED),
    ({"name": "t"}, ("t.csv", b"id,v\n1,2,3\n"), _RAGGED),
    ({"name": "t"}, ("t.csv", b"id,id\n1,2\n"), 'Two columns are named "id" in the header.'),
    ({"name": "t"}, ("t.csv", b"id,\n1,2\n"), "Column 2 has no name in the header."),
    ({"name": "t"}, ("t.csv", b"id,a`b\n1,2\n"), "The name of column 2 holds a line break, backquote"),
    ({"name": "t"}, ("t.csv", b"id;v\n1;2\n"), "The columns seem to be separated by semicolons"),
    ({"name": "t"}, ("t.csv", "é,b\n1,2\n".encode("latin-1")), "The file is not UTF-8 text: byte 1"),
    ({"name": "t"}, ("t.csv", "a,b\n1,2\n".encode("utf-16")), "The file is not UTF-8 text: byte 1"),
    ({"name": "t"}, ("t.csv", b"a,b\n1,\x00\n"), "The file is not text: it holds a null character."),
    ({"name": "t"}, ("t.csv", _parquet()), "The file is a Parquet file, not CSVWithNames."),
    ({"name": "t"}, ("t.csv.gz", b"\x1f\x8bnot gzip"), "The file is not a sound gzip file."),
    ({"name": "t"}, ("t.csv.gz", gzip.compress(CSV)[:-6]), "The file is not a sound gzip file."),
    ({"name": "t"}, ("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 200_000)), "The file unpacks to more than"),
    ({"name": "t", "format": "Parquet"}, ("t.parquet", b"PAR1 no PAR1"), "The file is not a Parquet file."),
    ({"name": "t", "format": "Parquet"}, ("t.parquet", CSV), "The file is not a Parquet file."),
    ({"name": "t", "format": "JSONEachRow"}, ("t.json", b'{"a":1}\n{"a":'), _NOT_JSON),
    ({"name": "t", "format": "JSONEachRow"}, ("t.json", b"hello"), _NOT_JSON),
)  # fmt: skip


def test_what_cannot_be_a_table_is_refused_and_leaves_nothing(api: Api) -> None:
    for fields, file, text in _REFUSED:
        answer = api.post("/warehouse_tables/file", data=fields, files={"file": file})
        body = answer.json()
        assert (answer.status_code, body["detail"][: len(text)]) == (400, text), (fields, file)
        assert body["message"] == body["detail"]
        assert (body["type"], set(body)) == ("validation_error", {"type", "code", "detail", "attr", "message"})
        assert left_behind(api) == ([], [], set()), (fields, file)
    assert api.get("/warehouse_tables").json()["count"] == 0


def test_without_a_file_there_is_no_table(api: Api) -> None:
    without: tuple[dict[str, Any], ...] = (
        {"data": {"name": "t"}},
        {"json": {"name": "t"}},
        {"data": {"name": "t", "file": "text"}},
        {"files": {"other": ("t.csv", CSV)}},
        {"content": b""},
    )
    for options in without:
        answer = api.post("/warehouse_tables/file", **options)
        assert (answer.status_code, answer.json()["message"]) == (400, "No file provided"), options


def test_broken_forms_are_refused(api: Api) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n'
    long_header = b"X: " + b"y" * 9000 + b"\r\n\r\n"
    for body in (b"nonsense", b"--x\r\n", head + b"\r\nid,v\n1,", head + long_header, head * 2):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = api.post("/warehouse_tables/file", content=body, headers=headers)
        assert answer.status_code == 400, answer.text
        assert left_behind(api) == ([], [], set())


def test_size_limit(make_app: MakeApi) -> None:
    api = make_app(upload_max_bytes=1 << 20)
    header = b"id,v\n"
    largest = header + b"1,2\n" * ((1 << 18) - 2) + b"1,\n"
    assert len(largest) == 1 << 20
    assert upload(api, largest, "fits").status_code == 201
    refused = (400, "File size exceeds maximum allowed size of 1MB")
    answer = upload(api, largest[:-1] + b"9\n", "over")
    assert (answer.status_code, answer.json()["message"]) == refused

    async def much_over() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'
        for _ in range(300):
            yield b"1,2\n" * 4096

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "5000000"}
    answer = api.post("/warehouse_tables/file", content=much_over(), headers=headers)
    assert (answer.status_code, answer.json()["message"]) == refused
    incoming, files, tables = left_behind(api)
    assert (incoming, len(files), len(tables)) == ([], 1, 1)


def test_the_same_name_again_replaces_the_rows_of_one_table(api: Api) -> None:
    first = upload(api, CSV).json()
    second = upload(api, b"other\nx\n", file_name="second.csv").json()
    assert second["id"] == first["id"]
    assert [column["name"] for column in second["columns"]] == ["other"]
    assert rows(api, "t") == [["x"]]
    assert api.get("/warehouse_tables").json()["count"] == 1


def test_what_was_replaced_is_taken_away_after_its_grace(make_app: MakeApi) -> None:
    api = make_app()
    api.house.warehouse.retirement._grace = 0.01
    for number in range(3):
        upload(api, b"n\n%d\n" % number)
    api.call(asyncio.sleep, 0.5)
    incoming, files, tables = left_behind(api)
    assert (incoming, len(files), len(tables)) == ([], 1, 1)
    assert rows(api, "t") == [[2]]


def test_a_failed_replacement_leaves_the_old_rows(api: Api) -> None:
    upload(api, CSV)
    before = left_behind(api)
    assert upload(api, b"id,v\n1\n").status_code == 400
    assert rows(api, "t", "id") == [[1], [2]]
    assert left_behind(api) == before


def test_types_guessed_from_the_first_rows_widen_where_later_rows_need_it(api: Api) -> None:
    many = b"".join(b"%d,%d,2026-01-01,%d\n" % (n, n, n) for n in range(30_000))
    answer = upload(api, b"a,b,c,d\n" + many + b"x,1.5,soon,7\n")
    assert answer.status_code == 201, answer.text
    assert [c["type"] for c in answer.json()["columns"]] == ["string", "float", "string", "integer"]
    assert rows(api, "t", "count(), countIf(a = 'x' AND b = 1.5 AND c = 'soon' AND d = 7)") == [[30_001, 1]]


def test_a_late_ragged_row_names_its_row(api: Api) -> None:
    answer = upload(api, b"a,b\n" + b"1,2\n" * 30_000 + b"3\n")
    assert answer.status_code == 400
    assert "Row 30001" in answer.json()["detail"]
    assert left_behind(api) == ([], [], set())


def test_uploads_of_one_name_at_the_same_time_end_with_the_rows_of_one(api: Api) -> None:
    contents = [b"n\n" + b"%d\n" % number * 50 for number in range(4)]

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://testserver") as client:
            requests = [
                client.post(
                    api.url("/warehouse_tables/file"),
                    data={"name": "t"},
                    files={"file": ("t.csv", content)},
                    headers={"Authorization": f"Bearer {api.key}"},
                )
                for content in contents
            ]
            return [answer.status_code for answer in await asyncio.gather(*requests)]

    assert set(api.call(all_at_once)) == {201}
    assert api.get("/warehouse_tables").json()["count"] == 1
    ((kinds, count),) = rows(api, "t", "uniqExact(n), count()")
    assert (kinds, count) == (1, 50)


def test_readers_see_the_old_rows_or_the_new(api: Api) -> None:
    upload(api, b"n\n" + b"0\n" * 1000)

    async def reads(stop: asyncio.Event) -> set[tuple[int, ...]]:
        seen, last = set(), False
        while not last:
            last = stop.is_set()  # on a busy machine no read may have begun after the last upload: one more does
            backing = (await api.house.warehouse.catalogs.fetch(api.project_id)).tables["t"].backing
            assert isinstance(backing, PhysicalTable)
            query = Query(f"SELECT min(n), max(n), count() FROM {backing.database}.{backing.table}")
            seen.add(tuple(orjson.loads((await api.house.engine.run(query)).rows)))
        return seen

    async def replace_while_reading() -> set[tuple[int, ...]]:
        stop = asyncio.Event()
        reader = asyncio.create_task(reads(stop))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://testserver") as client:
            for number in range(1, 6):
                content = b"n\n" + b"%d\n" % number * (1000 + number)
                files, headers = {"file": ("t.csv", content)}, {"Authorization": f"Bearer {api.key}"}
                answer = await client.post(
                    api.url("/warehouse_tables/file"), data={"name": "t"}, files=files, headers=headers
                )
                assert answer.status_code == 201, answer.text
        stop.set()
        return await reader

    seen = api.call(replace_while_reading)
    assert seen <= {(n, n, 1000 + n) for n in range(6)}
    assert (5, 5, 1005) in seen


def test_only_a_writing_key_may_upload(api: Api) -> None:
    reader = api.with_key(api.make_key(["warehouse_table:read"]))
    answer = upload(reader, CSV)
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "API key missing required scope 'warehouse_table:write'",
    )
    assert left_behind(api)[0] == []


def test_a_start_after_a_crash_takes_away_what_no_row_names(make_app: MakeApi, tmp_path: Path) -> None:
    api = make_app()
    upload(api, CSV)
    incoming = api.settings.home_path / "incoming"
    database, orphan = f"p{api.project_id}", "t_" + "0" * 32
    api.call(api.house.engine.execute, f"CREATE TABLE {database}.{orphan} (n Int8) ENGINE = MergeTree ORDER BY n")
    (kept,) = [t for t in api.call(api.house.engine.tables, database) if t != orphan]
    (incoming / f"{orphan}.mark").write_text(f'{{"project": {api.project_id}, "key": "{database}/x/half.csv"}}')
    (incoming / f"{kept}.mark").write_text(f'{{"project": {api.project_id}, "key": null}}')
    (incoming / "broken.mark").write_text("{")
    (incoming / "half-an-upload").write_bytes(b"id,v")
    api.call(api.house.warehouse.start)
    assert list(incoming.iterdir()) == []
    assert api.call(api.house.engine.tables, database) == {kept}
    assert rows(api, "t", "count()") == [[2]]


def test_full_storage_is_said_and_leaves_nothing(make_app: MakeApi) -> None:
    api = make_app()
    # A file where the project's folder must be: keeping fails at the last step, after the rows were loaded.
    (api.settings.home_path / "files" / f"p{api.project_id}").write_bytes(b"")
    answer = upload(api, CSV)
    assert (answer.status_code, answer.json()["type"]) == (503, "server_error")
    assert [path.name for path in (api.settings.home_path / "incoming").iterdir()] == []
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == set()
    assert api.get("/warehouse_tables").json()["count"] == 0


def test_everything_works_with_a_bucket_and_postgresql(bucket: Bucket, postgres_url: str, make_app: MakeApi) -> None:
    api = make_app(files_url=bucket.files_url, database_url=postgres_url)
    test_uploads_of_one_name_at_the_same_time_end_with_the_rows_of_one(api)
    table = upload(api, CSV).json()
    address = table["url_pattern"].removeprefix("http://testserver")
    assert api.get(address).content == CSV
    changed = api.post(f"/warehouse_tables/{table['id']}/update_schema", json={"updates": {"id": "string"}})
    assert changed.status_code == 200, changed.text
    assert rows(api, "t", "id") == [["1"], ["2"]]


def test_storage_that_does_not_answer_is_said_and_leaves_nothing(make_app: MakeApi) -> None:
    api = make_app(files_url=f"s3://key:secret@127.0.0.1:{free_port()}/bucket?tls=false")
    answer = upload(api, CSV)
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert "secret" not in answer.text
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == set()
    assert api.get("/warehouse_tables").json()["count"] == 0
