"""What holds for all values and all pages: every row comes once, kinds hold what they were found from, times keep."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.connectors.rest import Cursor, LastRow, LinkHeader, NextUrl, Offset, PageNumber, Paging, Request
from hedgerow.connectors.rest.kinds import ARROW, Seen, kind_of, read, text_of
from hedgerow.connectors.rest.pages import Page
from hedgerow.connectors.rest.paths import steps_of, value_at, values_at
from hedgerow.connectors.rest.spool import Spool

MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2299, 12, 31))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    MOMENTS.map(lambda at: at.replace(tzinfo=UTC).isoformat()),
    MOMENTS.map(lambda at: at.date().isoformat()),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=12))
def test_a_kind_holds_every_value_that_it_was_found_from(values: list[Any]) -> None:
    seen = Seen()
    for value in values:
        seen.see(value)
    kind = seen.kind
    array = pa.array([read(value, kind) for value in values], ARROW[kind])
    for value, kept in zip(values, array.to_pylist(), strict=True):
        if value is None:
            assert kept is None
        elif kind in {"string", "json"}:
            assert kept == text_of(value)
        elif kind in {"integer", "float", "boolean"}:
            assert kept == value
        elif kind == "datetime":
            assert kept == datetime.fromisoformat(value)
        else:
            assert kept.isoformat() == value


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8), st.lists(VALUES, max_size=8))
def test_kinds_only_widen(first: list[Any], more: list[Any]) -> None:
    apart, together = (Seen(), Seen()), Seen()
    for seen, values in zip(apart, (first, more), strict=True):
        for value in values:
            seen.see(value)
            together.see(value)
    merged = apart[0].copy()
    merged.merge(apart[1])
    assert merged.kind == together.kind
    for value in first:
        if value is not None and merged.kind not in {"string", "float"}:
            assert kind_of(value) == merged.kind


@settings(deadline=None)
@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_in_every_zone(at: datetime, minutes: int) -> None:
    moment = at.replace(tzinfo=UTC)
    written = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    found = read(written, "datetime")
    assert found == moment
    seconds = (moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert read(seconds, "datetime") == moment.replace(microsecond=0)


@settings(deadline=None)
@given(VALUES)
def test_json_text_is_the_value(value: Any) -> None:
    if value is not None and not isinstance(value, str):
        assert json.loads(text_of(value) or "") == value


def _server(count: int, size: int) -> Callable[[Request], Page]:
    """Answers as APIs of every kind do, with pages of at most `size` rows."""

    def answer(request: Request) -> Page:
        params = dict(request.params)
        if "?" in request.url:
            params |= dict(part.split("=") for part in request.url.partition("?")[2].split("&"))
        start = int(params.get("offset", 0)) + int(params.get("cursor", 0)) + (int(params.get("page", 1)) - 1) * size
        if "after" in params:
            start = int(params["after"]) + 1
        rows = [{"id": n} for n in range(count)][start : start + size]
        end = start + len(rows)
        url = f"https://api.example.com/x?cursor={end}" if end < count else None
        document = {"rows": rows, "more": end < count, "next": str(end) if end < count else None, "url": url}
        document |= {"total": count, "pages": -(-count // size), "done": end >= count}
        return Page("https://api.example.com/x", document, rows, {}, {"next": url} if url else {})

    return answer


@pytest.mark.parametrize(
    "paging",
    [
        Cursor("cursor", "next"),
        Cursor("cursor", "next", more="more"),
        Cursor("cursor", "next", ended="done"),
        LastRow("after", "id", "more"),
        LinkHeader(),
        NextUrl("url"),
        Offset(50),
        Offset(50, total="total"),
        Offset(50, more="more"),
        PageNumber(),
        PageNumber(total="pages"),
        PageNumber(more="more"),
    ],
    ids=repr,
)
@settings(deadline=None)
@given(count=st.integers(0, 40), size=st.integers(1, 12))
def test_every_row_comes_once_and_the_end_is_reached(paging: Paging, count: int, size: int) -> None:
    answer, found = _server(count, size), []
    request: Request | None = paging.first(Request("https://api.example.com/x"))
    asked = 0
    while request is not None:
        asked += 1
        assert asked <= count + 2
        page = answer(request)
        found += [row["id"] for row in page.rows]
        request = paging.after(request, page)
    assert found == list(range(count))


ROWS = st.lists(st.tuples(st.none() | st.integers(-(2**62), 2**62), st.none() | st.sampled_from("abcd")), max_size=40)


@settings(deadline=None)
@given(ROWS, st.integers(1, 7))
def test_rows_set_aside_come_in_order_and_once(rows: list[tuple[int | None, str | None]], portion: int) -> None:
    with Spool() as spool:
        spool.add((sort, known, {"n": n, "sort": sort, "known": known}) for n, (sort, known) in enumerate(rows))
        found = []
        while part := spool.fetch(portion):
            found += part
    last = {known: n for n, (_, known) in enumerate(rows)}
    wanted = [n for n, (_, known) in enumerate(rows) if known is None or last[known] == n]
    assert sorted(row["n"] for row in found) == wanted
    order = [(row["sort"] is not None, row["sort"] or 0) for row in found]
    assert order == sorted(order)


NAMES = st.text(st.characters(exclude_characters="'\"[].*$", exclude_categories=["Cs", "Cc"]), min_size=1)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), VALUES)
def test_a_path_finds_what_lies_there(names: list[str], value: Any) -> None:
    document: Any = value
    for name in reversed(names):
        document = {name: document, "other": 1} if name != "other" else {name: document}
    for path in (".".join(names), "$." + ".".join(names), "".join(f"['{name}']" for name in names)):
        assert value_at(document, path) == value
    wanted = [] if value is None else value if isinstance(value, list) else [value]
    assert values_at(document, ".".join(names)) == wanted


@settings(deadline=None)
@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_paths(text: str) -> None:
    try:
        steps = steps_of(text)
    except ValueError:
        return
    assert isinstance(steps, tuple)
