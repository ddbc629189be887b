"""Rows spliced into envelopes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hedgerow.engine.result import Answer, Column
from hedgerow.queries.answers import spliced, trimmed, types

_CELL = st.none() | st.booleans() | st.integers() | st.text()


@given(st.lists(st.lists(_CELL, min_size=1, max_size=3), max_size=8), st.none() | st.integers(0, 9))
def test_trimmed_rows_are_the_first_rows(rows: list[list[object]], limit: int | None) -> None:
    body = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    found, count, more = trimmed(Answer((), body, len(rows)), limit)
    expected = rows if limit is None else rows[:limit]
    assert json.loads(found) == expected
    assert (count, more) == (len(expected), len(expected) < len(rows))


def test_results_come_first() -> None:
    assert spliced(b"[[1]]", {"a": None}) == b'{"results":[[1]],"a":null}'


def test_types_are_pairs() -> None:
    assert types(Answer((Column("a", "UInt8"),), b"", 0)) == [["a", "UInt8"]]
