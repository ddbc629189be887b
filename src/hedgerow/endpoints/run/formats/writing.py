"""Writes a query's rows in a format, piece by piece, in constant memory."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

import pyarrow as pa

from hedgerow.endpoints.run.formats.choosing import ARROW, CSV, NDJSON, PARQUET, Format
from hedgerow.endpoints.run.formats.columns import as_arrow, as_text
from hedgerow.engine.base import Engine, Query

_GROUP_ROWS, _GROUP_BYTES = 100_000, 32 << 20
"""How much of a Parquet file is held before it is written: its rows lie column by column."""
_NULL_IS_EMPTY: Mapping[str, str | int] = {"format_csv_null_representation": ""}


@dataclass(slots=True)
class Rows:
    """The rows to write: those of `query`, `most` of them at most (`None`: all). `count`: those written so far."""

    engine: Engine
    query: Query
    most: int | None
    count: int = 0

    async def pieces(self, output_format: str, columns: str = "*") -> AsyncGenerator[bytes]:
        """The rows in a format of the engine's."""
        if self.most != 0:
            stream = self.engine.stream(self._selected(columns), output_format)
            async with aclosing(cast("AsyncGenerator[bytes]", stream)) as found:
                async for piece in found:
                    yield piece

    async def batches(self, columns: str) -> AsyncGenerator[pa.RecordBatch]:
        """The rows as Arrow batches."""
        if self.most != 0:
            stream = self.engine.stream_arrow(self._selected(columns))
            async with aclosing(cast("AsyncGenerator[pa.RecordBatch]", stream)) as found:
                async for batch in found:
                    yield batch

    def _selected(self, columns: str) -> Query:
        """The query with its columns made ready; a row that only tells that there are more is cut off."""
        limit = "" if self.most is None else f" LIMIT {self.most}"
        sql = f"SELECT {columns} FROM ({self.query.sql}){limit}"
        return replace(self.query, sql=sql, settings={**self.query.settings, **_NULL_IS_EMPTY})


def written(chosen: Format, rows: Rows) -> AsyncGenerator[bytes]:
    """The file. What is wrong with the query is raised before the first piece. Closing it ends the query."""
    return _WRITERS[chosen.name](rows)


async def _csv(rows: Rows) -> AsyncGenerator[bytes]:
    """NULL is nothing between two commas, an empty text is `""`."""
    columns = await rows.engine.describe(rows.query)
    ends = RowEnds()
    head = ",".join('"' + column.name.replace('"', '""') + '"' for column in columns).encode() + b"\n"
    async with aclosing(rows.pieces("CSV", as_text(columns))) as pieces:
        async for piece in pieces:
            rows.count += ends.count(piece)
            yield head + piece
            head = b""
    if head:
        yield head


class RowEnds:
    """Counts the rows of CSV that comes in pieces, which may begin anywhere: a line's end within quotes is no row's."""

    _OTHERS = bytes(set(range(256)) - set(b'"\n'))

    def __init__(self) -> None:
        self._inside = b""

    def count(self, piece: bytes) -> int:
        """The rows that end in it. Everything else is taken out first: what is quoted leaves two quotes, or nothing."""
        marks = (self._inside + piece.translate(None, self._OTHERS)).replace(b'""', b"")
        parts = marks.split(b'"')
        self._inside = b"" if len(parts) % 2 else b'"'
        return sum(part.count(b"\n") for part in parts[::2])


async def _ndjson(rows: Rows) -> AsyncGenerator[bytes]:
    """An object a line."""
    if rows.most == 0:
        await rows.engine.describe(rows.query)
    async with aclosing(rows.pieces("JSONEachRow")) as pieces:
        async for piece in pieces:
            rows.count += piece.count(b"\n")
            yield piece


def _arrow(rows: Rows) -> AsyncGenerator[bytes]:
    return _columnar(rows, pa.ipc.new_stream, 1)


def _parquet(rows: Rows) -> AsyncGenerator[bytes]:
    def opened(sink: Any, schema: pa.Schema) -> Any:
        from pyarrow.parquet import ParquetWriter  # large: only a process that writes such files loads it

        return ParquetWriter(sink, schema, compression="zstd")

    return _columnar(rows, opened, _GROUP_ROWS)


_WRITERS: Mapping[str, Callable[[Rows], AsyncGenerator[bytes]]] = {
    CSV.name: _csv,
    NDJSON.name: _ndjson,
    ARROW.name: _arrow,
    PARQUET.name: _parquet,
}


async def _columnar(rows: Rows, opened: Callable[[Any, pa.Schema], Any], together: int) -> AsyncGenerator[bytes]:
    """Batches through one of pyarrow's writers, so many rows `together`; in threads, as that takes the processor."""
    select, schema = as_arrow(await rows.engine.describe(rows.query))
    sink = _Sink()
    writer = opened(pa.PythonFile(sink, mode="w"), schema)
    held: list[pa.RecordBatch] = []
    async with aclosing(rows.batches(select)) as batches:
        async for batch in batches:
            held.append(batch)
            rows.count += batch.num_rows
            if sum(each.num_rows for each in held) >= together or sum(each.nbytes for each in held) >= _GROUP_BYTES:
                await asyncio.to_thread(_write, writer, schema, held)
                held = []
                if piece := sink.taken():
                    yield piece
    if held:
        await asyncio.to_thread(_write, writer, schema, held)
    await asyncio.to_thread(writer.close)
    yield sink.taken()


def _write(writer: Any, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
    writer.write_table(pa.Table.from_batches([batch.cast(schema) for batch in batches], schema))


class _Sink(io.RawIOBase):
    """A file that is taken away while it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._parts.append(bytes(content))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
