"""A file's bytes, from the first to the last or here and there; a connection that is cut is made again."""

import io
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError

from hedgerow.connectors.base import Unreachable
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.faults import unreachable
from hedgerow.connectors.watching import Watch

_TRIES = 5
_PAUSE_SECONDS = 0.2
_PIECE = 1 << 20


class Stream(io.RawIOBase):
    """A file from its beginning to its end, or to `end`."""

    def __init__(self, bucket: Bucket, item: Object, watch: Watch, end: int | None = None) -> None:
        self._bucket, self._item, self._watch = bucket, item, watch
        self._end = item.size if end is None else min(end, item.size)
        self._at = 0
        self._body: Any = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something; raises `SourceError`."""
        wanted = min(len(buffer), self._end - self._at, _PIECE)
        if wanted <= 0:
            return 0
        for attempt in range(1, _TRIES + 1):
            self._watch.check()
            try:
                if self._body is None:
                    end = None if self._end == self._item.size else self._end
                    self._body = self._bucket.get(self._item, self._at, end)
                piece: bytes = self._body.read(wanted)
                if piece:
                    break
            except (BotoCoreError, Unreachable):
                pass
            # It ended before its end.
            self._let_go()
            if attempt == _TRIES:
                raise unreachable(self._bucket.place)
            self._watch.pause(_PAUSE_SECONDS * 2**attempt)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Let the connection go."""
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._body is not None:
            with suppress(Exception):
                self._body.close()
            self._body = None


class Ranges(io.RawIOBase):
    """A file read here and there, each time by one request that is read to its end."""

    def __init__(self, bucket: Bucket, item: Object, watch: Watch) -> None:
        self._bucket, self._item, self._watch = bucket, item, watch
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._item.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or as much of it as is left of the file; raises `SourceError`."""
        start, end = self._at, min(self._at + len(buffer), self._item.size)
        if end <= start:
            return 0
        part = Span(self._bucket, self._item, self._watch, start, end)
        with part:
            while part.tell() < end:
                part.readinto(memoryview(buffer)[part.tell() - start : end - start])
        self._at = part.tell()
        return self._at - start


class Span(Stream):
    """The bytes from `start` to `end`."""

    def __init__(self, bucket: Bucket, item: Object, watch: Watch, start: int, end: int) -> None:
        super().__init__(bucket, item, watch, end)
        self._at = start
