"""Answers as bytes: the engine's rows spliced into a JSON envelope, never parsed."""

from collections.abc import Mapping
from typing import Any

import orjson

from hedgerow.engine.result import Answer


def trimmed(answer: Answer, row_limit: int | None) -> tuple[bytes, int, bool]:
    """The rows as one JSON array, how many, and whether there were more than `row_limit` (those are cut)."""
    rows, count = answer.rows, answer.row_count
    if row_limit is None or count <= row_limit:
        return _array(rows), count, False
    return _array(rows[: _end_of(rows, row_limit, count)]), row_limit, True


def spliced(rows: bytes, rest: Mapping[str, Any]) -> bytes:
    """A JSON object: `results` first, then `rest`."""
    return b"".join((b'{"results":', rows, b",", orjson.dumps(rest, default=str)[1:]))


def types(answer: Answer) -> list[list[str]]:
    """Pairs of column and the engine's type."""
    return [[column.name, column.type] for column in answer.columns]


def _array(rows: bytes) -> bytes:
    return b"".join((b"[", rows.removesuffix(b"\n").replace(b"\n", b","), b"]"))


def _end_of(rows: bytes, lines: int, count: int) -> int:
    """Where the first `lines` of `count` lines end."""
    if count == lines + 1:
        return rows.rfind(b"\n", 0, len(rows) - 1) + 1
    end = 0
    for _ in range(lines):
        end = rows.index(b"\n", end) + 1
    return end
