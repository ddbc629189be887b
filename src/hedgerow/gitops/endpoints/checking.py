"""Runs the tests of files against a server, and tells in which rows an answer differs."""

import difflib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hedgerow.gitops.endpoints.fields import Expectation, TestFields
from hedgerow.gitops.endpoints.sides import Local
from hedgerow.gitops.faults import Refused
from hedgerow.gitops.remote import Remote

_CLOSE = 1e-9
"""How far two numbers may be apart, relative to the larger: sums of floats differ in the last digits."""
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test went: `faults` are empty where it holds. `where` is its place in the file."""

    endpoint: str
    test: str
    where: str
    faults: Sequence[str]
    milliseconds: float


def check(remote: Remote, source: Local, number: int, version: int) -> Outcome:
    """Run one test of a file, counted from 0; on `version` unless it says another."""
    test = source.fields.tests[number]
    begun = time.perf_counter()
    try:
        faults = compared(test.expect, _run(remote, source.name, test, version))
    except Refused as refusal:
        faults = [f"the run was refused: {refusal.status} {refusal.reason}"]
    where = f"{source.document.file}:{source.document.line(('tests', number))}"
    return Outcome(source.name, test.name, where, faults, (time.perf_counter() - begun) * 1_000)


def compared(expect: Expectation, answer: Mapping[str, Any]) -> list[str]:
    """What of the expectation an answer does not fulfil, each in a few lines."""
    columns, rows = list(answer.get("columns") or ()), answer["results"]
    shown = [_row(row, columns) for row in rows]
    cut = " (the answer was cut off: give the test a limit)" if answer.get("hasMore") else ""
    faults = []
    if expect.columns is not None and expect.columns != columns:
        faults.append(f"columns differ\n{_difference(expect.columns, columns)}")
    if expect.row_count is not None and (expect.row_count != len(rows) or cut):
        faults.append(f"{expect.row_count} rows expected, {len(rows)} came{cut}")
    if expect.min_rows is not None and len(rows) < expect.min_rows:
        faults.append(f"at least {expect.min_rows} rows expected, {len(rows)} came{cut}")
    if expect.rows is not None and not _all_fit(expect.rows, shown):
        faults.append(f"rows differ{cut}\n{_difference(*_printed(expect.rows, shown))}")
    faults += [f"no row is {_text(want)}{cut}" for want in expect.contains or () if not _any_fits(want, shown)]
    return faults


def _run(remote: Remote, name: str, test: TestFields, version: int) -> dict[str, Any]:
    """Past what is cached: a test is of the query and the data as they are."""
    body = {"variables": test.variables, "version": version if test.version is None else test.version}
    more = {} if test.limit is None else {"limit": test.limit}
    answer: dict[str, Any] = remote.post(f"endpoints/{quote(name)}/run", {**body, **more, "refresh": "force"})
    return answer


def _row(row: Any, columns: Sequence[str]) -> dict[str, Any]:
    """A row by column; those of one name are numbered."""
    if isinstance(row, dict):
        return row
    found: dict[str, Any] = {}
    for place, value in enumerate(row if isinstance(row, list) else [row]):
        name = columns[place] if place < len(columns) else str(place)
        found[name if name not in found else f"{name}#{place}"] = value
    return found


def _all_fit(wanted: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    return len(wanted) == len(rows) and all(_fits(want, row) for want, row in zip(wanted, rows, strict=True))


def _any_fits(want: Any, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(_fits(want, row) for row in rows)


def _fits(want: Any, row: Mapping[str, Any]) -> bool:
    """A list is a whole row; a mapping is what some of its columns are."""
    if isinstance(want, dict):
        return all(name in row and _equal(value, row[name]) for name, value in want.items())
    return _equal(want, list(row.values()))


def _equal(want: Any, got: Any) -> bool:
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(_equal, want, got))
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(_equal(want[name], got[name]) for name in want)
    if isinstance(want, bool) or isinstance(got, bool) or not isinstance(want, int | float):
        return type(want) is type(got) and bool(want == got)
    if not isinstance(got, int | float):
        return False
    if isinstance(want, int) and isinstance(got, int):
        return want == got
    return abs(want - got) <= _CLOSE * max(abs(want), abs(got))


def _printed(wanted: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Both sides as lines; a row that fits is printed as it was wanted, so that no difference is shown there."""
    got = [_text(list(row.values())) for row in rows]
    left = [_text(want) for want in wanted]
    for place, (want, row) in enumerate(zip(wanted, rows, strict=False)):
        if _fits(want, row):
            got[place] = left[place]
        elif isinstance(want, dict):
            got[place] = _text({name: row.get(name) for name in want})
    return left, got


def _difference(wanted: Sequence[str], got: Sequence[str]) -> str:
    """Lines with `-` are expected and missing, those with `+` came instead."""
    lines = [line.rstrip("\n") for line in difflib.ndiff(list(wanted), list(got)) if not line.startswith("?")]
    more = [f"  … {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return "\n".join(lines[:_MOST_LINES] + more)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
