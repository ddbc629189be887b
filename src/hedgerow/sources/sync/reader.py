"""Reads a remote in a thread of its own, one batch ahead, and stops when nobody wants any more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TypeAlias

import pyarrow as pa

from hedgerow.connectors import Watch

_AHEAD = 1
_Item: TypeAlias = "pa.RecordBatch | BaseException | None"


class Reader:
    """`async with Reader(start) as reader: async for batch in reader.batches(): …`.

    `start` makes the iterator, in the thread; what it raises is raised by `batches`. Leaving the block does not wait
    for a remote that is silent: `watch` tells the remote to stop, and the thread then closes the connection.
    """

    def __init__(self, start: Callable[[], Iterator[pa.RecordBatch]], watch: Watch) -> None:
        self._start, self._watch = start, watch
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="hedgerow-read", daemon=True)

    async def __aenter__(self) -> "Reader":
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._room.release()
        if self._thread.is_alive():  # it may be waiting for a remote, and so may whoever stops that
            threading.Thread(target=self._watch.stop, name="hedgerow-stop", daemon=True).start()

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """The batches, each handed over once."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            self._room.release()

    def _read(self) -> None:
        reading: Iterator[pa.RecordBatch] | None = None
        try:
            reading = self._start()
            for batch in reading:
                self._hand_over(batch)
                self._room.acquire()
                if self._stopped.is_set():
                    return
            self._hand_over(None)
        except BaseException as error:
            self._hand_over(error)
        finally:
            close = getattr(reading, "close", None)
            if close is not None:
                with suppress(Exception):
                    close()

    def _hand_over(self, item: _Item) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to take it
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
