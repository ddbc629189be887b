"""The types of variables hold at a run, inline and materialized."""

import time
from typing import Any

import pytest

from tests.endpoints.conftest import Desk, refused


@pytest.fixture
def typed(counted: Desk) -> Desk:
    """An endpoint with a variable of each type, which answers their values."""
    for kind, default in (
        ("String", "a"), ("Number", 1), ("Boolean", True), ("List", ["x"]), ("Date", "2026-01-01"),
    ):  # fmt: skip
        counted.variable(f"a {kind.lower()}", default, kind)
    counted.make(
        "select {variables.a_string} as s, {variables.a_number} + 1 as n, {variables.a_boolean} as b, "
        "{variables.a_list} as l, count() as hits from hits where day >= {variables.a_date}"
    )
    return counted


def test_values_of_their_types(typed: Desk) -> None:
    assert typed.run()["results"] == [["a", 2, True, ["x"], 20]]
    given = {"a_string": "b", "a_number": 2.5, "a_boolean": False, "a_list": ["y", "z"], "a_date": "2026-01-10"}
    assert typed.run({"variables": given})["results"] == [["b", 3.5, False, ["y", "z"], 2]]


def test_values_are_converted_where_that_is_safe(typed: Desk) -> None:
    given: dict[str, Any] = {"a_string": 5, "a_number": "41", "a_boolean": "0", "a_list": [1, 2]}
    first = typed.run({"variables": given})
    assert first["results"] == [["5", 42, False, [1, 2], 20]]
    # The same value in another spelling is the same run.
    again = typed.run({"variables": {**given, "a_string": "5", "a_number": 41, "a_boolean": False}})
    assert again["is_cached"] is True


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("a_string", ["b"], "Variable a_string must be a String; got a list."),
        ("a_number", "many", 'Variable a_number must be a Number, such as 5 or 2.5; got the text "many".'),
        ("a_boolean", "perhaps", 'Variable a_boolean must be a Boolean, true or false; got the text "perhaps".'),
        ("a_list", {"x": 1}, "Variable a_list must be a List of texts, numbers or booleans; got an object."),
        ("a_date", "soon", 'must be a Date, such as 2026-01-31 or 2026-01-31T10:00:00Z; got the text "soon".'),
    ],
)
def test_a_value_of_another_type_is_refused(typed: Desk, name: str, value: Any, text: str) -> None:
    refused(typed.ask({"variables": {name: value}}), 400, "variables", text)
    refused(typed.ask({"variables": {name: value}, "refresh": "force"}), 400, "variables", text)
    assert typed.ask({"variables": {name: value}}).json()["code"] == "invalid_input"
    assert typed.run()["results"] == [["a", 2, True, ["x"], 20]]


def test_a_changed_type_counts_at_once(typed: Desk) -> None:
    found = typed.api.get("/insight_variables").json()["results"]
    identifier = next(each["id"] for each in found if each["code_name"] == "a_string")
    assert typed.api.patch(f"/insight_variables/{identifier}", json={"type": "Number"}).status_code == 200
    refused(typed.ask({"variables": {"a_string": "b"}}), 400, "variables", "a_string must be a Number")
    assert typed.run({"variables": {"a_string": "7"}})["results"][0][0] == 7


def test_a_deleted_variable_takes_anything_single(typed: Desk) -> None:
    found = typed.api.get("/insight_variables").json()["results"]
    identifier = next(each["id"] for each in found if each["code_name"] == "a_string")
    assert typed.api.delete(f"/insight_variables/{identifier}").status_code == 204
    for value in ("b", 5, True, ["b"]):
        assert typed.run({"variables": {"a_string": value}})["results"][0][0] == value
    refused(typed.ask({"variables": {"a_string": {"x": 1}}}), 400, "variables", "a_string")


def test_the_types_of_a_materialized_version(counted: Desk) -> None:
    counted.variable("least", 3, "Number")
    counted.variable("since", "2026-01-01", "Date")
    text = (
        "select event, count() as n from hits where id >= {variables.least} and day >= {variables.since} group by event"
    )
    counted.make(text, is_materialized=True)
    end = time.monotonic() + 20
    while not counted.get()["is_materialized"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    run = counted.run({"variables": {"least": "11", "since": "2026-01-06"}, "debug": True})
    assert (sorted(run["results"]), run["path"]) == ([["pageleave", 5], ["pageview", 5]], "materialized")
    refused(
        counted.ask({"variables": {"least": "x", "since": "2026-01-06"}}), 400, "variables", "least must be a Number"
    )
    refused(counted.ask({"variables": {"least": 1, "since": "x"}}), 400, "variables", "since must be a Date")
    refused(counted.ask({"variables": {"least": "x"}}), 400, "variables")


def test_a_token_fixes_values_of_their_types(typed: Desk) -> None:
    made = typed.api.post("/endpoints/e/tokens", json={"variables": {"a_number": "many"}})
    refused(made, 400, "variables", "a_number must be a Number")
    made = typed.api.post("/endpoints/e/tokens", json={"variables": {"a_number": "4"}})
    browser = Desk(typed.api.with_key(made.json()["token"]))
    assert browser.run()["results"][0][1] == 5
    assert browser.ask({"variables": {"a_number": 6}}).status_code == 403
