"""What both engines do alike with their threads: work that is cancelled with its task, streams of constant memory."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from hedgerow.engine.errors import EngineUnavailable
from hedgerow.engine.lanes import Lanes

T = TypeVar("T")
Kill = Callable[[str], object]
_CHUNKS_AHEAD = 4


class Pool:
    """Runs an engine's blocking work. `kill` ends the query with a tag in the engine itself."""

    def __init__(self, quick: int, total: int, kill: Kill) -> None:
        self._lanes, self._kill = Lanes(quick, total), kill

    async def work(self, tag: str, work: Callable[[], T]) -> T:
        """What `work` returns; when the waiting task is cancelled, so is the query with that tag."""
        future = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel() and tag:
                self._kill(tag)
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

        producer = asyncio.wrap_future(self._submit(produce))
        try:
            while (chunk := await ready.get()) is not None:
                room.release()
                yield chunk
            await producer
        finally:
            if not producer.done():
                stop.set()
                room.release()
                self._kill(tag)

    def close(self) -> None:
        """Take nothing more, and wait for what runs."""
        self._lanes.close()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._lanes.submit(work)
        except Lanes.Full as error:
            raise EngineUnavailable from error
