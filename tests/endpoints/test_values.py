"""Values of variables: whatever callers give stays a value."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.endpoints.conftest import Desk, hogql


def test_debug_shows_ones_own_values_only(by_event: Desk) -> None:
    by_event.run({"variables": {"event_name": "secret of one caller"}, "debug": True})
    by_event.run({"variables": {"event_name": "secret of another"}})
    shown = by_event.run({"variables": {"event_name": "mine"}, "debug": True})["hogql"]
    assert "mine" in shown
    assert "secret" not in shown


def test_large_values(by_event: Desk) -> None:
    by_event.variable("large", kind="List")
    by_event.make("select length({variables.large}) as n", "long")
    assert by_event.run({"variables": {"large": "x" * 1_000_000}}, "long")["results"] == [[1_000_000]]
    assert by_event.run({"variables": {"large": list(range(50_000))}}, "long")["results"] == [[50_000]]
    assert by_event.run({"variables": {"large": "xx"}}, "long")["results"] == [[2]]


def test_an_endpoint_keeps_its_value_when_its_variable_is_deleted(desk: Desk) -> None:
    identifier = desk.variable("x", "old")
    variables = {identifier.upper(): {"code_name": "x"}}
    made = desk.api.post("/endpoints", json={"name": "e", "query": hogql("select {variables.x}", variables=variables)})
    assert made.status_code == 201
    assert desk.run()["results"] == [["old"]]
    assert desk.api.delete(f"/insight_variables/{identifier}").status_code == 204
    time.sleep(1.1)
    assert desk.run()["results"] == [["old"]]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, 1), (-5, -5), (2**63, 2**63), (1.5, 1.5), (True, 1), ("x", "x"), ("", ""), (None, None),
        (["a", "b"], ["a", "b"]), ([], []), ([1, 2], [1, 2]), (["it's"], ["it's"]),
    ],
)  # fmt: skip
def test_values_keep_their_types(desk: Desk, value: object, found: object) -> None:
    desk.variable("x", "a", "List")
    desk.make("select {variables.x} as x")
    got = desk.run({"variables": {"x": value}})["results"][0][0]
    assert got == found
    # Once more, and with another type in between: what is kept of the query fits the value.
    assert desk.run()["results"] == [["a"]]
    assert desk.run({"variables": {"x": value}})["results"][0][0] == found


def test_a_list_filters(counted: Desk) -> None:
    counted.variable("ids", [1, 2], "List")
    counted.make("select id from hits where id in {variables.ids} order by id")
    assert counted.run()["results"] == [[1], [2]]
    assert counted.run({"variables": {"ids": [5, 6, 7]}})["results"] == [[5], [6], [7]]
    assert counted.run({"variables": {"ids": [20]}})["results"] == [[20]]


def test_a_variable_may_be_the_limit(counted: Desk) -> None:
    counted.variable("n", 3, "Number")
    counted.make("select id from hits order by id limit {variables.n}")
    assert len(counted.run()["results"]) == 3
    assert len(counted.run({"variables": {"n": 5}})["results"]) == 5
    found = counted.run({"variables": {"n": 5}, "limit": 2, "offset": 4})
    assert (found["results"], found["hasMore"]) == ([[5]], False)
    for value in ("5; drop table hits", -1, 1.5, True, [1]):
        assert counted.ask({"variables": {"n": value}}).status_code == 400


HOSTILE = [
    "' OR 1=1 --",
    "'; DROP TABLE hits; --",
    "\\' OR 1=1 --",
    "\\",
    "{variables.event_name}",
    "{x:String}",
    "%s",
    "\ufffd\u2028",
    "`",
    '"',
    "/*",
    "*/",
    "😀",
    "\n\t\r\\n",
    "pageview' UNION ALL SELECT 1 FROM system.tables",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_stay_values(by_event: Desk, value: str) -> None:
    by_event.make("select {variables.event_name} as v", "echo")
    assert by_event.run({"variables": {"event_name": value}}, "echo")["results"] == [[value]]
    assert by_event.run({"variables": {"event_name": value}})["results"] == [[0]]
    by_event.variable("several", kind="List")
    by_event.make("select {variables.several} as v", "list")
    assert by_event.run({"variables": {"several": [value, value]}}, "list")["results"] == [[[value, value]]]
    assert by_event.run()["results"] == [[10]]


@pytest.fixture
def loose(counted: Desk) -> Desk:
    """An endpoint that counts one event's rows; its variable takes a value of any kind."""
    counted.variable("event_name", "pageview", "List")
    counted.make("SELECT count() FROM hits WHERE event = {variables.event_name}")
    return counted


_SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_VALUE = _SCALAR | st.lists(_SCALAR, max_size=4)
_SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_SLOW
@given(value=_VALUE)
def test_no_value_changes_the_query(loose: Desk, value: Any) -> None:
    """Whatever is given: one row with one count, never more than there is, or a refusal."""
    answer = loose.ask({"variables": {"event_name": value}})
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        ((count,),) = answer.json()["results"]
        assert count == (10 if value in ("pageview", "pageleave", ["pageview"], ["pageleave"]) else 0)
    else:
        assert answer.json()["type"] == "validation_error"


_JSON = st.recursive(_SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
_KNOWN = st.sampled_from(
    ["variables", "refresh", "version", "limit", "offset", "filters_override", "client_query_id", "debug", "name",
     "query", "is_active", "is_materialized", "tags", "data_freshness_seconds", "bucket_overrides", "deleted", "names"]
)  # fmt: skip


@_SLOW
@given(body=_JSON | st.dictionaries(_KNOWN | st.text(max_size=3), _JSON, max_size=4))
def test_no_body_is_a_fault_of_the_server(by_event: Desk, body: Any) -> None:
    raw = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    for method, path in (
        ("POST", "/endpoints/e/run"),
        ("POST", "/endpoints"),
        ("PATCH", "/endpoints/other"),
        ("POST", "/endpoints/last_execution_times"),
        ("POST", "/endpoints/e/materialization_preview"),
    ):
        answer = by_event.api.request(method, path, content=raw, headers=headers)
        assert answer.status_code < 500, (method, path, answer.text)


def test_a_faulty_value_is_the_callers_fault(counted: Desk) -> None:
    counted.variable("x", "1")
    counted.make("select arrayElement([1, 2], {variables.x}) from hits limit 1")
    answer = counted.ask({"variables": {"x": "text"}})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "validation_error"
    assert "t_" not in answer.json()["detail"]


def test_answers_at_once_are_not_mixed_up(desk: Desk) -> None:
    desk.variable("x", "a", "List")
    desk.make("select {variables.x} as x, count() from numbers(1000) group by x")

    def mine(number: int) -> bool:
        value: Any = number if number % 3 else f"text {number}"
        return bool(desk.run({"variables": {"x": value}})["results"] == [[value, 1000]])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(mine, range(1, 300)))
