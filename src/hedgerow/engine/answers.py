"""Reads the engine's `JSONCompactEachRowWithNamesAndTypes` bytes into an `Answer`, rows untouched."""

import orjson

from hedgerow.engine.result import Answer, Column


def read_answer(body: bytes, rows_read: int = 0, bytes_read: int = 0, seconds: float = 0.0) -> Answer:
    """`body` is a line of names, a line of types, and a line per row; empty for statements that answer nothing."""
    if not body:
        return Answer((), b"", 0, rows_read, bytes_read, seconds)
    names_end = body.index(b"\n") + 1
    types_end = body.index(b"\n", names_end) + 1
    names, types = orjson.loads(body[:names_end]), orjson.loads(body[names_end:types_end])
    rows = body[types_end:]
    columns = tuple(Column(name, kind) for name, kind in zip(names, types, strict=True))
    return Answer(columns, rows, rows.count(b"\n"), rows_read, bytes_read, seconds)
