"""The query API over HTTP: answers, variables, limits, what is refused."""

import time
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.apps import Api, MakeApi

GOOD = {"kind": "HogQLQuery", "query": "select 1"}
ENDLESS = "select count() from numbers(100000000000) where sipHash64(number) = 1"


def ask(api: Api, text: str, **more: Any) -> httpx.Response:
    query = {"kind": "HogQLQuery", "query": text, **more.pop("query", {})}
    return api.post("/query", json={"query": query, **more})


def rows(api: Api, text: str, **more: Any) -> list[Any]:
    answer = ask(api, text, **more)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["results"]
    return found


def refusal(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "code", "detail", "attr"}
    return body


@pytest.fixture
def orders(api: Api) -> Api:
    csv = b"id,customer,amount\n1,acme,120.5\n2,acme,80\n3,globex,42\n"
    made = api.post("/warehouse_tables/file", data={"name": "orders"}, files={"file": ("orders.csv", csv, "text/csv")})
    assert made.status_code == 201, made.text
    return api


def test_an_answer_has_every_documented_key(orders: Api) -> None:
    answer = ask(orders, "select customer, count() from orders group by customer order by customer").json()
    assert answer["results"] == [["acme", 2], ["globex", 1]]
    assert answer["columns"] == ["customer", "count()"]
    assert answer["types"] == [["customer", "Nullable(String)"], ["count()", "UInt64"]]
    assert answer["hasMore"] is False
    assert answer["hogql"] == "SELECT customer, count() FROM orders GROUP BY customer ORDER BY customer ASC"
    assert set(answer) >= {
        "is_cached", "cache_key", "cache_target_age", "last_refresh", "next_allowed_client_refresh", "timezone",
        "query_status", "error", "timings", "modifiers", "explain", "limit", "offset", "query", "clickhouse",
        "metadata",
    }  # fmt: skip
    assert answer["is_cached"] is False
    assert next(iter(answer)) == "results"


@pytest.mark.parametrize("kind", ["DataVisualizationNode", "DataTableNode"])
def test_a_node_that_shows_a_query_is_that_query(api: Api, kind: str) -> None:
    body = {"query": {"kind": kind, "source": {"kind": "HogQLQuery", "query": "select 7"}}}
    assert api.post("/query/", json=body).json()["results"] == [[7]]
    assert refusal(api.post("/query", json={"query": {"kind": kind}}))["attr"] == "query__source"


@pytest.mark.parametrize(
    ("text", "count", "more", "limit"),
    [
        ("select number from numbers(200)", 100, True, 100),
        ("select number from numbers(200) limit 1000", 200, False, 1000),
        ("select number from numbers(200) limit 10", 10, True, 10),
        ("select number from numbers(100)", 100, False, 100),
        ("select number from numbers(60000) limit 60000", 50_000, True, 50_000),
        ("select number from numbers(80) union all select number from numbers(80)", 100, True, 100),
        ("select number from numbers(10) limit 3 offset 9", 1, False, 3),
        ("select number from numbers(10) limit 0", 0, True, 0),
    ],
)
def test_limits(api: Api, text: str, count: int, more: bool, limit: int) -> None:
    answer = ask(api, text).json()
    assert (len(answer["results"]), answer["hasMore"], answer["limit"]) == (count, more, limit)


def test_an_implicit_limit_is_said(api: Api) -> None:
    assert "LIMIT" in ask(api, "select number from numbers(200)").json()["warnings"][0]
    assert ask(api, "select number from numbers(20)").json()["warnings"] == []


# --- variables


@pytest.fixture
def variable(api: Api) -> dict[str, Any]:
    made = api.post("/insight_variables", json={"name": "who", "type": "String", "default_value": "acme"})
    found: dict[str, Any] = made.json()
    return found


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ({}, "acme"),
        ({"value": None}, "acme"),
        ({"value": "globex"}, "globex"),
        ({"value": "globex", "isNull": True}, None),
        ({"value": "' or 1 = 1 --"}, "' or 1 = 1 --"),
        ({"value": ["a", "b"]}, ["a", "b"]),
        ({"value": 1.5}, 1.5),
    ],
)
def test_a_variable_has_its_value_or_its_default(
    api: Api, variable: dict[str, Any], use: dict[str, Any], expected: Any
) -> None:
    variables = {variable["id"]: {"variableId": variable["id"], "code_name": "who", **use}}
    assert rows(api, "select {variables.who}", query={"variables": variables}) == [[expected]]


def test_an_override_wins(api: Api, variable: dict[str, Any]) -> None:
    use = {"variableId": variable["id"], "code_name": "who"}
    answer = rows(
        api,
        "select {variables.who}",
        query={"variables": {variable["id"]: {**use, "value": "own"}}},
        variables_override={variable["id"]: {**use, "value": "given"}},
    )
    assert answer == [["given"]]


def test_a_missing_variable_is_named(api: Api) -> None:
    body = refusal(ask(api, "select {variables.foo}"))
    assert body["detail"] == "Variable foo is missing from query."
    close = {"x": {"variableId": "", "code_name": "food", "value": 1}}
    hinted = refusal(ask(api, "select {variables.foo}", query={"variables": close}))
    assert hinted["detail"] == "Variable foo is missing from query. Did you mean: food?"


def test_a_variable_that_is_gone_is_named(api: Api) -> None:
    gone = {"x": {"variableId": "00000000-0000-0000-0000-000000000000", "code_name": "who"}}
    body = refusal(ask(api, "select {variables.who}", query={"variables": gone}))
    assert body["detail"] == "Variable who does not exist"


def test_variables_of_other_projects_are_not_there(api: Api, variable: dict[str, Any]) -> None:
    use = {variable["id"]: {"variableId": variable["id"], "code_name": "who"}}
    body = refusal(ask(api.other_project(), "select {variables.who}", query={"variables": use}))
    assert body["detail"] == "Variable who does not exist"


# --- what is refused


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({}, "query", "required"),
        ({"query": None}, "query", "invalid_input"),
        ({"query": "select 1"}, "query", "invalid_input"),
        ({"query": {}}, "query__kind", "required"),
        ({"query": {"kind": "TrendsQuery"}}, "query__kind", "invalid_input"),
        ({"query": {"kind": "HogQLQuery"}}, "query__query", "required"),
        ({"query": GOOD, "refresh": "soon"}, "refresh", "invalid_choice"),
        ({"query": GOOD, "client_query_id": "a b"}, "client_query_id", "invalid_input"),
        ({"query": {**GOOD, "connectionId": "x"}}, "query__connectionId", "invalid_input"),
    ],
)  # fmt: skip
def test_bad_requests_name_the_field(api: Api, body: dict[str, Any], attr: str, code: str) -> None:
    answer = refusal(api.post("/query", json=body))
    assert (answer["attr"], answer["code"]) == (attr, code)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("select hamburger()", "Unsupported function call 'hamburger(...)'"),
        ("select {x}", "Unresolved placeholder: {x}"),
        ("select 1 from nothing", "Unknown table `nothing`."),
        ("select * from p2.x", "Unknown table `p2.x`."),
        ("select * from `p2`.`x`", "Unknown table `p2.x`."),
        ("select * from system.tables", "Unknown table `system.tables`."),
        ("select * from url('http://x')", "Unknown table function `url`."),
        ("select * from {t:Identifier}", "This cannot be selected from"),
        ("select 1 settings max_threads = 1", "SETTINGS are not supported (line 1, column 10)"),
        ("insert into x select 1", "Expected SELECT, found 'insert' (line 1, column 1)"),
        ("", "Empty query"),
    ],
)
def test_bad_queries_say_what_is_wrong(api: Api, text: str, detail: str) -> None:
    assert refusal(ask(api, text))["detail"] == detail


def test_a_fault_of_the_engine_has_its_name_and_no_internals(orders: Api) -> None:
    body = refusal(ask(orders, "select throwIf(1) from orders"))
    assert "Unsupported function call" in body["detail"]
    body = refusal(ask(orders, "select toDateTime64(customer, 3) from orders"))
    assert body["code"].startswith("cannot_parse")
    assert "p" + str(orders.project_id) not in body["detail"]


def test_too_long_a_text_is_refused(api: Api) -> None:
    body = refusal(ask(api, "select 1 -- " + "x" * (1 << 20)))
    assert body["code"] == "query_too_large"


def test_too_deep_a_text_is_refused_quickly(api: Api) -> None:
    began = time.perf_counter()
    body = refusal(ask(api, "select " + "(" * 10_000))
    assert "deeply nested" in body["detail"]
    assert time.perf_counter() - began < 5


def test_time_is_limited(make_app: MakeApi) -> None:
    body = refusal(ask(make_app(api_query_timeout=0.3), ENDLESS))
    assert body["code"] == "query_timeout"


def test_memory_is_limited(make_app: MakeApi) -> None:
    body = refusal(ask(make_app(query_memory=50 << 20), "select groupArray(toString(number)) from numbers(50000000)"))
    assert body["code"] == "query_memory_limit"


def test_rows_are_limited_by_the_setting(make_app: MakeApi) -> None:
    answer = ask(make_app(query_max_rows=10), "select number from numbers(100) limit 50").json()
    assert (len(answer["results"]), answer["hasMore"]) == (10, True)


def test_keys_and_projects_are_checked(api: Api) -> None:
    reader = api.with_key(api.make_key(["insight:read"]))
    assert refusal(ask(reader, "select 1"), 403)["detail"] == "API key missing required scope 'query:read'"
    body = {"query": {"kind": "HogQLQuery", "query": "select 1"}}
    assert api.post("/api/projects/999999/query", json=body).status_code == 404


def test_one_project_never_reads_anothers_tables(orders: Api) -> None:
    other = orders.other_project()
    assert refusal(ask(other, "select * from orders"))["detail"] == "Unknown table `orders`."
    table = orders.get("/warehouse_tables").json()["results"][0]
    physical = f"p{orders.project_id}.t_{table['id'].replace('-', '')}"
    assert refusal(ask(other, f"select * from {physical}"))["detail"].startswith("Unknown table")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.sampled_from(["query", "refresh", "client_query_id", "variables_override", "filters_override", "async"])
_QUERY = st.fixed_dictionaries(
    {"kind": st.sampled_from(["HogQLQuery", "HogQLMetadata", "DatabaseSchemaQuery"])},
    optional={"query": st.text(max_size=30) | _JSON, "variables": _JSON, "filters": _JSON, "language": _JSON},
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_FIELDS, _JSON | _QUERY, max_size=4))
def test_no_body_is_a_fault_of_the_server(api: Api, body: dict[str, Any]) -> None:
    assert api.post("/query", json=body).status_code < 500


# --- about queries and tables


def test_metadata_says_where_a_text_is_wrong(api: Api) -> None:
    def inspect(text: str, language: str = "hogQL") -> dict[str, Any]:
        body = {"query": {"kind": "HogQLMetadata", "language": language, "query": text}}
        answer: dict[str, Any] = api.post("/query", json=body).json()
        return answer

    broken = inspect("select 1+")
    assert broken["isValid"] is False
    assert set(broken["errors"][0]) == {"message", "start", "end", "fix"}
    assert broken["errors"][0]["start"] == 9
    unknown = inspect("select nope from numbers(3)")
    assert (unknown["errors"][0]["start"], unknown["errors"][0]["end"]) == (7, 11)
    quoted = inspect("select '{variables.x}' limit 1")
    assert quoted["isValid"] is True
    assert (quoted["warnings"][0]["start"], quoted["warnings"][0]["end"]) == (7, 22)
    assert inspect("1 +", "hogQLExpr")["isValid"] is False
    assert inspect("let x := 1; return x", "hog")["isValid"] is True
    assert inspect("hi {name", "hogTemplate")["isValid"] is False


def test_metadata_names_the_tables(orders: Api) -> None:
    body = {
        "query": {"kind": "HogQLMetadata", "language": "hogQL", "query": "select 1 from orders o, orders p limit 1"}
    }
    assert orders.post("/query", json=body).json()["table_names"] == ["orders"]


def test_the_schema_lists_tables_and_fields(orders: Api) -> None:
    tables = orders.post("/query", json={"query": {"kind": "DatabaseSchemaQuery"}}).json()["tables"]
    assert set(tables) == {"orders"}
    assert tables["orders"]["type"] == "data_warehouse"
    kinds = {name: field["type"] for name, field in tables["orders"]["fields"].items()}
    assert kinds == {"id": "integer", "customer": "string", "amount": "float"}


def test_small_neighbours(api: Api) -> None:
    assert api.post("/query/check_auth_for_async/").json() == {"user": "ok"}
    query = {"kind": "HogQLQuery", "query": "select 1"}
    assert api.post("/query/upgrade", json={"query": query}).json() == {"query": query}
