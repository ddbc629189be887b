"""The one protocol that both engines keep."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from hedgerow.engine.result import Answer, Column, Limits, LocalFile, Progress, Query, Size
from hedgerow.kit.values import Bound


class Engine(Protocol):
    """A ClickHouse, in this process or over HTTP.

    Safe to call from many tasks and event loops at once; a cancelled task cancels its query in the engine. Only text
    from the language's printer, or a room's own fixed statements, may come here. All methods raise `engine.errors` and
    nothing of a driver's.
    """

    name: str
    """`chdb` or `clickhouse`."""

    async def run(self, query: Query) -> Answer:
        """The whole answer."""
        ...

    def stream(self, query: Query, output_format: str) -> AsyncIterator[bytes]:
        """The answer in chunks; constant memory. Closing it cancels the query.

        `output_format` is one of ClickHouse's that has neither head nor foot, such as `CSV` or `JSONEachRow`.
        """
        ...

    def stream_arrow(self, query: Query) -> AsyncIterator[pa.RecordBatch]:
        """The answer as Arrow batches, none for no rows; constant memory. Closing it cancels the query."""
        ...

    async def describe(self, query: Query) -> tuple[Column, ...]:
        """The columns a query would answer with, without running it."""
        ...

    async def execute(self, sql: str, parameters: Mapping[str, Bound] | None = None) -> None:
        """Run one of our own statements that answers nothing, on one node."""
        ...

    async def create_database(self, database: str) -> None:
        """Make a database on every node, if it is not there."""
        ...

    async def create_table(
        self,
        database: str,
        table: str,
        columns: Sequence[Column],
        order_by: Sequence[str] = (),
        *,
        looked_up: bool = False,
    ) -> None:
        """Make a table (on a cluster: a local one on every shard and a distributed one over them).

        `looked_up`: few rows are asked for at a time, by their order, and none will be deleted by keys.
        """
        ...

    async def create_like(self, database: str, table: str, source: str) -> None:
        """Make an empty table of the same making as another: with its columns, order and settings."""
        ...

    async def attach_table(self, database: str, table: str, source: str) -> None:
        """Append the rows of a table of the same making, at once; nothing is copied, and each then goes its own way."""
        ...

    async def clone_table(self, database: str, table: str, source: str, *, merging: bool = True) -> None:
        """Make a table with the columns and rows of another; nothing is copied, and each then goes its own way.

        Where rows are then deleted, let it be without `merging`, and call `let_merge` afterwards: no row of a part that
        is just being merged can be deleted.
        """
        ...

    async def hold_merges(self, database: str, table: str) -> None:
        """Let a table's parts not be merged until `let_merge`: while it is filled, that only takes time from it."""
        ...

    async def let_merge(self, database: str, table: str, bytes_on_disk: int | None = None) -> None:
        """Let a table's parts be merged from now on. `bytes_on_disk`, if known, may tell how soon."""
        ...

    async def merging(self, database: str, table: str) -> bool:
        """Whether parts of a table are just being merged."""
        ...

    async def change_columns(
        self, database: str, table: str, added: Sequence[Column], retyped: Sequence[Column]
    ) -> None:
        """Add columns, which are NULL in the rows that are there, and give columns wider types."""
        ...

    async def delete_matching(
        self, database: str, table: str, keys: str, columns: Sequence[str], *, everywhere: bool = False
    ) -> None:
        """Delete the rows whose values of `columns` are among those of the table `keys`; NULL is not among them.

        `everywhere`: there are such rows in most of the table, so that it is not worth looking first where they are.
        """
        ...

    async def drop_table(self, database: str, table: str) -> None:
        """Drop a table on every node, if it is there. Queries under way read on; on a server nobody waits for them."""
        ...

    async def tables(self, database: str) -> frozenset[str]:
        """The names of a database's tables, as a caller may address them."""
        ...

    async def insert_arrow(self, database: str, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Append batches; how many rows."""
        ...

    async def insert_query(self, database: str, table: str, query: Query) -> None:
        """Append what a query answers, by position; what is too large to group or sort in memory goes to disk."""
        ...

    async def size(self, database: str, table: str) -> Size:
        """How many rows a table of ours holds, and how many bytes they take on disk, on all nodes."""
        ...

    async def describe_file(self, file: LocalFile) -> tuple[Column, ...]:
        """The columns a local file holds, by the engine's own inference."""
        ...

    async def insert_file(self, database: str, table: str, file: LocalFile, columns: Sequence[Column]) -> int:
        """Append a local file, streamed; how many rows the table has then."""
        ...

    async def cancel(self, query_id: str) -> bool:
        """Stop a running query, on whichever process or node it runs; whether one was found."""
        ...

    async def progress(self, query_id: str) -> Progress | None:
        """How far a running query has come; `None` when it is not running."""
        ...

    async def ready(self) -> bool:
        """Whether it answers at all."""
        ...

    async def close(self) -> None:
        """Let go of connections and, for the embedded engine, of the data folder."""
        ...


__all__ = ["Answer", "Bound", "Column", "Engine", "Limits", "LocalFile", "Progress", "Query", "Size"]
