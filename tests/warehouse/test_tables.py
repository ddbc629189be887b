"""Tables of a project: lists, single ones, names, changes of uploaded ones, deletion, scopes."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import orjson

from hedgerow.engine.result import Query
from tests.support.apps import Api


def upload(api: Api, name: str, content: bytes = b"id,v\n1,x\n") -> dict[str, Any]:
    answer = api.post("/warehouse_tables/file", data={"name": name}, files={"file": ("t.csv", content)})
    assert answer.status_code == 201, answer.text
    table: dict[str, Any] = answer.json()
    return table


def test_lists_have_pages_and_a_search(api: Api) -> None:
    assert api.get("/warehouse_tables/").json() == {"count": 0, "next": None, "previous": None, "results": []}
    for name in ("alpha_one", "alpha_two", "beta"):
        upload(api, name)
    listed = api.get("/warehouse_tables").json()
    assert [table["name"] for table in listed["results"]] == ["beta", "alpha_two", "alpha_one"]
    page = api.get("/warehouse_tables?limit=2").json()
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    assert [table["name"] for table in api.get(page["next"]).json()["results"]] == ["alpha_one"]
    for search, found in (("ALPHA", 2), ("alpha one", 1), ("a%", 0), ("_", 2), ("nope", 0)):
        assert api.get("/warehouse_tables", params={"search": search}).json()["count"] == found, search
    bare = api.get("/warehouse_tables?include_columns=false").json()["results"][0]
    assert "columns" not in bare
    assert bare["id"] == listed["results"][0]["id"]


def test_tables_of_other_projects_are_not_there(api: Api) -> None:
    table = upload(api, "t")
    other = api.other_project()
    assert other.get("/warehouse_tables").json()["count"] == 0
    path = f"/warehouse_tables/{table['id']}"
    assert other.get(path).status_code == 404
    assert other.patch(path, json={"name": "x"}).status_code == 404
    assert other.delete(path).status_code == 404
    assert other.post(f"{path}/refresh_schema").status_code == 404
    assert upload(other, "t")["id"] != table["id"]
    for unknown in (str(uuid4()), "not-an-id", "0"):
        answer = api.get(f"/warehouse_tables/{unknown}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_both_mounts_and_the_slash(api: Api) -> None:
    table = upload(api, "t")
    for mount in ("projects", "environments"):
        for project in (str(api.project_id),):
            for slash in ("", "/"):
                answer = api.get(f"/api/{mount}/{project}/warehouse_tables/{table['id']}{slash}")
                assert answer.json()["id"] == table["id"]


def test_names_are_of_one_table_only(api: Api) -> None:
    first, second = upload(api, "first"), upload(api, "second")
    path = f"/warehouse_tables/{second['id']}"
    answer = api.patch(path, json={"name": "first"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "A table with this name already exists.")
    assert answer.json()["attr"] == "name"
    assert api.patch(path, json={"name": "second"}).status_code == 200
    assert api.patch(path, json={"name": "space.third"}).json()["name"] == "space.third"
    assert api.patch(path, json={"name": "events"}).status_code == 400
    assert api.delete(f"/warehouse_tables/{first['id']}").status_code == 204
    assert api.patch(path, json={"name": "first"}).json()["name"] == "first"
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    assert set(catalog.tables) == {"first"}


def test_two_renames_to_one_name_at_once(api: Api) -> None:
    tables = [upload(api, f"t{number}") for number in range(4)]

    async def rename_all() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://testserver") as client:
            headers = {"Authorization": f"Bearer {api.key}"}
            paths = [api.url(f"/warehouse_tables/{table['id']}") for table in tables]
            answers = await asyncio.gather(
                *(client.patch(path, json={"name": "same"}, headers=headers) for path in paths)
            )
            return [answer.status_code for answer in answers]

    assert sorted(api.call(rename_all)) == [200, 400, 400, 400]


def test_what_cannot_be_changed_is_passed_over_or_refused(api: Api) -> None:
    table = upload(api, "t")
    path = f"/warehouse_tables/{table['id']}"
    assert api.patch(path, json={"id": str(uuid4()), "created_at": "2020-01-01", "unknown": 1}).json() == table
    same = {"name": "t", "format": "CSVWithNames", "url_pattern": table["url_pattern"], "credential": None}
    assert api.put(path, json=same).json() == table
    for change, attr in (
        ({"format": "Parquet"}, "format"),
        ({"url_pattern": "https://example.com/b/x"}, "url_pattern"),
        ({"credential": {"access_key": "a", "access_secret": "b"}}, "credential"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
    ):
        answer = api.patch(path, json=change)
        assert (answer.status_code, answer.json()["attr"]) == (400, attr), change
    assert api.patch(path, json={"options": {"csv_allow_double_quotes": True}}).json()["options"] == {
        "csv_allow_double_quotes": True
    }


def test_types_of_an_uploaded_table_apply_to_its_rows(api: Api) -> None:
    table = upload(api, "t", b"code,amount,at,doc\n007,1.5,2026-01-01,{}\n")
    assert [c["type"] for c in table["columns"]] == ["integer", "float", "date", "string"]
    path = f"/warehouse_tables/{table['id']}"
    updates = {"code": "string", "amount": "decimal", "at": "datetime", "doc": "json"}
    changed = api.post(f"{path}/update_schema", json={"updates": updates})
    assert [c["type"] for c in changed.json()["columns"]] == list(updates.values())
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    physical = catalog.tables["t"].backing
    query = Query(f"SELECT code, amount FROM {physical.database}.{physical.table}")
    assert orjson.loads(api.call(api.house.engine.run, query).rows)[0] == "007"
    before = api.get(path).json()
    refused = api.post(f"{path}/update_schema", json={"updates": {"doc": "integer"}})
    assert refused.status_code == 400
    assert "Row 1" in refused.json()["message"]
    assert api.get(path).json() == before
    again = api.post(f"{path}/refresh_schema").json()
    assert [c["type"] for c in again["columns"]] == ["integer", "float", "date", "string"]


def test_deleted_tables_are_gone(api: Api) -> None:
    table = upload(api, "t")
    path = f"/warehouse_tables/{table['id']}"
    answer = api.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (api.get(path), api.delete(path), api.patch(path, json={"name": "x"})):
        assert gone.status_code == 404
    catalog = api.call(api.house.warehouse.catalogs.fetch, api.project_id)
    assert catalog.tables == {}
    assert upload(api, "t")["id"] != table["id"]
    marked = upload(api, "marked")
    assert api.patch(f"/warehouse_tables/{marked['id']}", json={"deleted": True}).json()["deleted"] is True
    assert api.get(f"/warehouse_tables/{marked['id']}").status_code == 404


def test_scopes(api: Api) -> None:
    table = upload(api, "t")
    path = f"/warehouse_tables/{table['id']}"
    view = api.with_key(api.make_key(["warehouse_view:read"]))
    answer = view.get("/warehouse_tables")
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "API key missing required scope 'warehouse_table:read'",
    )
    reader = api.with_key(api.make_key(["warehouse_table:read"]))
    assert reader.get(path).status_code == 200
    for refused in (
        reader.patch(path, json={"name": "x"}),
        reader.put(path, json={}),
        reader.delete(path),
        reader.post("/warehouse_tables", json={}),
        reader.post(f"{path}/refresh_schema"),
        reader.post(f"{path}/update_schema"),
        reader.post("/warehouse_tables/file"),
    ):
        assert refused.status_code == 403, refused.request.url
    assert api.with_key(None).get(path).status_code == 401


def rows_of(api: Api, sql: str) -> list[list[Any]]:
    answer = api.post("/query", json={"query": {"kind": "HogQLQuery", "query": sql}})
    assert answer.status_code == 200, answer.text
    rows: list[list[Any]] = answer.json()["results"]
    return rows


def sorted_by(api: Api, name: str) -> str:
    table = api.call(api.house.warehouse.catalogs.fetch, api.project_id).tables[name].backing
    sql = f"SELECT sorting_key FROM system.tables WHERE database = '{table.database}' AND name = '{table.table}'"
    found: str = orjson.loads(api.call(api.house.engine.run, Query(sql)).rows)[0]
    return found.strip("()")


def send(api: Api, content: bytes, options: Any, name: str = "t") -> httpx.Response:
    form = {"name": name, "options": options if isinstance(options, str) else orjson.dumps(options).decode()}
    return api.post("/warehouse_tables/file", data=form, files={"file": ("t.csv", content)})


def test_rows_are_sorted_by_the_columns_said(api: Api) -> None:
    content = b"id,`v w\n3,c\n1,\n,b\n".replace(b"`", b"")
    made = send(api, content, {"order_by": ["v w", "id"]})
    assert made.json()["options"] == {"order_by": ["v w", "id"]}
    assert sorted_by(api, "t") == "`v w`, id"
    assert rows_of(api, "SELECT id FROM t WHERE `v w` = 'c'") == [[3]]
    assert rows_of(api, "SELECT id FROM t WHERE id IS NULL OR `v w` IS NULL ORDER BY id") == [[1], [None]]
    # New rows and new types keep the order; it can be changed and taken back.
    assert upload(api, "t", content)["options"] == {"order_by": ["v w", "id"]}
    path = f"/warehouse_tables/{made.json()['id']}"
    assert api.post(f"{path}/update_schema", json={"updates": {"id": "string"}}).status_code == 200
    assert sorted_by(api, "t") == "`v w`, id"
    changed = api.patch(path, json={"options": {"order_by": ["id"]}, "name": "renamed"}).json()
    assert (changed["name"], changed["options"]) == ("renamed", {"order_by": ["id"]})
    assert sorted_by(api, "renamed") == "id"
    assert [c["type"] for c in changed["columns"]] == ["string", "string"]
    assert api.patch(path, json={"options": {"order_by": None}}).json()["options"] == {}
    assert sorted_by(api, "renamed") == ""


def test_a_sort_key_must_be_of_the_files_columns(api: Api) -> None:
    content = b'{"id": 1, "tags": ["a"], "o": {"x": 1}}\n'
    for options, attr in (
        ({"order_by": ["nope"]}, "options__order_by"),
        ({"order_by": ["id", "id"]}, "options__order_by"),
        ({"order_by": ["tags"]}, "options__order_by"),
        ({"order_by": ["o"]}, "options__order_by"),
        ({"order_by": "id"}, "options__order_by"),
        ({"order_by": [1]}, "options__order_by__0"),
        ({"order_by": ["id"] * 17}, "options__order_by"),
        ({"csv_allow_double_quotes": "perhaps"}, "options__csv_allow_double_quotes"),
        ("no json", "options"),
        ("[]", "options"),
    ):
        form = {"format": "JSONEachRow", "options": options if isinstance(options, str) else orjson.dumps(options)}
        answer = api.post("/warehouse_tables/file", data={"name": "t"} | form, files={"file": ("t.json", content)})
        assert (answer.status_code, answer.json()["attr"]) == (400, attr), (options, answer.text)
    assert api.get("/warehouse_tables").json()["count"] == 0
    table = upload(api, "t")
    answer = api.patch(f"/warehouse_tables/{table['id']}", json={"options": {"order_by": ["nope"]}, "name": "x"})
    assert (answer.status_code, answer.json()["attr"]) == (400, "options__order_by")
    assert answer.json()["detail"] == "The file has no column nope to sort by."
    assert api.get(f"/warehouse_tables/{table['id']}").json() == table


def test_double_quotes_of_an_uploaded_file_are_part_of_values_where_said(api: Api) -> None:
    content = b'"size",note\n5" pipe,"a"\n'
    assert rows_of_upload(api, send(api, content, {"csv_allow_double_quotes": False})) == [['5" pipe', '"a"']]
    again = send(api, content, {"csv_allow_double_quotes": None})
    assert rows_of_upload(api, again) == [['5" pipe', "a"]]
    path = f"/warehouse_tables/{again.json()['id']}"
    changed = api.patch(path, json={"options": {"csv_allow_double_quotes": False}})
    assert [column["name"] for column in changed.json()["columns"]] == ['"size"', "note"]
    assert rows_of(api, "SELECT * FROM t") == [['5" pipe', '"a"']]


def rows_of_upload(api: Api, answer: httpx.Response) -> list[list[Any]]:
    assert answer.status_code == 201, answer.text
    return rows_of(api, "SELECT * FROM t")
