"""How a run that has ended reads in the log: its level and its one line. Values of variables never come into it."""

import asyncio
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from hedgerow.endpoints.journal.entries import Noted
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.ids import uuid_label
from hedgerow.web.access import Kind, Principal

INFO, WARN, ERROR = "INFO", "WARN", "ERROR"
INLINE, FALLBACK = "inline", "materialized_fallback"
_KINDS = {Kind.PERSON: "personal_key", Kind.PROJECT: "secret_key", Kind.BROWSER: "token"}
_HUNG_UP = 499
_LONGEST = 2_000
_PART = 4
"""So many characters of a value in a row are not shown; a shorter value is taken out as a whole word."""
_MOST_VALUES, _MOST_CHARACTERS = 1_000, 100_000
_HIDDEN = ord("0")
Line = dict[str, Any]


def caller_of(principal: Principal) -> tuple[str, str]:
    """The kind of credentials, and a key's id; of a token whom it is for, where that is said, else its signing key."""
    kind = _KINDS[principal.kind]
    if principal.bounds is not None and principal.bounds.named:
        return kind, principal.bounds.named[:200]
    return kind, principal.key_id


def line_of(entry: Noted) -> Line:
    """The entry as a row of the log, and `bytes_read` beside it."""
    kind, caller = caller_of(entry.principal)
    line = {
        "project_id": entry.endpoint.project_id,
        "endpoint_id": entry.endpoint.id.hex,
        "at": int(entry.at * 1e6),
        "instance_id": entry.answer[0] if entry.answer else uuid_label(),
        "version": _number(entry),
        "caller_kind": kind,
        "caller": caller.replace("\0", ""),
        "cached": entry.answer is not None and entry.answer[2],
        "duration": int(entry.seconds * 1e6),
    }
    return line | (_answered(entry, line) if entry.error is None else _failed(entry, entry.error))


def _answered(entry: Noted, line: Line) -> Line:
    facts = orjson.loads(entry.answer[1]) if entry.answer else {}
    path, rows, reason = facts.get("path", INLINE), facts.get("row_count"), facts.get("reason")
    cache = "hit" if line["cached"] else "miss"
    milliseconds = f"{line['duration'] / 1000:.3f}".rstrip("0").rstrip(".")
    text = (
        f"Endpoint executed · path={path} cache={cache} duration_ms={milliseconds} "
        f"rows={rows} version={line['version']}"
    )
    if reason:
        text = f"{text} · {reason}"
    return {
        "level": INFO,
        "path": path,
        "status": 200,
        "row_count": rows,
        "bytes_read": facts.get("bytes_read", 0),
        "error": None,
        "message": text[:_LONGEST],
    }


def _failed(entry: Noted, error: BaseException) -> Line:
    status, code, detail = _told(error)
    detail = without(detail[:_LONGEST], entry.values or {})
    path = _path(entry) if entry.executing else ""
    if entry.hung_up:
        text = f"Endpoint execution cancelled · path={path} version={_number(entry)} · {detail}"
    elif entry.executing:
        text = f"Endpoint execution failed · path={path} version={_number(entry)} error={code} · {detail}"
    else:
        text = f"Endpoint execution failed · invalid request · {detail}"
    text = text.replace("\0", "")[:_LONGEST]
    level = WARN if entry.hung_up else ERROR
    return {
        "level": level,
        "path": path,
        "status": status,
        "row_count": None,
        "bytes_read": 0,
        "error": code[:80],
        "message": text,
    }


def _number(entry: Noted) -> int:
    return 0 if entry.version is None else entry.version.number


def _path(entry: Noted) -> str:
    """The way it would have taken: whatever fails on tables is tried inline before it fails."""
    kept = None if entry.version is None else entry.version.materialization
    return INLINE if entry.direct or kept is None or kept.tables is None else FALLBACK


def _told(error: BaseException) -> tuple[int, str, str]:
    """Status, code and text of what a run has failed with."""
    if isinstance(error, HedgerowError):
        told = error.detail if error.attr is None else f"{error.attr}: {error.detail}"
        return int(error.status), error.code, told
    if isinstance(error, asyncio.CancelledError):
        return _HUNG_UP, "cancelled", "the client did not wait for the answer"
    return 500, type(error).__name__, "A server error occurred."


def without(text: str, values: Mapping[str, Any]) -> str:
    """The text with whatever is of one of the values taken out of it, also where it shows only a part.

    It is left out as a whole when there are more values than can be looked for.
    """
    plain = list(itertools.islice(_texts(values), _MOST_VALUES + 1))
    if len(plain) > _MOST_VALUES or sum(map(len, plain)) > _MOST_CHARACTERS:
        return "…"
    parts = {value[place : place + _PART] for value in plain for place in range(len(value) - _PART + 1)}
    shown = bytearray(b"1" * len(text))
    for place in range(len(text) - _PART + 1):
        if text[place : place + _PART] in parts:
            shown[place : place + _PART] = b"0" * _PART
    for value in {value for value in plain if 0 < len(value) < _PART}:
        for found in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
            shown[found.start() : found.end()] = b"0" * len(value)
    return "".join(
        "…" if hidden else "".join(letter for letter, _ in run)
        for hidden, run in itertools.groupby(zip(text, shown, strict=True), lambda pair: pair[1] == _HIDDEN)
    )


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, Mapping):
        for each in values.values():
            yield from _texts(each)
    elif isinstance(values, list | tuple):
        for each in values:
            yield from _texts(each)
    elif values is not None and not isinstance(values, bool):
        yield str(values)
