"""A file as readers of formats take it: its bytes, unpacked where it was packed."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hedgerow.connectors.base import Config
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.content import Ranges, Stream
from hedgerow.connectors.watching import Watch

_MARKS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_BUFFER = 1 << 20
_MOMENT = 0.1


class Paced(io.RawIOBase):
    """A stream that is not read far ahead of what is used of it: Arrow's own reader would take 32 blocks.

    `allow` says how far it may be read. Who waits for rows gets more after a moment: some blocks have none.
    """

    def __init__(self, source: pa.NativeFile) -> None:
        self._source, self._at, self._limit = source, 0, 0
        self._moved = threading.Condition()
        self._hungry = self._left = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, as far as there is something."""
        with self._moved:
            while self._at >= self._limit and not self._left:
                if not self._moved.wait(_MOMENT) and self._hungry:
                    break
            if self._left:
                return 0
        view, size = memoryview(buffer), 0
        while size < len(view) and (piece := self._source.read(len(view) - size)):
            view[size : size + len(piece)] = piece
            size += len(piece)
        self._at += size
        return size

    @contextmanager
    def allow(self, limit: int) -> Iterator[None]:
        """It may be read up to there; within the block somebody waits for rows."""
        with self._moved:
            self._limit, self._hungry = max(limit, self._limit), True
            self._moved.notify_all()
        try:
            yield
        finally:
            self._hungry = False

    def leave(self) -> None:
        """Whoever reads it is at its end."""
        with self._moved:
            self._left = True
            self._moved.notify_all()


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of a bucket, with what the form says of files. `watch` tells when nobody wants it any more."""

    bucket: Bucket
    item: Object
    config: Config
    watch: Watch

    @contextmanager
    def stream(self) -> Iterator[pa.NativeFile]:
        """Its bytes from the beginning on, unpacked."""
        with io.BufferedReader(Stream(self.bucket, self.item, self.watch), _BUFFER) as raw:
            packed = next((kind for mark, kind in _MARKS.items() if raw.peek(4).startswith(mark)), None)
            file = pa.PythonFile(raw, mode="r")
            yield pa.CompressedInputStream(file, packed) if packed else file

    @contextmanager
    def paced(self) -> Iterator[Paced]:
        """The same, for a reader that reads ahead."""
        with self.stream() as file:
            pace = Paced(file)
            try:
                yield pace
            finally:
                pace.leave()

    @contextmanager
    def ranges(self, buffer: int = 1 << 16) -> Iterator[pa.NativeFile]:
        """Its bytes, here and there."""
        with io.BufferedReader(Ranges(self.bucket, self.item, self.watch), buffer) as raw:
            yield pa.PythonFile(raw, mode="r")
