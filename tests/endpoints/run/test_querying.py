"""Variables in the query string of a GET: typed as declared, the same run as by POST, no name out of reach."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.endpoints.conftest import Desk, refused, refused_by_hand

KINDS = {"text": "String", "number": "Number", "flag": "Boolean", "list": "List", "day": "Date"}


def get(desk: Desk, *pairs: tuple[str, str], **headers: str) -> httpx.Response:
    return desk.api.get(f"/endpoints/e/run?{urlencode(pairs)}", headers=headers)


def results(desk: Desk, *pairs: tuple[str, str]) -> Any:
    answer = get(desk, *pairs)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"][0]


@pytest.fixture
def typed(desk: Desk) -> Desk:
    """An endpoint that answers its variables, one of each type, and two whose names are options."""
    for name, kind in KINDS.items():
        desk.variable(name, kind=kind)
    desk.variable("limit", 7, "Number")
    desk.variable("format", "f")
    names = [*KINDS, "limit", "format"]
    desk.make(f"select {', '.join(f'{{variables.{name}}} as {name}' for name in names)}")
    return desk


def test_values_have_the_types_of_their_variables(typed: Desk) -> None:
    given = [("text", "5"), ("number", "5"), ("flag", "true"), ("list", "a"), ("list", "b"), ("day", "2026-01-31")]
    assert results(typed, *given) == ["5", 5, True, ["a", "b"], "2026-01-31", 7, "f"]
    assert results(typed, ("number", "-2.5"), ("flag", "0"), ("list", "a,b"), ("text", "")) == [
        "", -2.5, False, ["a", "b"], None, 7, "f",
    ]  # fmt: skip
    assert results(typed, ("list[]", "a")) == [None, None, None, ["a"], None, 7, "f"]


def test_options_stay_options_and_hide_no_variable(typed: Desk) -> None:
    plain = get(typed, ("limit", "1"), ("format", "json"), ("_", "123"), ("token", "x")).json()
    assert (plain["limit"], plain["results"][0][-2:]) == (1, [7, "f"])
    assert results(typed, ("variables[limit]", "9"), ("variables[format]", "csv"))[-2:] == [9, "csv"]
    assert results(typed, ("variables[list][]", "a"), ("variables[text]", "t"))[:4] == ["t", None, None, ["a"]]
    by_object = json.dumps({"limit": 9, "text": None, "list": ["a", "1"]})
    assert results(typed, ("variables", by_object), ("number", "3")) == [None, 3, None, ["a", "1"], None, 9, "f"]


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([("number", "five")], "number must be a Number"),
        ([("number", "")], "number must be a Number"),
        ([("number", "1"), ("number", "2")], "number must be a Number"),
        ([("flag", "maybe")], "flag must be a Boolean"),
        ([("day", "2026-02-30")], "day must be a Date"),
        ([("text", "a"), ("variables[text]", "b")], "text is given in two ways"),
        ([("text", "a"), ("variables", '{"text": "b"}')], "text is given in two ways"),
        ([("variables", "[1]")], "JSON object"),
        ([("variables", "{")], "JSON object"),
        ([("variables", '{"number": "x"}')], "number must be a Number"),
        ([("nobody", "1")], "Unknown variable(s): nobody"),
        ([("variables[nobody]", "1")], "Unknown variable(s): nobody"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(typed: Desk, pairs: list[tuple[str, str]], text: str) -> None:
    refused(get(typed, *pairs), 400, "variables", text)
    refused(get(typed, *pairs, ("format", "csv")), 400, "variables", text)


def test_options_are_checked_as_in_a_body(typed: Desk) -> None:
    refused(get(typed, ("refresh", "often")), 400, "refresh", "cache, force, direct")
    refused(get(typed, ("debug", "perhaps")), 400, "debug")
    refused(get(typed, ("client_query_id", "a b")), 400, "client_query_id")
    refused(get(typed, ("refresh", "direct")), 400, "refresh", "materialized")
    refused_by_hand(get(typed, ("limit", "0"), ("text", "a")), 400, "limit")
    assert "hogql" in get(typed, ("debug", "1")).json()


def test_it_is_the_same_run_as_by_post(by_event: Desk) -> None:
    posted = by_event.run({"variables": {"event_name": "pageleave"}})
    answer = get(by_event, ("event_name", "pageleave"))
    assert answer.json()["is_cached"] is True
    assert answer.json()["results"] == posted["results"] == [[10]]
    again = get(by_event, ("event_name", "pageleave"), **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert answer.headers["cache-control"] == "private, max-age=60"
    other = get(by_event, ("event_name", "nothing"), **{"If-None-Match": answer.headers["etag"]})
    assert (other.status_code, other.json()["results"]) == (200, [[0]])


def test_who_forces_gets_nothing_out_of_a_browser(by_event: Desk) -> None:
    answer = get(by_event, ("refresh", "force"))
    assert (answer.json()["is_cached"], answer.headers["cache-control"]) == (False, "private, max-age=0")
    assert get(by_event, ("refresh", "force"), ("format", "csv")).headers["cache-control"] == "private, max-age=0"


def test_a_post_takes_variables_from_its_body_alone(by_event: Desk) -> None:
    assert by_event.run(suffix="?event_name=pageleave&nobody=1")["is_cached"] is False
    assert by_event.run()["is_cached"] is True


def test_a_token_s_values_stay_fixed(by_event: Desk) -> None:
    made = by_event.api.post("/endpoints/e/tokens", json={"variables": {"event_name": "pageleave"}})
    holder = Desk(by_event.api.with_key(made.json()["token"]))
    assert get(holder).json()["results"] == [[10]]
    for pairs in ([("event_name", "pageview")], [("variables", '{"event_name": "pageview"}')], [("refresh", "force")]):
        assert get(holder, *pairs).status_code == 403
        assert get(holder, *pairs, ("format", "csv")).status_code == 403
    assert get(holder, ("format", "csv")).text.splitlines()[1:] == ["10"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    number=st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    flag=st.booleans(),
    items=st.lists(st.text("abc é'\"&=", min_size=1, max_size=4).filter(lambda item: item == item.strip()), max_size=4),
)
def test_get_and_post_never_differ(typed: Desk, text: str, number: float, flag: bool, items: list[str]) -> None:
    body = {"text": text, "number": number, "flag": flag, "list": items}
    pairs = [("text", text), ("number", json.dumps(number)), ("flag", json.dumps(flag))]
    pairs += [("list", item) for item in items] or [("list", "")]
    assert results(typed, *pairs) == typed.run({"variables": body})["results"][0]
