"""Tables are selected from by name, wherever their rows are, and tell no secrets when they fail."""

from typing import Any

import orjson
import pytest

from hedgerow.engine.errors import EngineError
from hedgerow.engine.result import Query
from hedgerow.kit.errors import HedgerowError
from hedgerow.language.query.pipeline import CompileOptions, compile_query
from tests.support.apps import Api, MakeApi
from tests.support.buckets import Bucket


@pytest.fixture
def local(make_app: MakeApi) -> Api:
    return make_app(allow_private_hosts=True)


def select(api: Api, text: str) -> list[list[Any]]:
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    compiled = compile_query(text, catalog, CompileOptions(look_ahead=False))
    answer = api.call(api.house.engine.run, Query(compiled.sql, compiled.parameters))
    return [orjson.loads(line) for line in answer.rows.splitlines()]


def upload(api: Api, name: str, content: bytes) -> dict[str, Any]:
    answer = api.post("/warehouse_tables/file", data={"name": name}, files={"file": ("t.csv", content)})
    assert answer.status_code == 201, answer.text
    table: dict[str, Any] = answer.json()
    return table


def link(api: Api, bucket: Bucket, name: str, url: str) -> None:
    body = {"name": name, "format": "CSVWithNames", "url_pattern": url, "credential": bucket.credential}
    answer = api.post("/warehouse_tables", json=body)
    assert answer.status_code == 201, answer.text


def test_uploaded_and_linked_tables_are_joined(local: Api, bucket: Bucket) -> None:
    upload(local, "orders", b"id,customer,price\n1,a,1.5\n2,b,2.5\n3,a,4\n")
    link(local, bucket, "shop.customers", bucket.put("c/1.csv", "code,name\na,Ann\nb,Bob\n"))
    found = select(
        local,
        "SELECT c.name, sum(o.price) AS total FROM orders o JOIN shop.customers c ON o.customer = c.code "
        "GROUP BY c.name ORDER BY total DESC",
    )
    assert found == [["Ann", 5.5], ["Bob", 2.5]]


def test_any_name_of_a_column_can_be_asked_for(api: Api) -> None:
    names = ["two words", "ключ", "a.b", "select", "1st", 'quo"te', "it's", "{curly}", "$x", "id", "ID"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in [*names, "share %"])
    upload(api, "t", f"{header}\n{','.join(map(str, range(len(names) + 1)))}\n".encode())
    for number, name in enumerate(names):
        assert select(api, f"SELECT `{name}` FROM t") == [[number]], name
    assert select(api, "SELECT * FROM t") == [list(range(len(names) + 1))]


def test_a_new_type_is_read_at_once(local: Api, bucket: Bucket) -> None:
    link(local, bucket, "t", bucket.put("a.csv", "zip\n007\n"))
    assert select(local, "SELECT zip FROM t") == [[7]]
    (table,) = local.get("/warehouse_tables").json()["results"]
    local.post(f"/warehouse_tables/{table['id']}/update_schema", json={"updates": {"zip": "string"}})
    assert select(local, "SELECT zip FROM t") == [["007"]]


def test_tables_of_other_projects_cannot_be_named(api: Api) -> None:
    upload(api, "t", b"id\n1\n")
    (physical,) = api.call(api.house.engine.tables, f"p{api.project_id}")
    other = api.other_project()
    for name in ("t", f"p{api.project_id}.{physical}", f"`p{api.project_id}`.`{physical}`", physical):
        with pytest.raises(HedgerowError):
            select(other, f"SELECT * FROM {name}")


def test_a_failing_bucket_tells_no_secret(local: Api, bucket: Bucket) -> None:
    link(local, bucket, "t", bucket.put("a.csv", "id\n1\n"))
    bucket.client.delete_object(Bucket=bucket.name, Key="a.csv")
    with pytest.raises(EngineError) as caught:
        select(local, "SELECT * FROM t")
    assert not [secret for secret in bucket.credential.values() if secret in str(caught.value)]
    catalog = local.call(local.house.warehouse.catalogs.fetch, local.project_id)
    compiled = compile_query("SELECT * FROM t", catalog, CompileOptions())
    assert not [secret for secret in bucket.credential.values() if secret in compiled.sql or secret in compiled.hogql]


def _link_quoted(api: Api, bucket: Bucket, options: dict[str, Any]) -> dict[str, Any]:
    url = bucket.put("q.csv", 'id,note\n1,"a"\n2,5" pipe\n')
    body = {"name": "raw", "format": "CSVWithNames", "url_pattern": url, "credential": bucket.credential}
    answer = api.post("/warehouse_tables", json=body | {"options": options})
    assert answer.status_code == 201, answer.text
    table: dict[str, Any] = answer.json()
    return table


QUOTES = "SELECT r.note, q.note FROM raw AS r {} JOIN quoted AS q ON r.id = q.id WHERE r.id < 10 ORDER BY r.id"
KEPT = [['"a"', "a"], ['5" pipe', '5" pipe']]


@pytest.mark.parametrize("join", ["", "LEFT", "RIGHT", "FULL"])
def test_each_linked_table_has_its_own_quotes(local: Api, bucket: Bucket, join: str) -> None:
    table = _link_quoted(local, bucket, {"csv_allow_double_quotes": False})
    assert table["options"] == {"csv_allow_double_quotes": False}
    link(local, bucket, "quoted", bucket.put("q.csv", 'id,note\n1,"a"\n2,5" pipe\n'))
    assert select(local, QUOTES.format(join)) == KEPT
    assert select(local, "SELECT count() FROM raw WHERE note IN (SELECT note FROM quoted)") == [[1]]
    assert select(local, "WITH x AS (SELECT note FROM raw) SELECT note FROM x ORDER BY note LIMIT 1") == [['"a"']]
    path = f"/warehouse_tables/{table['id']}"
    assert local.patch(path, json={"options": {"csv_allow_double_quotes": None}}).json()["options"] == {}
    assert select(local, "SELECT note FROM raw ORDER BY id LIMIT 1") == [["a"]]


@pytest.mark.parametrize("engine_name", ["clickhouse_engine", "cluster_engine"])
def test_each_linked_table_has_its_own_quotes_on_a_server(
    local: Api, bucket: Bucket, request: pytest.FixtureRequest, engine_name: str
) -> None:
    engine = request.getfixturevalue(engine_name)
    _link_quoted(local, bucket, {"csv_allow_double_quotes": False})
    link(local, bucket, "quoted", bucket.put("q.csv", 'id,note\n1,"a"\n2,5" pipe\n'))
    catalog = local.call(local.house.warehouse.catalogs.fetch, local.project_id)
    compiled = compile_query(QUOTES.format(""), catalog, CompileOptions(look_ahead=False))
    answer = local.call(engine.run, Query(compiled.sql, compiled.parameters))
    assert [orjson.loads(line) for line in answer.rows.splitlines()] == KEPT


def test_linked_tables_are_not_sorted(local: Api, bucket: Bucket) -> None:
    url = bucket.put("q.csv", "id\n1\n")
    body = {"name": "t", "format": "CSVWithNames", "url_pattern": url, "credential": bucket.credential}
    refused = local.post("/warehouse_tables", json=body | {"options": {"order_by": ["id"]}})
    assert (refused.status_code, refused.json()["attr"]) == (400, "options__order_by")
    made = local.post("/warehouse_tables", json=body | {"options": {"order_by": []}}).json()
    refused = local.patch(f"/warehouse_tables/{made['id']}", json={"options": {"order_by": ["id"]}})
    assert (refused.status_code, refused.json()["attr"]) == (400, "options__order_by")
