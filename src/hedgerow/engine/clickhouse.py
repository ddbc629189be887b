"""A ClickHouse server or sharded cluster over HTTP."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pyarrow as pa

from hedgerow.engine import statements
from hedgerow.engine.answers import read_answer
from hedgerow.engine.faults import file_fault
from hedgerow.engine.lanes import Lanes
from hedgerow.engine.pool import Pool
from hedgerow.engine.result import Answer, Column, LocalFile, Progress, Query, Size
from hedgerow.engine.server.nodes import Nodes
from hedgerow.engine.server.samples import described_by
from hedgerow.engine.server.streams import batches_of, received
from hedgerow.engine.server.url import ServerUrl
from hedgerow.engine.settings import ARROW, READING, WRITING, of_file, of_limits
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.values import Bound

_ROWS = "JSONCompactEachRowWithNamesAndTypes"
_TOTAL_THREADS = 64
# Whole answers only: an error in the middle then has a status of its own.
_WHOLE = {"wait_end_of_query": 1, "http_write_exception_in_output_format": 0}
_INSERT = {"distributed_foreground_insert": 1, "async_insert": 0}
# Each shard by itself would group and limit its own rows alone.
_TOGETHER = {"parallel_distributed_insert_select": 0}


class ClickHouseEngine:
    """Keeps `engine.base.Engine`. Requests run on threads of `clickhouse-connect`'s client."""

    name = "clickhouse"

    def __init__(self, url: ServerUrl, quick: int | None = None) -> None:
        self._nodes = Nodes(url)
        self._pool = Pool(quick or 8 * (os.cpu_count() or 2), _TOTAL_THREADS, self._kill)
        self._control = Lanes(2, 2)

    async def run(self, query: Query) -> Answer:
        tag = query.id or uuid4().hex
        return await self._pool.work(tag, lambda: self._run(query, tag))

    def _run(self, query: Query, tag: str) -> Answer:
        body, summary = self._nodes.query(query.sql, _ROWS, query.parameters, {**_settings(query, tag), **_WHOLE})
        return read_answer(body, *summary)

    async def stream(self, query: Query, output_format: str) -> AsyncIterator[bytes]:
        tag = query.id or uuid4().hex

        def chunks() -> Iterator[bytes]:
            with self._nodes.stream(query.sql, output_format, query.parameters, _settings(query, tag)) as source:
                yield from received(source)

        async with aclosing(self._pool.stream(tag, chunks)) as found:
            async for chunk in found:
                yield chunk

    async def stream_arrow(self, query: Query) -> AsyncIterator[pa.RecordBatch]:
        tag = query.id or uuid4().hex
        settings = {**_settings(query, tag), **ARROW}

        def batches() -> Iterator[pa.RecordBatch]:
            with self._nodes.stream(query.sql, "ArrowStream", query.parameters, settings) as source:
                yield from batches_of(received(source))

        async with aclosing(self._pool.stream(tag, batches)) as found:
            async for batch in found:
                yield batch

    async def describe(self, query: Query) -> tuple[Column, ...]:
        sql = f"DESCRIBE TABLE ({query.sql})"
        return statements.described(
            await self.run(Query(sql, query.parameters, query.limits, query.id, query.settings))
        )

    async def execute(self, sql: str, parameters: Mapping[str, Bound] | None = None) -> None:
        await self._pool.work("", lambda: self._nodes.command(sql, parameters or {}))

    async def create_database(self, database: str) -> None:
        await self._everywhere(statements.create_database(database))

    async def create_table(
        self,
        database: str,
        table: str,
        columns: Sequence[Column],
        order_by: Sequence[str] = (),
        *,
        looked_up: bool = False,
    ) -> None:
        if self._nodes.cluster is None:
            await self.execute(statements.create_table(database, table, columns, order_by, looked_up=looked_up))
            return
        local = statements.local_name(table)
        await self._everywhere(statements.create_table(database, local, columns, order_by, looked_up=looked_up))
        await self._everywhere(statements.create_distributed(database, table, self._nodes.cluster))

    async def create_like(self, database: str, table: str, source: str) -> None:
        await self._everywhere(statements.create_like(database, self._own(table), self._own(source)))
        if self._nodes.cluster is not None:
            await self._everywhere(statements.create_distributed(database, table, self._nodes.cluster))

    async def attach_table(self, database: str, table: str, source: str) -> None:
        await self._everywhere(statements.attach_rows(database, self._own(table), self._own(source)))

    async def clone_table(self, database: str, table: str, source: str, *, merging: bool = True) -> None:
        await self.create_like(database, table, source)
        if not merging:
            await self.hold_merges(database, table)
        await self.attach_table(database, table, source)

    async def hold_merges(self, database: str, table: str) -> None:
        await self._everywhere(statements.hold_merges(database, self._own(table)))

    async def let_merge(self, database: str, table: str, bytes_on_disk: int | None = None) -> None:
        await self._everywhere(statements.let_merge(database, self._own(table)))

    async def merging(self, database: str, table: str) -> bool:
        if self._nodes.cluster is None:
            return statements.counted(await self.run(statements.merging(database, table))) > 0
        merges = f"clusterAllReplicas({statements.quoted(self._nodes.cluster)}, system.merges)"
        found = statements.merging(database, statements.local_name(table), merges)
        return statements.counted(await self.run(found)) > 0

    async def change_columns(
        self, database: str, table: str, added: Sequence[Column], retyped: Sequence[Column]
    ) -> None:
        names = [table] if self._nodes.cluster is None else [statements.local_name(table), table]
        for name in names:
            await self._everywhere(statements.change_columns(database, name, added, retyped))

    async def delete_matching(
        self, database: str, table: str, keys: str, columns: Sequence[str], *, everywhere: bool = False
    ) -> None:
        if self._nodes.cluster is None:
            await self.execute(statements.delete_matching(database, table, keys, columns))
            return
        # Deleting looks at the keys once for each part: from where they lie on other shards, that has ended servers.
        own, copied = statements.local_name(table), statements.local_keys(table)
        await self._everywhere(statements.drop_table(database, copied))
        await self._everywhere(statements.copy_keys(database, copied, keys, columns))
        await self._everywhere(statements.delete_matching(database, own, copied, columns))
        await self._everywhere(statements.drop_table(database, copied))

    async def drop_table(self, database: str, table: str) -> None:
        await self._everywhere(statements.drop_table(database, table))
        if self._nodes.cluster is not None:
            for part in (statements.local_name(table), statements.local_keys(table)):
                await self._everywhere(statements.drop_table(database, part))

    async def tables(self, database: str) -> frozenset[str]:
        names = statements.first_column(await self.run(statements.list_tables(database)))
        return frozenset(name for name in names if not statements.is_local(name))

    async def insert_arrow(self, database: str, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        def work() -> int:
            rows = 0
            for batch in batches:
                self._nodes.insert_arrow(database, table, pa.Table.from_batches([batch]), _INSERT)
                rows += batch.num_rows
            return rows

        return await self._pool.work("", work)

    async def insert_query(self, database: str, table: str, query: Query) -> None:
        tag = query.id or uuid4().hex
        sql = statements.insert_query(database, table, query.sql)
        settings = {**_settings(query, tag), **WRITING, **_INSERT, **_TOGETHER}
        await self._pool.work(tag, lambda: self._nodes.write(sql, query.parameters, {**settings, **_WHOLE}))

    async def size(self, database: str, table: str) -> Size:
        if self._nodes.cluster is None:
            return statements.sized(await self.run(statements.size(database, table)))
        parts = f"clusterAllReplicas({statements.quoted(self._nodes.cluster)}, system.parts)"
        return statements.sized(await self.run(statements.size(database, statements.local_name(table), parts)))

    async def describe_file(self, file: LocalFile) -> tuple[Column, ...]:
        def work() -> tuple[Column, ...]:
            source = described_by(file.path, file.format)
            settings = {**_file_settings(file), **_WHOLE, "max_query_size": 16 << 20}
            try:
                body, _ = self._nodes.query(f"DESCRIBE TABLE {source}", _ROWS, {}, settings)
            except HedgerowError as error:
                raise file_fault(str(error.__cause__ or error)) from error
            return statements.described(read_answer(body))

        return await self._pool.work("", work)

    async def insert_file(self, database: str, table: str, file: LocalFile, columns: Sequence[Column]) -> int:
        def work() -> None:
            names, settings = [column.name for column in columns], {**_file_settings(file), **_INSERT}
            try:
                with file.path.open("rb") as content:
                    self._nodes.insert(database, table, names, content, file.format, settings)
            except HedgerowError as error:
                raise file_fault(str(error.__cause__ or error)) from error

        await self._pool.work("", work)
        place = f"{statements.quoted(database)}.{statements.quoted(table)}"
        counted = await self.run(Query(f"SELECT count() FROM {place}"))
        return int(counted.rows.strip(b"[]\n"))

    async def cancel(self, query_id: str) -> bool:
        found: bool = await asyncio.wrap_future(self._kill(query_id))
        return found

    async def progress(self, query_id: str) -> Progress | None:
        bound = {"tag": Bound("String", query_id)}
        work = self._control.submit(lambda: self._nodes.query(statements.PROGRESS, _ROWS, bound, _WHOLE)[0])
        return statements.progress(read_answer(await asyncio.wrap_future(work)))

    async def ready(self) -> bool:
        try:
            await asyncio.wrap_future(self._control.submit(lambda: self._nodes.command("SELECT 1", {})))
        except HedgerowError:
            return False
        return True

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.close()
        self._control.close()
        self._nodes.close()

    def _own(self, table: str) -> str:
        """What lies on each node of a table."""
        return table if self._nodes.cluster is None else statements.local_name(table)

    async def _everywhere(self, sql: str) -> None:
        await self._pool.work("", lambda: self._nodes.everywhere(sql))

    def _kill(self, tag: str) -> Any:
        return self._control.submit(lambda: self._nodes.kill(tag))


def _settings(query: Query, tag: str) -> dict[str, str | int | float]:
    return {**READING, **query.settings, **of_limits(query.limits), "log_comment": tag}


def _file_settings(file: LocalFile) -> dict[str, str | int]:
    # The file is read here and sent: how the embedded engine reads a disk is nothing to a server.
    return {name: value for name, value in of_file(file).items() if not name.startswith(("storage_", "max_"))}
