"""YAML as files hold it: every value is read back as it was, and mistakes name their line."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.gitops.faults import FileFault
from hedgerow.gitops.reading import read
from hedgerow.gitops.writing import Block, write

_MEAN = [
    *("yes", "on", "null", "~", "", "1", "1e5", "0x1f", "007", "1:30", "2026-01-01", "1_000", ".5", "+1", "=", "<<"),
    *("-", "# x", "a: b", "- a", "*a", "&a", "!x", "'", '"', "a #b", "[a", "{variables.x}", "---", "...", "%YAML"),
    *(
        "\t",
        "a\n",
        "\n",
        " a\n b",
        "a \nb",
        "\ta\n\tb",
        "a\r\nb",
        "a\n\n",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
        "é",
        "🦔",
    ),
]
texts = st.one_of(
    st.sampled_from(_MEAN),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from([*_MEAN, "select", "  from t", "where x = 'a'"]), max_size=5).map("\n".join),
)
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@settings(deadline=None)
@given(st.dictionaries(texts, values, min_size=1, max_size=5))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    text = write(value)
    assert json.dumps(read(text, "x").value) == json.dumps(value)
    assert write(read(text, "x").value) == text


@settings(deadline=None)
@given(st.dictionaries(texts, texts, min_size=1, max_size=3))
def test_another_reader_reads_the_same_texts(value: dict[str, str]) -> None:
    if all(mean not in str(value) for mean in ("\\x85", "\\u2028")):
        assert yaml.safe_load(write(value)) == value


@pytest.mark.parametrize(
    "text", ["select 1", "select 1\n", "select\n\t1 \nfrom t\n\n", "  select 1\n from t", "-- é\nselect '🦔'\n  # x"]
)
def test_a_query_is_a_block_as_it_was_typed(text: str) -> None:
    written = write({"query": Block(text), "b": 1})
    assert written.startswith("query: |")
    assert read(written, "x").value == {"query": text, "b": 1}


def test_small_collections_are_one_line() -> None:
    value = {"tags": ["a", "b"], "variables": {"origin": {"type": "String", "default": "yes"}}, "empty": {}}
    expected = "tags: [a, b]\nvariables:\n  origin: {type: String, default: 'yes'}\nempty: {}\n"
    assert write(value) == expected


def test_only_values_of_json_are_read() -> None:
    text = "[2026-01-31, yes, 0x1f, 1:30, 1e3, -0.5, 12, 'null', null, ~, true, 007, .5]"
    expected = ["2026-01-31", "yes", "0x1f", "1:30", 1000.0, -0.5, 12, "null", None, None, True, "007", ".5"]
    assert read(f"a: {text}", "x").value == {"a": expected}


def test_lines_are_known() -> None:
    found = read("# one\na: 1\nb:\n  c:\n    - x\n    - y: |\n        two\n        three\nd: 4\n", "x")
    places = {("a",): 2, ("b", "c"): 4, ("b", "c", 1): 6, ("b", "c", 1, "y"): 6, ("d",): 9}
    assert {place: found.line(place) for place in places} == places
    assert str(found.fault("is wrong", "b", "c", 1, "z")) == "x:6: b.c.1.z: is wrong"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2\n", "x:2: a: it is there twice"),
        ("a: &b 1\nc: *b\n", "x:2: write the value again"),
        ("a: 1\n b: 2\n", "x:2:"),
        ("a: [1\n", "x:2:"),
        ("a: !!binary aGk=\n", "x:1: a: a value of kind binary"),
        ("a:\n  1: x\n", "x:2: a: a key must be a text"),
        ("a: " + "9" * 5000, "x:1: a: the number is too large"),
        ("a: 1e999", "x:1: a: the number is too large"),
        ("a: \x00", "x"),
        ("a: 1\n---\nb: 2\n", "x:2:"),
        ("[" * 3000 + "]" * 3000, "x:1: it is nested too deeply"),
    ],
)
def test_mistakes_name_their_line(text: str, words: str) -> None:
    with pytest.raises(FileFault) as caught:
        read(text, "x")
    assert str(caught.value).startswith(words)
