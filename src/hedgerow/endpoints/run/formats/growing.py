"""A file while it is made: one task adds to it in its own time, one reader takes from it."""

import asyncio
from collections import deque
from dataclasses import dataclass

from hedgerow.engine.errors import QueryTimeout


@dataclass(frozen=True, slots=True)
class Head:
    """What is known before the first byte. Times are seconds since 1970, as a `Result` has them.

    `row_limit`: the most rows it may have; `cut`: whether those are not all there may be.
    """

    row_limit: int | None
    cut: bool
    made: float
    tables_at: float


class Growing:
    """At most `ahead` bytes wait for the reader, who may let it wait for `patience` seconds at a time."""

    def __init__(self, ahead: int, patience: float) -> None:
        self._ahead, self._patience = ahead, patience
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._error: Exception | None = None
        self._ended = False
        self._added, self._taken = asyncio.Event(), asyncio.Event()
        self.head: Head | None = None
        self.shared = False
        """Whether it was made for somebody else."""
        self.facts = b""
        """Those of its result, once it has ended well."""

    def begin(self, head: Head) -> None:
        """Say what is known; nothing is wrong so far."""
        self.head = head
        self._added.set()

    async def add(self, piece: bytes) -> None:
        """Add a piece, once there is room. Raises `QueryTimeout` when the reader does not read."""
        self._waiting.append(piece)
        self._bytes += len(piece)
        self._added.set()
        while self._bytes > self._ahead:
            self._taken.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await self._taken.wait()
            except TimeoutError:
                raise QueryTimeout("The answer was not read in time.") from None

    def end(self, error: Exception | None = None, facts: bytes = b"") -> None:
        """Nothing more comes; `error` is why, if it is not whole."""
        self._ended, self._error, self.facts = True, error, facts
        self._added.set()

    async def begun(self) -> Head:
        """What is known before the first byte; raises what went wrong until then."""
        while self.head is None:
            if self._error is not None:
                raise self._error
            self._added.clear()
            await self._added.wait()
        return self.head

    async def take(self) -> bytes | None:
        """The next piece, `None` at the end; raises what went wrong."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._ended:
                return None
            self._added.clear()
            await self._added.wait()
        piece = self._waiting.popleft()
        self._bytes -= len(piece)
        self._taken.set()
        return piece

    async def whole(self, seconds: float, most: int) -> bytes | None:
        """All of it, if it ends within so long, is no larger than `most` bytes, and nothing was taken yet.

        Raises what went wrong.
        """
        try:
            async with asyncio.timeout(seconds):
                while not self._ended and self._bytes <= most:
                    self._added.clear()
                    await self._added.wait()
        except TimeoutError:
            return None
        if self._error is not None:
            raise self._error
        return b"".join(self._waiting) if self._bytes <= most else None
