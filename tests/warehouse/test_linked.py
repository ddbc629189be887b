"""Linked tables: files in a real bucket, read in place; addresses and credentials guarded."""

import io
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import deltalake
import httpx
import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.app import House
from hedgerow.engine.base import Bound, Query
from hedgerow.kit.outgoing import OutgoingGuard
from hedgerow.language.query.catalog import FunctionTable
from hedgerow.warehouse import Backends, open_warehouse
from tests.support.apps import Api, MakeApi
from tests.support.buckets import Bucket

KEYS = {"access_key": "key", "access_secret": "secret-of-theirs"}
_REQUIRED = "Access key and secret are required"
_BLANK = "Access key and secret can't be blank"
_STRINGS = "Access key and secret must be strings"
PUBLIC = "93.184.216.34"


@pytest.fixture
def local(make_app: MakeApi) -> Api:
    """An application that may read from this machine's bucket."""
    return make_app(allow_private_hosts=True)


def link(api: Api, url: str, credential: Any, name: str = "t", file_format: str = "CSVWithNames") -> httpx.Response:
    body = {"name": name, "format": file_format, "url_pattern": url, "credential": credential}
    return api.post("/warehouse_tables/", json=body)


def backing(api: Api, name: str = "t") -> FunctionTable:
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    found = catalog.tables[name].backing
    assert isinstance(found, FunctionTable)
    return found


def rows(api: Api, name: str = "t") -> list[list[Any]]:
    table = backing(api, name)
    values = [*table.arguments, *([table.structure] if table.structure else [])]
    parameters = {f"p{n}": Bound("String", value) for n, value in enumerate(values)}
    arguments = ", ".join(f"{{{name}:String}}" for name in parameters)
    query = Query(f"SELECT * FROM {table.function}({arguments}) ORDER BY 1", parameters)
    return [orjson.loads(line) for line in api.call(api.house.engine.run, query).rows.splitlines()]


def types(table: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in table["columns"]}


def test_csv_in_a_bucket_becomes_a_table(local: Api, bucket: Bucket) -> None:
    url = bucket.put("data/a.csv", "id,v\n1,x\n2,y\n")
    answer = link(local, url, bucket.credential)
    assert answer.status_code == 201, answer.text
    table = answer.json()
    assert (table["url_pattern"], types(table)) == (url, {"id": "integer", "v": "string"})
    assert set(table["credential"]) == {"id", "created_by", "created_at"}
    assert table["credential"]["created_by"] == table["created_by"]
    assert rows(local) == [[1, "x"], [2, "y"]]
    assert local.get(f"/warehouse_tables/{table['id']}").json() == table


def test_secrets_are_encrypted_and_never_shown(local: Api, bucket: Bucket) -> None:
    table = link(local, bucket.put("a.csv", "id\n1\n"), bucket.credential).json()
    shown = json.dumps([table, local.get("/warehouse_tables").json(), repr(backing(local))[:0]])
    assert bucket.credential["access_secret"] not in shown
    assert "access_key" not in shown
    raw = b"".join(path.read_bytes() for path in local.settings.home_path.glob("metadata.sqlite*"))
    assert bucket.credential["access_secret"].encode() not in raw
    assert bucket.credential["access_key"].encode() not in raw
    keys = local.house.warehouse.tables._keys(local.house.warehouse.tables.page(local.project_id, "", 1, 0)[1][0])
    assert "secret" not in repr(keys)


def test_wildcards_read_all_files_that_match(local: Api, bucket: Bucket) -> None:
    for number in range(3):
        bucket.put(f"y/{number}/part.csv", f"id\n{number}\n")
    assert link(local, f"{bucket.address}/y/*/part.csv", bucket.credential).status_code == 201
    assert rows(local) == [[0], [1], [2]]
    assert link(local, f"{bucket.address}/y/{{0,2}}/*.csv", bucket.credential, "u").status_code == 201
    assert rows(local, "u") == [[0], [2]]


def test_other_formats(local: Api, bucket: Bucket) -> None:
    target = io.BytesIO()
    parquet.write_table(pa.table({"id": [1], "tags": [["a"]]}), target)
    parquet_url = bucket.put("a.parquet", target.getvalue())
    assert types(link(local, parquet_url, bucket.credential, "p", "Parquet").json()) == {
        "id": "integer",
        "tags": "array",
    }
    json_url = bucket.put("a.json", '{"id":1,"ok":true}\n')
    assert types(link(local, json_url, bucket.credential, "j", "JSONEachRow").json()) == {
        "id": "integer",
        "ok": "boolean",
    }
    csv_url = bucket.put("a.csv", "1,2.5\n")
    assert types(link(local, csv_url, bucket.credential, "c", "CSV").json()) == {"c1": "integer", "c2": "float"}
    assert (rows(local, "p"), rows(local, "j"), rows(local, "c")) == ([[1, ["a"]]], [[1, True]], [[1, 2.5]])


@pytest.mark.parametrize("file_format", ["Delta", "DeltaS3Wrapper"])
def test_delta_tables(local: Api, bucket: Bucket, file_format: str) -> None:
    options = {
        "AWS_ENDPOINT_URL": bucket.server,
        "AWS_ACCESS_KEY_ID": bucket.credential["access_key"],
        "AWS_SECRET_ACCESS_KEY": bucket.credential["access_secret"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "aws_conditional_put": "etag",
    }
    where = f"s3://{bucket.name}/lake/sales"
    deltalake.write_deltalake(where, pa.table({"id": [1, 2], "v": ["a", "b"]}), storage_options=options)
    deltalake.write_deltalake(where, pa.table({"id": [3], "v": ["c"]}), mode="append", storage_options=options)
    answer = link(local, f"{bucket.address}/lake/sales", bucket.credential, file_format=file_format)
    assert answer.status_code == 201, answer.text
    assert types(answer.json()) == {"id": "integer", "v": "string"}
    assert rows(local) == [[1, "a"], [2, "b"], [3, "c"]]
    deltalake.write_deltalake(where, pa.table({"id": [9], "v": ["z"]}), mode="overwrite", storage_options=options)
    assert rows(local) == [[9, "z"]]
    changed = local.post(f"/warehouse_tables/{answer.json()['id']}/update_schema", json={"updates": {"id": "float"}})
    assert (changed.status_code, types(changed.json())["id"]) == (200, "float")
    assert rows(local) == [[9.0, "z"]]


def test_what_cannot_be_read_is_refused_in_words_and_not_stored(local: Api, bucket: Bucket) -> None:
    ragged, empty = bucket.put("ragged.csv", "a,b\n1,2\n3\n"), bucket.put("empty.csv", "")
    cases = [
        (f"{bucket.address}/none.csv", "CSVWithNames", "No file was found."),
        (f"{bucket.address}/none-*.csv", "CSVWithNames", "No file was found, or all are empty."),
        (f"{bucket.server}/no-such-bucket/a.csv", "CSVWithNames", "No file was found."),
        (ragged, "CSVWithNames", "The rows of the file do not all have the same number of values."),
        (ragged, "Parquet", "The file is not a Parquet file."),
        (ragged, "JSONEachRow", "The file is not one JSON object per line."),
        (empty, "CSVWithNames", "No file was found, or all are empty."),
        (f"{bucket.address}/lake", "Delta", "No Delta table was found."),
        ("http://127.0.0.1:9/bucket/a.csv", "CSVWithNames", "The storage could not be reached."),
    ]
    for url, file_format, text in cases:
        answer = link(local, url, bucket.credential, file_format=file_format)
        assert (answer.status_code, answer.json()["detail"]) == (400, text), (url, file_format)
        assert answer.json()["attr"] == "url_pattern"
    assert local.get("/warehouse_tables").json()["count"] == 0
    with local.house.store.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM warehouse_credentials").scalar() == 0


def test_addresses_of_the_inside_are_refused(api: Api) -> None:
    cases = {
        "http://bucket.s3.amazonaws.com/x.csv": "URL pattern must use https.",
        "ftp://bucket.s3.amazonaws.com/x.csv": "URL pattern must use https.",
        "file:///etc/passwd": "URL pattern must use https.",
        "/etc/passwd": "URL pattern must use https.",
        "https:///x.csv": "URL pattern must have a hostname.",
        "https://localhost/bucket/x.csv": "URL pattern hostname is not allowed.",
        "https://127.0.0.1/bucket/x.csv": "URL pattern hostname must not resolve to internal IP ranges.",
        "https://[::ffff:10.0.0.1]/bucket/x.csv": "URL pattern hostname must not resolve to internal IP ranges.",
        "https://169.254.169.254/latest/x.csv": "URL pattern hostname must not resolve to internal IP ranges.",
        "https://no-such-host.invalid/bucket/x.csv": "URL pattern hostname could not be resolved.",
        "https://user:pw@example.com/bucket/x.csv": "URL pattern must not contain credentials.",
        f"https://{PUBLIC}/buck*et/x.csv": "URL pattern must name a bucket without wildcards or percent-encoding.",
        f"https://{PUBLIC}/buck%65t/x.csv": "URL pattern must name a bucket without wildcards or percent-encoding.",
        f"https://{PUBLIC}/{{a,b}}/x.csv": "URL pattern must name a bucket without wildcards or percent-encoding.",
        f"https://{PUBLIC}/bucket": "URL pattern must name a file or folder in the bucket.",
        f"https://{PUBLIC}/bucket/x.csv#a": "URL pattern must not contain a fragment.",
    }
    for url, text in cases.items():
        answer = link(api, url, KEYS)
        assert (answer.status_code, answer.json()["detail"], answer.json()["attr"]) == (400, text, "url_pattern"), url
    assert api.get("/warehouse_tables").json()["count"] == 0


def test_what_is_said_of_a_table_is_checked(api: Api) -> None:
    good = {"name": "t", "format": "CSV", "url_pattern": f"https://{PUBLIC}/bucket/x.csv", "credential": KEYS}
    cases: list[tuple[dict[str, Any], str | None, str]] = [
        ({"credential": None}, "credential", "Credentials are required"),
        ({"credential": {}}, "credential", _REQUIRED),
        ({"credential": {"access_key": "a"}}, "credential", _REQUIRED),
        ({"credential": {"access_key": "a", "access_secret": None}}, "credential", _REQUIRED),
        ({"credential": {"access_key": " ", "access_secret": "b"}}, "credential", _BLANK),
        ({"credential": {"access_key": 1, "access_secret": "b"}}, "credential", _STRINGS),
        ({"name": ""}, "name", "This field may not be blank."),
        ({"name": "x" * 129}, "name", "Ensure this field has no more than 128 characters."),
        ({"name": "a b"}, "name", "Table names must start with"),
        ({"name": "a..b"}, "name", "Table names must start with"),
        ({"name": "persons"}, "name", '"persons" is the name of a built-in table.'),
        ({"name": "system.tables"}, "name", '"system.tables" is the name of a built-in table.'),
        ({"name": None}, "name", "This field may not be null."),
        ({"format": "XLS"}, "format", '"XLS" is not a valid choice.'),
        ({"url_pattern": "https://x/" + "y" * 500}, "url_pattern", "Ensure this field has no more than 500"),
    ]  # fmt: skip
    for change, attr, text in cases:
        answer = api.post("/warehouse_tables/", json={**good, **change})
        body = answer.json()
        assert (answer.status_code, body["attr"], body["detail"][: len(text)]) == (400, attr, text), change
    for missing in ("name", "format", "url_pattern"):
        answer = api.post("/warehouse_tables/", json={key: value for key, value in good.items() if key != missing})
        assert (answer.status_code, answer.json()["attr"], answer.json()["code"]) == (400, missing, "required")


class Names:
    """A resolver whose answers can be changed, and an application's warehouse with a strict guard that asks it."""

    def __init__(self, house: House) -> None:
        self.answers: dict[str, frozenset[str]] = {}
        guard = OutgoingGuard(resolver=lambda host, _port: self.answers[host], seconds=0)
        backends = Backends(house.store, house.secrets, house.engine, house.files)
        self.warehouse = open_warehouse(backends, house.settings, guard=guard)


@pytest.fixture
def named(local: Api, bucket: Bucket) -> Callable[[str], Any]:
    """A catalog under a strict guard, where the one linked table's name resolves to what is said."""
    link(local, bucket.put("a.csv", "id\n1\n"), bucket.credential)
    with local.house.store.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE warehouse_tables SET url_pattern = 'https://moving.example/b/a.csv'"
        )
    names = Names(local.house)

    def fetch(address: str) -> Any:
        names.answers["moving.example"] = frozenset({address})
        for loaded in names.warehouse.catalogs._memory._entries.values():
            loaded[2].checked_at = 0.0
        return local.call(names.warehouse.catalogs.fetch, local.project_id)

    return fetch


def test_a_name_that_is_pointed_inside_later_is_not_read(named: Callable[[str], Any]) -> None:
    first = named(PUBLIC)
    assert "t" in first.tables
    assert named(PUBLIC) is first
    assert "t" not in named("10.0.0.1").tables
    assert named(PUBLIC) is first


def test_columns_are_found_again(local: Api, bucket: Bucket) -> None:
    table = link(local, bucket.put("a.csv", "id\n1\n"), bucket.credential).json()
    bucket.put("a.csv", "id,more\n1,2.5\n")
    answer = local.post(f"/warehouse_tables/{table['id']}/refresh_schema")
    assert (answer.status_code, types(answer.json())) == (200, {"id": "integer", "more": "float"})
    assert rows(local) == [[1, 2.5]]
    bucket.client.delete_object(Bucket=bucket.name, Key="a.csv")
    answer = local.post(f"/warehouse_tables/{table['id']}/refresh_schema")
    assert (answer.status_code, answer.json()["detail"]) == (400, "No file was found.")
    assert types(local.get(f"/warehouse_tables/{table['id']}").json()) == {"id": "integer", "more": "float"}


def test_columns_get_other_types_and_say_whether_values_fit(local: Api, bucket: Bucket) -> None:
    table = link(local, bucket.put("a.csv", "id,v\n1,x\n"), bucket.credential).json()
    update = f"/warehouse_tables/{table['id']}/update_schema"
    assert local.post(update, json={}).json() == table
    assert local.post(update).json() == table
    changed = local.post(update, json={"updates": {"id": "float"}}).json()
    assert [(c["name"], c["type"], c["schema_valid"]) for c in changed["columns"]] == [
        ("id", "float", True),
        ("v", "string", True),
    ]
    assert "`id` Nullable(Float64)" in backing(local).structure
    changed = local.post(update, json={"updates": {"v": "integer"}}).json()
    assert [c["schema_valid"] for c in changed["columns"]] == [True, False]
    for updates, text in (
        ({"nope": "float"}, "Column nope does not exist on table"),
        ({"id": "money"}, "Can not parse type money for column id - type does not exist"),
        ({"id": 5}, "Can not parse type 5 for column id - type does not exist"),
    ):
        answer = local.post(update, json={"updates": updates})
        assert (answer.status_code, answer.json()["message"]) == (400, text)
    assert local.post(update, json={"updates": ["id"]}).status_code == 400


def test_credentials_change_whole_or_in_part(local: Api, bucket: Bucket) -> None:
    table = link(local, bucket.put("a.csv", "id\n1\n"), bucket.credential).json()
    path = f"/warehouse_tables/{table['id']}"
    for given in (
        None,
        {},
        {"access_key": None, "access_secret": None},
        {"access_key": ""},
        {"access_key": "a", "access_secret": " "},
    ):
        answer = local.patch(path, json={"credential": given})
        assert (answer.status_code, answer.json()["attr"]) == (400, "credential"), given
    assert backing(local).arguments[1:3] == tuple(bucket.credential.values())
    assert local.patch(path, json={"credential": bucket.credential}).json()["credential"] == table["credential"]
    answer = local.patch(path, json={"credential": {"access_secret": "another"}})
    if bucket.looks_at_keys:
        assert (answer.status_code, answer.json()["attr"]) == (400, "credential")
        return
    changed = answer.json()
    assert changed["credential"]["id"] != table["credential"]["id"]
    assert backing(local).arguments[1:3] == (bucket.credential["access_key"], "another")
    with local.house.store.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM warehouse_credentials").scalar() == 1


def test_keys_that_open_nothing_are_to_be_mended(local: Api, locked_store: tuple[str, dict[str, str]]) -> None:
    address, keys = locked_store
    url = f"{address}/locked/t/1.csv"
    good = {"access_key": keys["reader_key"], "access_secret": keys["reader_secret"]}
    table = link(local, url, good).json()
    path = f"/warehouse_tables/{table['id']}"
    for given in (
        {"access_secret": "another"},
        {"access_key": "AKIAIOSFODNN7EXAMPLE"},
        {"access_key": keys["nobody_key"], "access_secret": keys["nobody_secret"]},
    ):
        for answer in (local.patch(path, json={"credential": given}), link(local, url, {**good, **given}, "other")):
            told = (answer.status_code, answer.json()["attr"], answer.json()["detail"])
            assert told == (400, "credential", "Access to the file was denied."), given
    assert (local.get(path).json(), rows(local)) == (table, [[1]])


def test_a_changed_address_is_tried_out_first(local: Api, bucket: Bucket) -> None:
    table = link(local, bucket.put("a.csv", "id\n1\n"), bucket.credential).json()
    path = f"/warehouse_tables/{table['id']}"
    answer = local.patch(path, json={"url_pattern": f"{bucket.address}/none.csv", "name": "renamed"})
    assert (answer.status_code, local.get(path).json()) == (400, table)
    other = bucket.put("b.csv", "x,y\n1,2\n")
    changed = local.patch(path, json={"url_pattern": other}).json()
    assert (changed["url_pattern"], types(changed)) == (other, {"x": "integer", "y": "integer"})
    whole = {"name": "t", "format": "CSV", "url_pattern": other}
    headless = {**whole, "url_pattern": bucket.put("c.csv", "1,2\n3,4\n")}
    assert types(local.put(path, json=headless).json()) == {"c1": "integer", "c2": "integer"}
    assert local.put(path, json={"name": "t"}).json()["code"] == "required"


def test_redirects_of_a_bucket_lead_nowhere(local: Api) -> None:
    """The server answers every request with a redirect to another port, which must not be called."""
    called: list[int] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.server.server_address[1])
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{inside.server_address[1]}/bucket/a.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    outside, inside = (ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) for _ in range(2))
    for server in (outside, inside):
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        for file_format in ("CSVWithNames", "Parquet", "Delta"):
            url = f"http://127.0.0.1:{outside.server_address[1]}/bucket/a"
            assert link(local, url, KEYS, file_format=file_format).status_code == 400
        assert set(called) == {outside.server_address[1]}
    finally:
        for server in (outside, inside):
            server.shutdown()
            server.server_close()
