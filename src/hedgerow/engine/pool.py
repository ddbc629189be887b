"""What both engines do alike with their threads: work that is cancelled with its task, streams of constant memory."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from hedgerow.engine.errors import EngineUnavailable
from hedgerow.engine.lanes import Lanes
from hedgerow.kit.errors import HedgerowError

T = TypeVar("T")
Kill = Callable[[str], "Future[bool]"]
_CHUNKS_AHEAD = 4
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 5.0


class Pool:
    """Runs an engine's blocking work. `kill` ends queries with a tag in the engine itself; whether there were any."""

    def __init__(self, quick: int, total: int, kill: Kill) -> None:
        self._lanes, self._kill = Lanes(quick, total), kill
        self._ending: set[asyncio.Task[None]] = set()

    async def work(self, tag: str, work: Callable[[], T]) -> T:
        """What `work` returns; when the waiting task is cancelled, so is the query with that tag."""
        future = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel() and tag:
                self._end(tag, future)
            raise

    async def stream(self, tag: str, chunks: Callable[[], Iterator[T]]) -> AsyncGenerator[T]:
        """The chunks, read on a thread a few ahead of whoever takes them; closing it ends the query."""
        ready: asyncio.Queue[T | None] = asyncio.Queue()
        room, stop = threading.Semaphore(_CHUNKS_AHEAD), threading.Event()
        loop = asyncio.get_running_loop()

        def produce() -> None:
            try:
                for chunk in chunks():
                    room.acquire()
                    if stop.is_set():
                        return
                    loop.call_soon_threadsafe(ready.put_nowait, chunk)
            finally:
                loop.call_soon_threadsafe(ready.put_nowait, None)

        work = self._submit(produce)
        producer = asyncio.wrap_future(work)
        try:
            while (chunk := await ready.get()) is not None:
                room.release()
                yield chunk
            await producer
        finally:
            if not producer.done():
                stop.set()
                room.release()
                self._end(tag, work)

    def close(self) -> None:
        """Take nothing more, and wait for what runs."""
        self._lanes.close()

    def _end(self, tag: str, work: "Future[Any]") -> None:
        """End a query that nobody waits for. It may be on its way yet: then it is looked for until it is there."""
        ending = asyncio.create_task(self._ended(tag, work))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _ended(self, tag: str, work: "Future[Any]") -> None:
        wait = _FIRST_WAIT
        while not work.done():
            with suppress(HedgerowError, Lanes.Full):
                if await asyncio.wrap_future(self._kill(tag)):
                    return
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._lanes.submit(work)
        except Lanes.Full as error:
            raise EngineUnavailable from error


class Afterwards:
    """Calls `work` on a thread of its own, `seconds` after it was first asked for, once for all who ask till then.

    To be used from any thread.
    """

    def __init__(self, work: Callable[[], object], seconds: float) -> None:
        self._work, self._seconds = work, seconds
        self._lock, self._working = threading.Lock(), threading.Lock()
        self._coming: threading.Timer | None = None
        self._closed = False

    def ask(self) -> None:
        """See that it is done once more."""
        with self._lock:
            if self._coming is None and not self._closed:
                self._coming = threading.Timer(self._seconds, self._do)
                self._coming.daemon = True
                self._coming.start()

    def close(self) -> None:
        """What was asked for is not done any more; waits for what is being done."""
        with self._lock:
            self._closed, coming = True, self._coming
        if coming is not None:
            coming.cancel()
            coming.join()
        with self._working:
            pass

    def _do(self) -> None:
        with self._working:
            with self._lock:
                self._coming = None
                if self._closed:
                    return
            self._work()
