"""Queries over direct sources, on real PostgreSQL and MariaDB: rows, names, joins, and what goes wrong there."""

from typing import Any

import pytest

from tests.sources.conftest import rows
from tests.sources.direct.conftest import Shop, ask, body, connect, found
from tests.support.apps import Api


def test_rows_are_those_of_the_moment(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    answer = ask(api, source, "select id, name, joined, born from users order by id").json()
    assert answer["results"] == [
        [1, "Ada", "2026-01-01T10:00:00.000000Z", "1900-01-01"],
        [2, "Grace", "2026-02-01T10:00:00.000000Z", "1906-12-09"],
        [3, "Edsger", None, "1930-05-11"],
    ]
    assert [kind for _, kind in answer["types"]] == [
        "Nullable(Int32)",
        "Nullable(String)",
        "Nullable(DateTime64(6, 'UTC'))",
        "Nullable(Date32)",
    ]
    shop.do("UPDATE users SET name = 'Ada L.' WHERE id = 1", "DELETE FROM users WHERE id = 2")
    assert found(api, source, "select id, name from users order by id") == [[1, "Ada L."], [3, "Edsger"]]
    assert found(api, source, "select count() from users") == [[2]]
    shop.do("DELETE FROM users")
    assert found(api, source, "select id, name from users") == []
    assert found(api, source, "select count() from users") == [[0]]


def test_tables_have_the_remote_s_names(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    assert found(api, source, f"select count() from {shop.space}.users") == [[3]]
    joined = f"select u.name, o.price from users u join {shop.space}.orders o on o.user_id = u.id order by o.id"
    assert found(api, source, joined) == [["Ada", 1.5], ["Grace", 2.5], ["Ada", 4.0]]
    using = "select id, name, note from users join orders using (id) order by id"
    assert found(api, source, using) == [[1, "Ada", "a"], [2, "Grace", None], [3, "Edsger", "A"]]
    assert found(api, source, "select id from users where id in (select user_id from orders) order by id") == [[1], [2]]
    twice = "select a.id, b.id from users a join users b on b.id = a.id + 1 where a.id = 1"
    assert found(api, source, twice) == [[1, 2]]
    hidden = ask(api, source, "select * from secrets")
    assert (hidden.status_code, hidden.json()["detail"]) == (400, "Unknown table `secrets`.")


def test_the_project_s_own_tables_join_in(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    view = {"name": "prices", "query": {"kind": "HogQLQuery", "query": "select 1 as id, 9 as price"}}
    assert api.post("/warehouse_saved_queries", json=view).status_code == 201
    joined = "select u.name, p.price from users u join prices p on p.id = u.id"
    assert found(api, source, joined) == [["Ada", 9]]
    named = {"name": "orders", "query": {"kind": "HogQLQuery", "query": "select 7 as id"}}
    above = {"name": "above", "query": {"kind": "HogQLQuery", "query": "select id from orders"}}
    for each in (named, above):
        assert api.post("/warehouse_saved_queries", json=each).status_code == 201
    assert found(api, source, "select count() from orders") == [[3]]  # of two of one name, the connection's
    assert found(api, source, "select id from above") == [[7]]  # and a view reads what it always read
    assert rows(api, "select id from above") == [[7]]
    link = {"source_table_name": "prices", "source_table_key": "price", "joining_table_name": "orders"}
    link |= {"joining_table_key": "id", "field_name": "order"}
    assert api.post("/warehouse_view_links", json=link).status_code == 201
    assert found(api, source, "select order.id from prices") == [[None]]  # as does a saved join
    other = api.post("/query", json={"query": {"kind": "HogQLQuery", "query": "select * from users"}})
    assert (other.status_code, other.json()["detail"]) == (400, "Unknown table `users`.")


def test_many_tables_are_read_for_one_query(api: Api, shop: Shop) -> None:
    names = [f"part_{number}" for number in range(9)]
    shop.do(*(f"CREATE TABLE {name} AS SELECT {number} AS id" for number, name in enumerate(names)))
    source = connect(api, shop, *names)
    union = " union all ".join(f"select id from {name}" for name in names)
    assert found(api, source, f"select count(), sum(id) from ({union})") == [[9, 36]]


def test_variables_and_looks_at_queries(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    variables = {"v": {"code_name": "who", "value": "Grace"}}
    answer = ask(api, source, "select id from users where name = {variables.who}", variables=variables)
    assert answer.json()["results"] == [[2]]

    def look(query: str) -> Any:
        told = {"kind": "HogQLMetadata", "language": "hogQL", "query": query, "connectionId": source["id"]}
        return api.post("/query", json={"query": told}).json()

    assert look("select id from users limit 1")["isValid"]
    assert look("select id from users limit 1")["table_names"] == ["users"]
    assert "nope" in look("select nope from users")["errors"][0]["message"]
    schema = api.post("/query", json={"query": {"kind": "DatabaseSchemaQuery", "connectionId": source["id"]}}).json()
    users = schema["tables"]["users"]
    assert (users["type"], users["source"]["id"]) == (f"direct_{shop.source_type.lower()}", source["id"])
    assert {name: field["type"] for name, field in users["fields"].items()} == {
        "id": "integer",
        "name": "string",
        "joined": "datetime",
        "born": "date",
    }
    plain = api.post("/query", json={"query": {"kind": "DatabaseSchemaQuery"}}).json()
    assert "users" not in plain["tables"]


@pytest.mark.parametrize("connection", ["nope", "00000000-0000-0000-0000-000000000000", ""])
def test_unknown_connections_are_refused(api: Api, connection: str) -> None:
    for query in (
        {"kind": "HogQLQuery", "query": "select 1", "connectionId": connection},
        {"kind": "DatabaseSchemaQuery", "connectionId": connection},
    ):
        answer = api.post("/query", json={"query": query})
        assert (answer.status_code, answer.json()["attr"]) == (400, "query__connectionId")
        assert answer.json()["detail"].startswith("Invalid connectionId")


def test_other_projects_and_synced_sources_are_no_connections(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    assert ask(api.other_project(), source, "select 1").json()["attr"] == "query__connectionId"
    full = [{"name": "users", "should_sync": False}]
    warehouse = api.post(
        "/external_data_sources",
        json={"source_type": shop.source_type, "payload": {**shop.payload, "schemas": full}},
    )
    assert warehouse.status_code == 201, warehouse.text
    assert ask(api, warehouse.json(), "select 1").json()["attr"] == "query__connectionId"
    raw = ask(api, source, "select 1", sendRawQuery=True)
    assert (raw.status_code, raw.json()["attr"]) == (400, "query__sendRawQuery")


def test_what_the_remote_says_is_told(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    shop.do("DROP TABLE orders", "ALTER TABLE users DROP COLUMN name", "ALTER TABLE users ADD COLUMN name integer")
    gone = ask(api, source, "select * from orders")
    assert (gone.status_code, gone.json()["attr"]) == (400, "query__connectionId")
    assert gone.json()["detail"] == "My shop: There is no table orders that this user may read."
    other = ask(api, source, "select name from users")
    assert (other.status_code, other.json()["code"]) == (400, "schema_changed")
    assert "refresh_schemas" in other.json()["detail"]
    assert found(api, source, "select count() from users") == [[3]]  # the rest goes on
    looked = api.post(f"/external_data_sources/{source['id']}/refresh_schemas").json()
    assert looked == {"added": 0, "deleted": 1, "total_tables_seen": 2}
    assert found(api, source, "select name from users where id = 1") == [[None]]
    assert ask(api, source, "select * from orders").json()["detail"] == "Unknown table `orders`."


def test_no_table_is_left_behind(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    found(api, source, "select * from users join orders on orders.user_id = users.id")
    assert ask(api, source, "select id from users where throwIf(id = 2)").status_code == 400
    assert ask(api, source, "select intDiv(1, id - 1) from users").status_code == 400
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == frozenset()


def test_a_query_may_want_too_much(make_app: Any, postgres_shop: Shop) -> None:
    api = make_app(direct_max_rows=2)
    source = connect(api, postgres_shop)
    much = ask(api, source, "select sum(id) from users")
    assert (much.status_code, much.json()["code"]) == (400, "query_too_large")
    assert "users" in much.json()["detail"]
    assert found(api, source, "select sum(id) from users where id < 3") == [[3]]
    assert found(api, source, "select id from users order by id desc limit 1") == [[3]]
    assert body(postgres_shop)["prefix"] == "My shop"
