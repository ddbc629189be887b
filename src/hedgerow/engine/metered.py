"""Counts the queries that go through an engine, for whoever watches it."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from hedgerow.engine.base import Engine
from hedgerow.engine.result import Answer, Query


@dataclass(slots=True)
class Figures:
    """Since the start, but for `running`. Written on event loops, read by anybody: none of them needs to be exact."""

    running: int = 0
    total: int = 0
    failed: int = 0
    seconds: float = 0.0


class _Metered:
    """`run` and streams are counted; everything else is the engine's own."""

    def __init__(self, engine: Engine, figures: Figures) -> None:
        self._engine, self._figures = engine, figures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def run(self, query: Query) -> Answer:
        with self._counted():
            return await self._engine.run(query)

    async def stream(self, query: Query, output_format: str) -> AsyncIterator[bytes]:
        with self._counted():
            chunks = cast("AsyncGenerator[bytes]", self._engine.stream(query, output_format))
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def stream_arrow(self, query: Query) -> AsyncIterator[pa.RecordBatch]:
        with self._counted():
            batches = cast("AsyncGenerator[pa.RecordBatch]", self._engine.stream_arrow(query))
            async with aclosing(batches):
                async for batch in batches:
                    yield batch

    @contextmanager
    def _counted(self) -> Iterator[None]:
        figures = self._figures
        figures.running += 1
        figures.total += 1
        began = time.perf_counter()
        try:
            yield
        except Exception:
            figures.failed += 1
            raise
        finally:
            figures.running -= 1
            figures.seconds += time.perf_counter() - began


def metered(engine: Engine, figures: Figures) -> Engine:
    """The same engine, its queries counted in `figures`."""
    return cast("Engine", _Metered(engine, figures))
