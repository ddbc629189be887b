"""Queries and what becomes of them, from data files: one file per pass.

A case is `-- name`, optionally `-- with {"variables": …}` (keywords of `CompileOptions`), the query, then `-- expect`
and the text for the engine (a line `-- v0 String 'x'` per parameter follows it), or `-- error` and the message.
`-- rows` and JSON may follow: what the engine answers.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.passes import filters
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query
from tests.language.query.catalogs import CATALOG, Asker

FOLDER = Path(__file__).parents[2] / "fixtures" / "query"
FILES = (
    "placeholders", "filters", "resolve", "views", "star", "joins",
    "limits", "guard", "printing", "nulls", "comparing", "calls", "early",
)  # fmt: skip
_WORDS = ("with", "expect", "error", "rows")
_NOW = datetime(2020, 3, 15, 10, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One block of a file."""

    file: str
    name: str
    query: str
    options: dict[str, Any]
    expect: str | None
    error: str | None
    rows: list[list[Any]] | None


def read(file: str) -> Iterator[Case]:
    for block in f"\n{(FOLDER / file).with_suffix('.sql').read_text()}".split("\n\n-- ")[1:]:
        name, _, body = block.partition("\n")
        parts: dict[str, list[str]] = {"query": []}
        part = "query"
        for line in body.strip().splitlines():
            word, _, rest = line.removeprefix("-- ").partition(" ")
            if line.startswith("-- ") and word in _WORDS:
                parts[word], back = [rest], part
                part = back if word == "with" else word
            else:
                parts[part].append(line)
        texts = {word: "\n".join(lines).strip() for word, lines in parts.items()}
        rows = json.loads(texts["rows"]) if "rows" in texts else None
        options = json.loads(texts.get("with", "{}"))
        yield Case(file, name, texts["query"], options, texts.get("expect"), texts.get("error"), rows)


CASES = [case for file in FILES for case in read(file)]
RUNNABLE = [case for case in CASES if case.error is None and "linked" not in case.query]


def compiled(case: Case) -> CompiledQuery:
    return compile_query(case.query, CATALOG, CompileOptions(**case.options))


def printed(case: Case) -> str:
    """The text for the engine and its parameters, or the message."""
    try:
        made = compiled(case)
    except InvalidInput as fault:
        return fault.detail
    lines = [f"-- {name} {bound.type} {bound.value!r}" for name, bound in made.parameters.items()]
    return "\n".join([made.sql, *lines])


def ids(cases: list[Case]) -> list[str]:
    return [f"{case.file}: {case.name}" for case in cases]


@pytest.fixture(autouse=True)
def _at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return _NOW

    monkeypatch.setattr(filters, "datetime", Clock)


def test_names_are_unique() -> None:
    names = ids(CASES)
    assert len(names) == len(set(names))
    assert all((case.expect is None) != (case.error is None) for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_becomes(case: Case) -> None:
    assert printed(case) == (case.expect or case.error)


@pytest.mark.parametrize("case", RUNNABLE, ids=ids(RUNNABLE))
def test_runs(case: Case, ask: Asker) -> None:
    rows = ask.run(compiled(case))
    if case.rows is not None:
        ordered = "order by" in case.query
        assert rows == case.rows if ordered else sorted(rows, key=repr) == sorted(case.rows, key=repr)
