"""The embedded engine: ClickHouse in this process, its data in one folder that one process owns."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pyarrow as pa

from hedgerow.engine import statements
from hedgerow.engine.answers import read_answer
from hedgerow.engine.faults import fault, file_fault
from hedgerow.engine.folder import FolderLock
from hedgerow.engine.lanes import Lanes
from hedgerow.engine.parameters import text, texts
from hedgerow.engine.pool import Afterwards, Pool
from hedgerow.engine.result import Answer, Column, LocalFile, Progress, Query, Size
from hedgerow.engine.settings import (
    ANSWERING,
    ARROW,
    DELETING,
    LASTING,
    OUTPUT,
    READING,
    UNLOGGED,
    WRITING,
    clause,
    listed,
    of_answer,
    of_file,
    of_limits,
)
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.values import Bound

T = TypeVar("T")
_ROWS = "JSONCompactEachRowWithNamesAndTypes"
_TOTAL_THREADS = 48
_GIVEN_BACK_SECONDS = 1.0
_WORTH_GIVING_BACK = 16 << 20  # of what Arrow brings: a few rows' memory is wanted by the next
# A file comes in parts of 65,536 rows; in one part a query for a few rows takes three quarters of the time.
_QUICKLY_MERGED = 64 << 20
# Two threads merge and delete. Sixteen tasks each, or those of a table of five parts wait up to a second for a place;
# the shortest first, or each of the thirty-two merges after a large upload holds its 13 MB at once.
_SERVER = (
    "background_merges_mutations_concurrency_ratio=16&background_merges_mutations_scheduling_policy=shortest_task_first"
)


class ChdbEngine:
    """Keeps `engine.base.Engine`. A connection belongs to one thread: shared ones mix up answers."""

    name = "chdb"

    def __init__(self, folder: Path, quick: int | None = None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = FolderLock(folder)
        self._local = threading.local()
        self._connections: list[Any] = []
        self._pool = Pool(quick or 2 * (os.cpu_count() or 2), _TOTAL_THREADS, self._kill)
        self._control = Lanes(1, 1)
        self._taken = 0
        self._giving_back = Afterwards(self._give_back, _GIVEN_BACK_SECONDS)

    async def run(self, query: Query) -> Answer:
        tag = query.id or uuid4().hex
        return await self._work(tag, lambda: self._run(query, tag))

    async def stream(self, query: Query, output_format: str) -> AsyncIterator[bytes]:
        tag = query.id or uuid4().hex
        async with aclosing(self._pool.stream(tag, lambda: self._chunks(query, output_format, tag))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stream_arrow(self, query: Query) -> AsyncIterator[pa.RecordBatch]:
        tag = query.id or uuid4().hex
        plain = replace(query, settings={**query.settings, **ARROW})

        def batches() -> Iterator[pa.RecordBatch]:
            for chunk in self._chunks(plain, "ArrowStream", tag):
                yield from pa.ipc.open_stream(chunk)  # each chunk is a stream of its own

        async with aclosing(self._pool.stream(tag, batches)) as found:
            async for batch in found:
                yield batch

    def _chunks(self, query: Query, output_format: str, tag: str) -> Iterator[bytes]:
        sql, values = _text(query, output_format, tag, LASTING), texts(query.parameters)
        result = self._guarded(lambda: self._connection().send_query(sql, params=values))
        try:
            while (chunk := self._guarded(result.fetch)) is not None:
                yield chunk.bytes()
        finally:
            result.close()

    async def describe(self, query: Query) -> tuple[Column, ...]:
        described = replace(query, sql=f"DESCRIBE TABLE ({query.sql})")
        return statements.described(await self.run(described))

    async def execute(self, sql: str, parameters: Mapping[str, Bound] | None = None) -> None:
        await self._work("", lambda: self._query(sql, "Null", texts(parameters or {})))

    async def create_database(self, database: str) -> None:
        await self.execute(statements.create_database(database))

    async def create_table(
        self,
        database: str,
        table: str,
        columns: Sequence[Column],
        order_by: Sequence[str] = (),
        *,
        looked_up: bool = False,
    ) -> None:
        await self.execute(statements.create_table(database, table, columns, order_by, looked_up=looked_up))

    async def create_like(self, database: str, table: str, source: str) -> None:
        await self.execute(statements.create_like(database, table, source))

    async def attach_table(self, database: str, table: str, source: str) -> None:
        await self.execute(statements.attach_rows(database, table, source))

    async def clone_table(self, database: str, table: str, source: str, *, merging: bool = True) -> None:
        await self.execute(statements.clone(database, table, source, merging=merging))

    async def hold_merges(self, database: str, table: str) -> None:
        await self.execute(statements.hold_merges(database, table))

    async def let_merge(self, database: str, table: str, bytes_on_disk: int | None = None) -> None:
        if bytes_on_disk is not None and bytes_on_disk <= statements.SOON_MERGED:
            await self.execute(statements.merge_soon(database, table))
        else:
            await self.execute(statements.let_merge(database, table, "merge_selector_base"))

    async def merging(self, database: str, table: str) -> bool:
        return statements.counted(await self.run(statements.merging(database, table))) > 0

    async def change_columns(
        self, database: str, table: str, added: Sequence[Column], retyped: Sequence[Column]
    ) -> None:
        await self.execute(statements.change_columns(database, table, added, retyped))

    async def delete_matching(
        self, database: str, table: str, keys: str, columns: Sequence[str], *, everywhere: bool = False
    ) -> None:
        delete = statements.mask_matching if everywhere else statements.delete_matching
        await self.execute(delete(database, table, keys, columns))

    async def drop_table(self, database: str, table: str) -> None:
        await self.execute(statements.drop_table(database, table, wait=True))

    async def tables(self, database: str) -> frozenset[str]:
        answer = await self.run(statements.list_tables(database))
        return statements.first_column(answer)

    async def insert_arrow(self, database: str, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        return await self._work("", lambda: self._insert_arrow(database, table, batches))

    def _insert_arrow(self, database: str, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        rows = size = 0
        connection = self._connection()
        for batch in batches:
            # The engine finds the table by this variable's name.
            hedgerow_batch = pa.Table.from_batches([batch])  # noqa: F841
            columns = ", ".join(statements.quoted(name) for name in batch.schema.names)
            connection.query(
                f"INSERT INTO {statements.quoted(database)}.{statements.quoted(table)} ({columns}) "
                "SELECT * FROM Python(hedgerow_batch)",
                "Null",
            )
            rows, size = rows + batch.num_rows, size + batch.nbytes
        self._taken += size
        if self._taken >= _WORTH_GIVING_BACK:
            self._taken = 0
            self._giving_back.ask()
        return rows

    async def insert_query(self, database: str, table: str, query: Query) -> None:
        tag = query.id or uuid4().hex
        settings = {**query.settings, **LASTING, **WRITING, **of_limits(query.limits), "log_comment": tag}
        sql = statements.insert_query(database, table, query.sql) + clause(settings)
        await self._work(tag, lambda: self._settled(lambda: self._query(sql, "Null", texts(query.parameters))))

    async def size(self, database: str, table: str) -> Size:
        return statements.sized(await self.run(statements.size(database, table)))

    async def describe_file(self, file: LocalFile) -> tuple[Column, ...]:
        return statements.described(await self._file_work("DESCRIBE TABLE file({path:String}, {format:String})", file))

    async def insert_file(self, database: str, table: str, file: LocalFile, columns: Sequence[Column]) -> int:
        sql = (
            f"INSERT INTO {statements.quoted(database)}.{statements.quoted(table)} "
            "SELECT * FROM file({path:String}, {format:String}, {structure:String})"
        )
        await self.execute(statements.merges(database, table, on=False))
        try:
            await self._file_work(sql, file, structure=statements.structure(columns))
        finally:
            await self.execute(statements.merges(database, table, on=True))
        size = await self.size(database, table)
        if size.parts > 1 and size.bytes_on_disk <= _QUICKLY_MERGED:
            with suppress(HedgerowError):  # the rows are in, also where there is no room to merge them
                await self._work(
                    "", lambda: self._settled(lambda: self._query(statements.merge(database, table), "Null", {}))
                )
        return size.rows

    async def _file_work(self, sql: str, file: LocalFile, **more: str) -> Answer:
        values = {"path": str(file.path), "format": file.format, **more}
        parameters = {name: text(value) for name, value in values.items()}
        whole = sql + clause(of_file(file))

        def work() -> Answer:
            try:
                result = self._settled(lambda: self._connection().query(whole, _ROWS, params=parameters))
                return read_answer(result.bytes())
            except Exception as error:
                raise file_fault(str(error)) from error

        return await self._work("", work)

    async def cancel(self, query_id: str) -> bool:
        return await asyncio.wrap_future(self._kill(query_id))

    async def progress(self, query_id: str) -> Progress | None:
        work = self._control.submit(lambda: self._query(statements.PROGRESS, _ROWS, {"tag": query_id}))
        return statements.progress(read_answer(await asyncio.wrap_future(work)))

    async def ready(self) -> bool:
        try:
            await asyncio.wrap_future(self._control.submit(lambda: self._query("SELECT 1", "Null", {})))
        except HedgerowError:
            return False
        return True

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._giving_back.close()
        self._control.submit(lambda: self._query(statements.KILL_ALL, "Null", {})).result()
        self._pool.close()
        self._control.close()
        for connection in self._connections:
            connection.close()
        self._lock.release()

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            import chdb  # the library is large: only a process that queries loads it

            connection = self._local.connection = chdb.connect(  # type: ignore[no-untyped-call]
                f"{self._folder}?{_SERVER}"
            )
            connection.query(f"SET {listed({**OUTPUT, **READING, **UNLOGGED, **ANSWERING, **DELETING})}", "Null")
            self._connections.append(connection)
        return connection

    def _run(self, query: Query, tag: str) -> Answer:
        sql = _text(query, _ROWS, tag, of_answer(query.sql))
        result = self._connection().query(sql, _ROWS, params=texts(query.parameters))
        return read_answer(result.bytes(), result.rows_read(), result.bytes_read(), result.elapsed())

    def _query(self, sql: str, output_format: str, parameters: Mapping[str, str]) -> bytes:
        return bytes(self._guarded(lambda: self._connection().query(sql, output_format, params=parameters).bytes()))

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except HedgerowError:
            self._drain()
            raise
        except Exception as error:
            self._drain()
            raise fault(str(error)) from error

    def _settled(self, writing: Callable[[], T]) -> T:
        """What `writing` gives. The memory it took goes back soon, not at once: the next write would want it anew."""
        done = writing()
        self._giving_back.ask()
        return done

    def _give_back(self) -> None:
        with suppress(HedgerowError):
            self._control.submit(lambda: self._query(statements.GIVE_BACK, "Null", {})).result()

    def _drain(self) -> None:
        """After a failure: rows of the failed query stay in chDB's buffer and would open the next query's answer."""
        connection = getattr(self._local, "connection", None)
        try:
            if connection is not None:
                connection.query("SELECT 1", "Null")
        except Exception:
            self._local.connection = None

    async def _work(self, tag: str, work: Callable[[], T]) -> T:
        return await self._pool.work(tag, lambda: self._guarded(work))

    def _kill(self, tag: str) -> Any:
        def kill() -> bool:
            return bool(self._query(statements.KILL, _ROWS, {"tag": text(tag)}).count(b"\n") > 2)

        return self._control.submit(kill)


def _text(query: Query, output_format: str, tag: str, more: Mapping[str, str | int]) -> str:
    settings = {**query.settings, **more, **of_limits(query.limits), "log_comment": tag}
    return f"{query.sql} FORMAT {output_format}{clause(settings)}"
