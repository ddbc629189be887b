"""Reads a log in a thread of its own, which gathers while the last portion is applied, and keeps the remote waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from hedgerow.connectors.changes import Log
from hedgerow.sources.changes.gathering import Gatherer, Portion

_STEP_SECONDS = 0.5


class LogReader:
    """`async with LogReader(start, gatherer) as reader: async for portion in reader.portions(): …`.

    Leaving the block does not wait for a remote that is silent; what the thread raises is raised by `portions`.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Log]], gatherer: Gatherer) -> None:
        self._start, self._gatherer = start, gatherer
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Portion | BaseException] = asyncio.Queue()
        self._wanted, self._stopped = threading.Event(), threading.Event()
        self._log: Log | None = None
        self._thread = threading.Thread(target=self._read, name="hedgerow-log", daemon=True)

    @property
    def system(self) -> str | None:
        """What tells the remote; known with the first portion."""
        return self._log.system if self._log is not None else None

    def confirm(self, lsn: int) -> None:
        """What lies before `lsn` is safe: the remote need not keep it."""
        if self._log is not None:
            self._log.confirmed = max(self._log.confirmed, lsn)

    async def __aenter__(self) -> "LogReader":
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._wanted.set()

    async def portions(self) -> AsyncIterator[Portion]:
        """Portions as soon as they are asked for and there; an empty one now and then when nothing happens."""
        while True:
            self._wanted.set()
            item = await self._queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self) -> None:
        try:
            with self._start() as log:
                self._log = log
                self._gather(log)
        except BaseException as error:
            self._hand_over(error)

    def _gather(self, log: Log) -> None:
        for event in log.events():
            if self._stopped.is_set():
                return
            self._gatherer.take(event)
            if not self._gatherer.full and not (self._wanted.is_set() and self._gatherer.ready):
                continue
            while not self._wanted.wait(_STEP_SECONDS):
                log.keep_alive()
            if self._stopped.is_set():
                return
            self._wanted.clear()
            self._hand_over(self._gatherer.portion())

    def _hand_over(self, item: Portion | BaseException) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to take it
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
