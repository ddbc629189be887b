"""An answer that a server sends piece by piece, and the error that it may end with."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from hedgerow.engine.errors import EngineUnavailable
from hedgerow.engine.faults import fault

_CHUNK = 1 << 16
_MARK = b"__exception__\r\n"
_END = re.compile(rb"\n\d+ \w+\r\n__exception__\r\n$")
_LONGEST_TEXT = 1 << 16


def received(source: Any) -> Iterator[bytes]:
    """The pieces as they come. Raises the error of a query that fails after its first rows, and raises no driver's own.

    Such a query's status was told long before: the server writes the error behind the rows and breaks off.
    """
    from urllib3.exceptions import HTTPError

    mark = _MARK + source.headers.get("X-ClickHouse-Exception-Tag", "").encode() + b"\r\n"
    try:
        while piece := source.read1(_CHUNK):
            if mark in piece:
                raise fault(_text(piece.partition(mark)[2] + _rest(source)))
            yield piece
    except HTTPError as error:
        raise EngineUnavailable from error


def batches_of(pieces: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """The batches of one Arrow stream."""
    source = _Pieces(pieces)
    if source.begun():
        yield from pa.ipc.open_stream(pa.PythonFile(source, mode="r"))


def _rest(source: Any) -> bytes:
    """What the server still says before it breaks off."""
    from urllib3.exceptions import HTTPError

    said = b""
    try:
        while len(said) < _LONGEST_TEXT and (piece := source.read1(_CHUNK)):
            said += piece
    except HTTPError:
        pass
    return said


def _text(said: bytes) -> str:
    """The error's own text, without what comes behind it: its length, and the mark once more."""
    return _END.sub(b"", said).decode(errors="replace")


class _Pieces(io.RawIOBase):
    """A file to read from, made of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def begun(self) -> bool:
        """Whether there is anything to read."""
        self._left = self._left or next(self._pieces, b"")
        return bool(self._left)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = -1 if size is None else size
        found = [self._left]
        length = len(self._left)
        while (wanted < 0 or length < wanted) and (piece := next(self._pieces, b"")):
            found.append(piece)
            length += len(piece)
        whole = b"".join(found)
        end = length if wanted < 0 else wanted
        self._left = whole[end:]
        return whole[:end]
