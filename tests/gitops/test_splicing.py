"""Fields of a file change; the rest of its text stays byte by byte."""

import pytest

from hedgerow.gitops.reading import read
from hedgerow.gitops.splicing import spliced

_TEXT = """\
# ours
name: a   # the name
query: |
  select 1
  # not a comment of YAML

# why so fresh
freshness: 60
tags: [a,   b]
"""
_ORDER = ("name", "description", "query", "freshness", "tags", "more")


def _spliced(text: str, fields: dict[str, str | None]) -> str | None:
    document = read(text, "x")
    replaced = {name: value and read(value, "x").value[name] for name, value in fields.items()}
    expected = {**document.value, **replaced}
    return spliced(document, fields, _ORDER, expected={k: v for k, v in expected.items() if v is not None})


def test_one_field_is_replaced() -> None:
    assert _spliced(_TEXT, {"freshness": "freshness: 5\n"}) == _TEXT.replace("60", "5")
    changed = _spliced(_TEXT, {"query": "query: |-\n  select 2\n"})
    assert changed == _TEXT.replace("|\n  select 1\n  # not a comment of YAML\n", "|-\n  select 2\n")


def test_a_field_is_taken_out_and_another_put_in() -> None:
    assert _spliced(_TEXT, {"tags": None}) == _TEXT.replace("tags: [a,   b]\n", "")
    assert _spliced(_TEXT, {"description": "description: x\n"}) == _TEXT.replace("query:", "description: x\nquery:", 1)
    assert _spliced(_TEXT, {"more": "more: 1\n"}) == _TEXT + "more: 1\n"
    assert _spliced("tags: []", {"tags": "tags: [c]\n", "name": "name: b\n"}) == "name: b\ntags: [c]\n"


@pytest.mark.parametrize("text", ["{name: a, tags: [b]}\n", "name: a\ntags:\n  - b\u2028\n"])
def test_what_cannot_be_done_is_not_half_done(text: str) -> None:
    assert _spliced(text, {"tags": "tags: [c]\n"}) in {None, "name: a\ntags: [c]\n"}
