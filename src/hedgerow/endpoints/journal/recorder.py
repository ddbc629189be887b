"""Keeps what runs note in memory, and writes it every second: no run waits for the store."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from hedgerow.endpoints.journal.crowds import Crowds
from hedgerow.endpoints.journal.entries import Noted
from hedgerow.endpoints.journal.sums import Sums
from hedgerow.endpoints.journal.wording import Line, line_of
from hedgerow.endpoints.records import Endpoint
from hedgerow.web.access import Principal

MOST_WAITING = 50_000
_DELAY_SECONDS = 1.0
_MOST_CACHED = 200
"""Runs from the cache that have a line each, of those that wait to be written."""
_SLICE = 16
"""Entries worded before anybody else has a turn: a request waits for 50 µs at most."""
_COUNTED = 100
"""The same for those that are only counted."""
_BATCH = 5_000
_log = structlog.get_logger("hedgerow.endpoints")


class Sink(Protocol):
    """Where lines go."""

    def write(self, lines: Sequence[Line], sums: Sequence[Sequence[int | str]]) -> None:
        """Keep lines, and rows of `Sums.take`, in one transaction; blocking."""
        ...


class Recorder:
    """Notes of runs on their way to the log. `close` after the last one."""

    def __init__(self, sink: Sink, most: int = MOST_WAITING, hear: Callable[[Noted, Line], None] | None = None) -> None:
        self._sink, self._most, self._hear = sink, most, hear
        self._sums = Sums()
        self._ended: deque[Noted] = deque()
        self._lines: deque[Line] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self.dropped = 0
        """Lines that were lost since the start, because the store did not take them for long."""

    def begin(self, principal: Principal, endpoint: Endpoint) -> Noted:
        """A run to be noted: `with recorder.begin(…) as noted`."""
        return Noted(self._keep, principal, endpoint)

    async def flush(self) -> None:
        """Write what waits. Whoever asked may go away meanwhile: it is written all the same."""
        await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def close(self) -> None:
        """Write what waits, and stop; what the store does not take now is lost."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            await self.flush()
        except Exception:
            _log.exception("lines of the log of runs were lost at the end", lost=len(self._ended) + len(self._lines))

    def _keep(self, entry: Noted) -> None:
        self._ended.append(entry)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_often())
        elif len(self._ended) > self._most:
            self._ended.popleft()
            self.dropped += 1

    async def _flush(self) -> None:
        async with self._flushing:
            await self._word()
            sums = self._sums.take()
            while self._lines or sums:
                batch = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
                try:
                    await asyncio.to_thread(self._sink.write, batch, sums)
                except Exception:
                    self._lines.extendleft(reversed(batch))
                    self._sums.give_back(sums)
                    raise
                sums = []

    async def _word(self) -> None:
        """Make lines of what has ended, a few at a time."""
        crowds = Crowds(_MOST_CACHED)
        worded = 0
        for number in range(1, len(self._ended) + 1):
            if not self._ended:
                break
            entry = self._ended.popleft()
            if not crowds.takes(entry):
                self._tell(entry, line_of(entry))
                worded += 1
            if worded == _SLICE or number % _COUNTED == 0:
                worded = 0
                await asyncio.sleep(0)
        for entry, line, micros in crowds.lines():
            self._tell(entry, line, micros)
        while len(self._lines) > self._most:
            self._lines.popleft()
            self.dropped += 1

    def _tell(self, entry: Noted, line: Line, micros: Sequence[int] = ()) -> None:
        self._sums.add(line, micros)
        if self._hear is not None:
            self._hear(entry, line)
        self._lines.append(line)

    async def _write_often(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(_DELAY_SECONDS)
            try:
                await self.flush()
            except Exception:
                _log.exception("runs not logged", waiting=len(self._ended) + len(self._lines))
            if self.dropped > told:
                _log.warning("lines of the log of runs were lost", lost=self.dropped - told, since_start=self.dropped)
                told = self.dropped
