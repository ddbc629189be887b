"""JSON: objects one after the other, on lines of their own or not, or in one list."""

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.rest.kinds import ARROW, Kind, Seen, read, seen_in, text_of
from hedgerow.connectors.s3.faults import broken
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import Misfit, Schema, fitting

_PIECE = 1 << 20
_LONGEST = 512 << 20
_ROWS = 5000
_BYTES = 4 << 20
_BLANK, _BLANK_OR_COMMA = re.compile(r"[ \t\r\n]*"), re.compile(r"[ \t\r\n,]*")
_KINDS: Mapping[pa.DataType, Kind] = {
    pa.date32(): "date",
    pa.timestamp("us"): "local",
    pa.timestamp("us", "UTC"): "datetime",
}
_DECODER = json.JSONDecoder()
Row = Mapping[str, Any]


def schema(opened: Opened, most: int | None) -> tuple[Schema, bool]:
    """The columns by the first `most` bytes, or all; and whether these were all."""
    seen: dict[str, Seen] = {}
    names: dict[str, None] = {}
    total = 0
    for objects, size in _portions(opened):
        opened.watch.check()
        for row in objects:
            names.update(dict.fromkeys(row))
        seen_in(({name: value for name, value in row.items() if value is not None} for row in objects), seen)
        total += size
        if most is not None and total >= most:
            return _types(names, seen), False
    return _types(names, seen), True


def rows(opened: Opened, columns: Schema, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows under the wanted columns; raises `Misfit`, `Refused`."""
    for objects, _ in _portions(opened):
        for names in set(map(tuple, objects)):
            if (unknown := next((name for name in names if name not in columns), None)) is not None:
                raise Misfit(unknown)
        arrays = [_array([row.get(name) for row in objects], columns[name], name) for name in wanted]
        if arrays:
            yield pa.RecordBatch.from_arrays(arrays, names=list(wanted))
        else:
            yield pa.RecordBatch.from_struct_array(pa.array([{}] * len(objects), pa.struct([])))


def _types(names: Mapping[str, None], seen: Mapping[str, Seen]) -> Schema:
    return {name: ARROW[seen[name].kind] if name in seen else pa.null() for name in names}


def _array(values: list[Any], kind: pa.DataType, name: str) -> pa.Array:
    there = set(map(type, values)) - {type(None)}
    try:
        if kind in _KINDS:
            return fitting(_times(values, kind, texts=there <= {str}), kind, name)
        if kind == pa.string() and not there <= {str}:
            values = [text_of(value) for value in values]
        elif kind != pa.bool_() and bool in there:
            raise Misfit(name)
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, TypeError) as error:
        raise Misfit(name) from error


def _times(values: list[Any], kind: pa.DataType, *, texts: bool) -> pa.Array:
    if texts:
        with suppress(pa.ArrowInvalid):  # all of one form, as is usual: many times faster
            return pc.cast(pa.array(values, pa.string()), kind)
    return pa.array([read(value, _KINDS[kind]) for value in values], kind)


def _portions(opened: Opened) -> Iterator[tuple[list[Row], int]]:
    """Objects, some at a time, with about how many bytes they were."""
    waiting: list[Row] = []
    size = 0
    for value, length in _values(opened):
        if not isinstance(value, dict):
            raise broken(opened.item.key, "it holds something else than JSON objects.")
        waiting.append(value)
        size += length
        if len(waiting) == _ROWS or size >= _BYTES:
            yield waiting, size
            waiting, size = [], 0
    if waiting:
        yield waiting, size


def _values(opened: Opened) -> Iterator[tuple[Any, int]]:
    """The values of a file or of its one list, with their lengths."""
    text, at, listed, ended = "", 0, None, False
    blank = _BLANK
    with opened.stream() as file:
        decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        while True:
            at = _past(blank, text, at)
            if at < len(text) and listed is None and (listed := text[at] == "["):
                at, blank = at + 1, _BLANK_OR_COMMA
                continue
            while (found := _decoded(text, at, whole=ended)) is not None:
                yield found[0], found[1] - at
                at = _past(blank, text, found[1])
            if at < len(text) and listed and text[at] == "]":
                return
            if ended:
                if at < len(text) or listed:
                    raise broken(opened.item.key, "it is not JSON, or it breaks off.")
                return
            piece = _piece(opened, file, len(text) - at)
            text, at, ended = text[at:] + decode(piece, not piece), 0, not piece


def _past(blank: re.Pattern[str], text: str, at: int) -> int:
    """Where the next value begins."""
    found = blank.match(text, at)
    return found.end() if found else at


def _decoded(text: str, at: int, *, whole: bool) -> tuple[Any, int] | None:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    # A number at the end of what is there may go on.
    return (value, end) if end < len(text) or whole or isinstance(value, dict | list) else None


def _piece(opened: Opened, file: pa.NativeFile, waiting: int) -> bytes:
    """More bytes: as many again as wait for the end of a value, so that long values are not tried too often."""
    if waiting > _LONGEST:
        raise broken(opened.item.key, "a value of it is longer than 512 MB, or it is not JSON.")
    try:
        found: bytes = file.read(max(_PIECE, waiting))
    except OSError as error:
        raise broken(opened.item.key, "it is packed, and damaged.") from error
    return found
