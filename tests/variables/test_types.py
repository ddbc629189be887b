"""What fits a type of variables, what is converted, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.variables import ANY, TYPES
from hedgerow.variables.types import Value, WrongValue

SINGLE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(SINGLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2))


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        ("String", "5", "5"), ("String", 5, "5"), ("String", 1.5, "1.5"), ("String", True, "true"), ("String", "", ""),
        ("Number", 5, 5), ("Number", 2.5, 2.5), ("Number", "5", 5), ("Number", " -2.5e3 ", -2500.0),
        ("Number", "+7", 7), ("Number", ".5", 0.5), ("Number", str(2**64), float(2**64)),
        ("Number", str(2**64 - 1), 2**64 - 1),
        ("Boolean", True, True), ("Boolean", 1, True), ("Boolean", 0, False), ("Boolean", "TRUE", True),
        ("Boolean", "0", False),
        ("List", ["a", 1, None], ["a", 1, None]), ("List", [], []), ("List", "one", "one"), ("List", 1, 1),
        ("Date", "2026-01-31", "2026-01-31"), ("Date", "2024-02-29T10:00:00Z", "2024-02-29T10:00:00Z"),
        ("Date", "2026-01-31 10:00:00.123456+02:00", "2026-01-31 10:00:00.123456+02:00"),
    ],
)  # fmt: skip
def test_what_fits(kind: str, value: Any, fitted: Value) -> None:
    found = TYPES[kind].fitted("x", value)
    assert (found, type(found)) == (fitted, type(fitted))


@pytest.mark.parametrize(
    ("kind", "value", "got"),
    [
        ("String", ["a"], "a list"), ("String", {"a": 1}, "an object"),
        ("Number", "many", 'the text "many"'), ("Number", "", 'the text ""'), ("Number", True, "true"),
        ("Number", "nan", "nan"), ("Number", "1e999", "1e999"), ("Number", "0x10", "0x10"), ("Number", "٣", "٣"),
        ("Number", "1_000", "1_000"), ("Number", [1], "a list"),
        ("Boolean", "yes", "yes"), ("Boolean", 2, "the number 2"), ("Boolean", [], "a list"), ("Boolean", {}, "object"),
        ("List", {"a": 1}, "an object"), ("List", [["a"]], "a list"), ("List", [{}], "a list"),
        ("Date", "2026-02-30", "2026-02-30"), ("Date", "yesterday", "yesterday"), ("Date", 20260131, "20260131"),
        ("Date", "20260131", "20260131"), ("Date", "2026-01-31T25:00", "25:00"), ("Date", "", 'the text ""'),
        ("Date", "2026-01-31'; --", "--"),
    ],
)  # fmt: skip
def test_what_does_not(kind: str, value: Any, got: str) -> None:
    with pytest.raises(WrongValue) as caught:
        TYPES[kind].fitted("max_delay", value)
    assert caught.value.attr == "variables"
    assert "max_delay" in caught.value.detail
    assert f"a {kind}" in caught.value.detail
    assert got in caught.value.detail


@pytest.mark.parametrize("kind", TYPES)
def test_null_fits_everything(kind: str) -> None:
    assert TYPES[kind].fitted("x", None) is None


@given(kind=st.sampled_from([*TYPES.values(), ANY]), value=JSON)
def test_a_value_is_of_the_type_or_refused(kind: Any, value: Any) -> None:
    """And what came out once fits as it is."""
    try:
        found = kind.fitted("x", value)
    except WrongValue:
        return
    assert not isinstance(found, dict)
    again = kind.fitted("x", found)
    assert (again, type(again)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "texts", "example", "value"),
    [
        ("String", ["5"], None, "5"), ("String", ["a,b"], None, "a,b"), ("String", [""], None, ""),
        ("Number", ["3"], None, 3), ("Number", [" 3.5"], None, 3.5),
        ("Boolean", ["true"], None, True), ("Boolean", ["0"], None, False),
        ("Date", ["2026-01-31"], None, "2026-01-31"),
        ("List", ["a,b"], None, ["a", "b"]), ("List", ["a", "b"], None, ["a", "b"]), ("List", ["a"], None, ["a"]),
        ("List", ["1,2"], [7], [1, 2]), ("List", ["1", "2.5"], [7], [1, 2.5]), ("List", ["1,x"], [7], [1, "x"]),
        ("List", ["1,2"], ["7"], ["1", "2"]), ("List", [""], None, []), ("List", ["a, ,b,"], None, ["a", "b"]),
        ("List", ["one"], "other", "one"), ("List", ["1"], 5, 1), ("List", ["one", "two"], "other", ["one", "two"]),
    ],
)  # fmt: skip
def test_what_a_query_string_gives(kind: str, texts: list[str], example: Value, value: Value) -> None:
    found = TYPES[kind].read("x", texts, example)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "texts"), [("Number", ["1", "2"]), ("String", ["a", "b"]), ("Number", ["a"])])
def test_what_a_query_string_cannot_give(kind: str, texts: list[str]) -> None:
    with pytest.raises(WrongValue, match="Variable x must be"):
        TYPES[kind].read("x", texts)
