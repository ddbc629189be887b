"""What every engine must do: inherited by the embedded one, a server, and a cluster of two shards."""

import asyncio
import math
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from hedgerow.engine.base import Engine
from hedgerow.engine.errors import EngineError, FileUnreadable, QueryCancelled, QueryMemoryLimit, QueryTimeout
from hedgerow.engine.result import Column, Limits, LocalFile, Query
from hedgerow.kit.values import Bound
from tests.conformance.engine_tables import EngineTables, rows

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
HOSTILE = [
    "a'b",
    'a"b',
    "back\\slash",
    "\\",
    "tab\tnew\nline\r",
    "nul\0x",
    "🦔",
    "\\N",
    "",
    "{x:String}",
    "';--",
    "NULL",
    "\\'",
]


@pytest.mark.anyio
class EngineConformance(EngineTables):
    """Subclasses bring a fixture `engine`."""

    # --- tables made from queries

    async def test_a_query_s_answer_becomes_rows_of_a_table(self, engine: Engine, database: str) -> None:
        await engine.create_table(database, "made", (Column("n", "Int64"), Column("t", "Nullable(String)")), ["n"])
        sql = "SELECT toInt64(number), if(number = 1, NULL, {t:String}) FROM numbers(3)"
        await engine.insert_query(database, "made", Query(sql, {"t": Bound("String", "it's")}))
        found = await engine.run(Query(f"SELECT * FROM `{database}`.`made` ORDER BY n"))
        assert rows(found) == [[0, "it's"], [1, None], [2, "it's"]]
        size = await engine.size(database, "made")
        assert size.rows == 3
        assert size.bytes_on_disk > 0

    async def test_a_table_made_from_a_table_is_grouped_as_a_whole(self, engine: Engine, database: str) -> None:
        for table in ("source", "grouped"):
            await engine.create_table(database, table, (Column("n", "UInt64"), Column("k", "UInt64")))
        await engine.insert_query(database, "source", Query("SELECT number, number % 3 FROM numbers(1000)"))
        text = f"SELECT count() AS n, k FROM `{database}`.`source` GROUP BY k"
        await engine.insert_query(database, "grouped", Query(text))
        found = await engine.run(Query(f"SELECT n, k FROM `{database}`.`grouped` ORDER BY k"))
        assert rows(found) == [[334, 0], [333, 1], [333, 2]]

    async def test_states_of_aggregations_are_kept_and_merged(self, engine: Engine, database: str) -> None:
        sql = "SELECT number % 2 AS k, avgState(number) AS s, uniqExactState(number) AS u FROM numbers(10) GROUP BY k"
        columns = await engine.describe(Query(sql))
        await engine.create_table(database, "states", columns, ["k"])
        await engine.insert_query(database, "states", Query(sql))
        found = await engine.run(Query(f"SELECT avgMerge(s), uniqExactMerge(u) FROM `{database}`.`states`"))
        assert rows(found) == [[4.5, 10]]

    async def test_a_table_s_making_can_be_cancelled(self, engine: Engine, database: str) -> None:
        await engine.create_table(database, "never", (Column("n", "UInt64"),))
        making = asyncio.create_task(engine.insert_query(database, "never", Query(ENDLESS, id=f"q{uuid4().hex}")))
        await asyncio.sleep(0.3)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert (await engine.size(database, "never")).rows == 0

    async def test_a_table_s_making_keeps_its_limits(self, engine: Engine, database: str) -> None:
        await engine.create_table(database, "late", (Column("n", "UInt64"),))
        with pytest.raises(QueryTimeout):
            await engine.insert_query(database, "late", Query(ENDLESS, limits=Limits(seconds=0.5)))

    # --- values

    @pytest.mark.parametrize("value", HOSTILE)
    async def test_a_text_comes_back_as_it_went_in(self, engine: Engine, value: str) -> None:
        assert await self.one(engine, "SELECT {v:String}", v=Bound("String", value)) == value

    async def test_a_list_of_texts_comes_back_as_it_went_in(self, engine: Engine) -> None:
        assert await self.one(engine, "SELECT {v:Array(String)}", v=Bound("Array(String)", HOSTILE)) == HOSTILE

    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("Int64", -(2**63), -(2**63)),
            ("UInt64", 2**64 - 1, 2**64 - 1),
            ("Int256", 2**100, 2**100),
            ("Float64", 0.1, 0.1),
            ("Float64", math.inf, None),
            ("Float64", math.nan, None),
            ("Bool", True, True),
            ("Nullable(String)", None, None),
            ("Array(Int64)", [], []),
            ("Array(Int64)", [1, -2], [1, -2]),
            ("Array(Nullable(Int64))", [1, None], [1, None]),
            ("Array(Bool)", [True, False], [True, False]),
            ("Array(Float64)", [1.5, 2.0], [1.5, 2.0]),
            ("Date", "2026-01-31", "2026-01-31"),
            ("UUID", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"),
        ],
    )
    async def test_a_value_is_bound_by_its_type(self, engine: Engine, kind: str, value: Any, expected: Any) -> None:
        found = await self.one(engine, f"SELECT {{v:{kind}}}", v=Bound(kind, value))
        assert found == expected
        assert type(found) is type(expected)

    @pytest.mark.parametrize("long", [0, 200_000])
    async def test_large_values_and_many_are_bound_as_small_ones_are(self, engine: Engine, long: int) -> None:
        """Values of a megabyte, thousands of them, and small ones under a long text."""
        large = "é'\\\n" * 250_000
        parts = [*HOSTILE, *(f"x{n}" for n in range(100_000))]
        bound = {"large": Bound("String", large), "parts": Bound("Array(String)", parts), "most": Bound("Int64", 3)}
        many = {f"n{n}": Bound("String", f"{n}'") for n in range(3000)}
        listed = ", ".join(f"{{{name}:String}}" for name in many)
        sql = (
            "SELECT {large:String} AS v, {parts:Array(String)}, 'x100' IN {parts:Array(String)}, "
            f"number || '\\'' IN ({listed}), '{{large:String}}', {{none:Nullable(String)}}, {{at:DateTime('UTC')}} "
            f"FROM numbers(10000) WHERE length('{'x' * long}') = {long} LIMIT {{most:Int64}} OFFSET 2998"
        )
        others = {"none": Bound("Nullable(String)", None), "at": Bound("DateTime('UTC')", "2026-01-31 10:00:00")}
        found = rows(await engine.run(Query(sql, {**bound, **many, **others})))
        assert [row[3] for row in found] == [1, 1, 0]
        assert found[0][:3] == [large, parts, 1]
        assert found[0][4:] == ["{large:String}", None, "2026-01-31T10:00:00Z"]

    async def test_rows_are_json_with_iso_times_and_plain_numbers(self, engine: Engine) -> None:
        sql = (
            "SELECT toDateTime64('2026-01-31 10:00:00', 3, 'UTC') AS t, toUInt64(18446744073709551615) AS n, "
            "toDecimal64(1.5, 2) AS d, 1 / 0 AS i, unhex('ff61') AS broken"
        )
        answer = await engine.run(Query(sql))
        assert [column.name for column in answer.columns] == ["t", "n", "d", "i", "broken"]
        found = rows(answer)[0]
        assert found[:4] == ["2026-01-31T10:00:00.000Z", 2**64 - 1, 1.5, None]
        assert found[4].endswith("a"), "bytes that are no text must not break the JSON"
        assert answer.row_count == 1

    # --- limits and errors

    async def test_time_is_limited(self, engine: Engine) -> None:
        with pytest.raises(QueryTimeout):
            await engine.run(Query(ENDLESS, limits=Limits(seconds=0.3)))

    async def test_memory_is_limited(self, engine: Engine) -> None:
        sql = "SELECT length(groupArray(toString(number))) FROM numbers(50000000)"
        with pytest.raises(QueryMemoryLimit):
            await engine.run(Query(sql, limits=Limits(seconds=30, memory_bytes=50 << 20)))

    async def test_rows_are_limited(self, engine: Engine) -> None:
        with pytest.raises(EngineError) as caught:
            await engine.run(Query("SELECT number FROM numbers(1000)", limits=Limits(max_rows=10)))
        assert caught.value.code == "query_too_large"

    async def test_errors_carry_the_engines_name_and_no_internals(self, engine: Engine, database: str) -> None:
        with pytest.raises(EngineError) as caught:
            await engine.run(Query(f"SELECT nothing FROM {database}.t_0123456789abcdef0123456789abcdef"))
        assert caught.value.code == "unknown_table"
        for internal in (database, "DB::", "127.0.0.1", "version", "t_0123", "log_comment", "http"):
            assert internal not in caught.value.detail

    async def test_an_answer_after_a_failure_is_whole(self, engine: Engine) -> None:
        for _ in range(10):
            with pytest.raises(EngineError):
                await engine.run(Query("SELECT number, throwIf(number = 5000) FROM numbers(10000)"))
            assert rows(await engine.run(Query("SELECT 1"))) == [[1]]

    # --- cancelling

    async def test_cancel_by_id_ends_a_query(self, engine: Engine) -> None:
        tag = uuid4().hex
        task = asyncio.create_task(engine.run(Query(ENDLESS, id=tag)))
        await self._await_progress(engine, tag)
        assert await engine.cancel(tag)
        with pytest.raises(QueryCancelled):
            await asyncio.wait_for(task, 5)

    async def test_a_cancelled_task_cancels_its_query(self, engine: Engine) -> None:
        tag = uuid4().hex
        task = asyncio.create_task(engine.run(Query(ENDLESS, id=tag)))
        await self._await_progress(engine, tag)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await self._await_end(engine, tag)

    async def test_a_closed_stream_cancels_its_query(self, engine: Engine) -> None:
        tag = uuid4().hex
        stream = engine.stream(Query("SELECT number FROM numbers(100000000000)", id=tag), "CSV")
        assert (await anext(aiter(stream))).startswith(b"0\n1\n")
        await stream.aclose()  # type: ignore[attr-defined]
        await self._await_end(engine, tag)

    async def test_a_query_that_is_cancelled_on_its_way_to_the_engine_ends_too(self, engine: Engine) -> None:
        tags = [uuid4().hex for _ in range(30)]
        for number, tag in enumerate(tags):
            task = asyncio.create_task(engine.run(Query(ENDLESS, id=tag)))
            await asyncio.sleep(number / 5_000)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.5)
        for tag in tags:
            await self._await_end(engine, tag)

    async def test_cancelling_what_does_not_run_finds_nothing(self, engine: Engine) -> None:
        assert not await engine.cancel("nobody")
        assert await engine.progress("nobody") is None

    async def test_slow_queries_do_not_hold_up_a_fast_one(self, engine: Engine) -> None:
        tags = [uuid4().hex for _ in range(20)]
        slow = [asyncio.create_task(engine.run(Query(ENDLESS, id=tag))) for tag in tags]
        await self._await_progress(engine, tags[0])
        assert rows(await asyncio.wait_for(engine.run(Query("SELECT 1")), 10)) == [[1]]
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        await self._await_end(engine, tags[0])

    async def _await_progress(self, engine: Engine, tag: str) -> None:
        for _ in range(200):
            progress = await engine.progress(tag)
            if progress is not None and progress.rows_read:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the query does not run")

    async def _await_end(self, engine: Engine, tag: str) -> None:
        for _ in range(200):
            if await engine.progress(tag) is None:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the query still runs")

    async def test_answers_are_never_mixed_up(self, engine: Engine) -> None:
        async def ask(worker: int) -> None:
            for i in range(60):
                value = worker * 1000 + i
                sql = "SELECT {v:Int64} + sum(number) FROM numbers({v:Int64} % 7)"
                assert await self.one(engine, sql, v=Bound("Int64", value)) == value + sum(range(value % 7))

        await asyncio.gather(*(ask(worker) for worker in range(16)))

    # --- tables and files

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT count() FROM {d}.t_a AS a JOIN {d}.t_b AS b ON a.id = b.id", 200),
            ("SELECT count() FROM {d}.t_a AS a LEFT JOIN {d}.t_b AS b ON a.id = b.id", 1000),
            ("SELECT count() FROM {d}.t_a WHERE id IN (SELECT id FROM {d}.t_b)", 200),
            ("WITH x AS (SELECT id FROM {d}.t_b) SELECT count() FROM {d}.t_a AS a JOIN x ON a.id = x.id", 200),
            ("SELECT count() FROM (SELECT id FROM {d}.t_a UNION ALL SELECT id FROM {d}.t_b)", 1200),
            ("SELECT uniqExact(id) FROM {d}.t_a WHERE id > (SELECT avg(id) FROM {d}.t_a)", 500),
            ("SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY id) AS n FROM {d}.t_a)", 1000),
            ("SELECT count() FROM (SELECT * FROM {d}.t_b) AS b RIGHT JOIN {d}.t_a AS a ON a.id = b.id", 1000),
            ("SELECT count() FROM (SELECT * FROM {d}.t_b) AS b FULL JOIN {d}.t_a AS a ON a.id = b.id", 1000),
        ],
    )
    async def test_every_query_sees_all_rows(self, engine: Engine, database: str, sql: str, expected: int) -> None:
        await self._filled(engine, database, "t_a", 1000)
        await self._filled(engine, database, "t_b", 200)
        assert await self.one(engine, sql.replace("{d}", database)) == expected

    async def test_files_are_described_and_loaded(self, engine: Engine, database: str, tmp_path: Path) -> None:
        written = pa.table({"id": [1, 2], "name": ["a", None]})
        parquet.write_table(written, tmp_path / "f.parquet")
        (tmp_path / "f.csv").write_text("id,name\n1,a\n2,\n")
        (tmp_path / "f.json").write_text('{"id":1,"name":"a"}\n{"id":2,"name":null}\n')
        for file, file_format in (("f.parquet", "Parquet"), ("f.csv", "CSVWithNames"), ("f.json", "JSONEachRow")):
            columns = await engine.describe_file(LocalFile(tmp_path / file, file_format))
            assert columns == (Column("id", "Nullable(Int64)"), Column("name", "Nullable(String)")), file
            table = f"t_{file_format.lower()}"
            await engine.create_table(database, table, columns)
            assert await engine.insert_file(database, table, LocalFile(tmp_path / file, file_format), columns) == 2
            found = rows(await engine.run(Query(f"SELECT id, name FROM {database}.{table} ORDER BY id")))
            assert found == [[1, "a"], [2, None]], file

    async def test_long_texts_are_taken(self, engine: Engine) -> None:
        sql = f"SELECT length('{'x' * 300_000}') + " + "{n:Int64}"
        assert (await engine.run(Query(sql, {"n": Bound("Int64", 1)}))).rows == b"[300001]\n"

    async def test_double_quotes_enclose_values_or_are_part_of_them(
        self, engine: Engine, database: str, tmp_path: Path
    ) -> None:
        (tmp_path / "q.csv").write_text('"size",note\n5" pipe,"a"\n6,b\n')
        for quotes, names, expected in (
            (False, ['"size"', "note"], [['5" pipe', '"a"'], ["6", "b"]]),
            (True, ["size", "note"], [['5" pipe', "a"], ["6", "b"]]),
        ):
            file = LocalFile(tmp_path / "q.csv", "CSVWithNames", double_quotes=quotes)
            columns = await engine.describe_file(file)
            assert [column.name for column in columns] == names
            table = f"t_quotes_{quotes}".lower()
            await engine.create_table(database, table, columns)
            assert await engine.insert_file(database, table, file, columns) == 2
            found = rows(await engine.run(Query(f"SELECT * FROM {database}.{table} ORDER BY note")))
            assert found == expected

    async def test_rows_are_sorted_by_columns_with_nulls(self, engine: Engine, database: str, tmp_path: Path) -> None:
        (tmp_path / "s.csv").write_text("id,name\n" + "".join(f"{n % 7 or ''},n{n}\n" for n in range(20_000)))
        file = LocalFile(tmp_path / "s.csv", "CSVWithNames")
        columns = await engine.describe_file(file)
        assert columns[0].type == "Nullable(Int64)"
        await engine.create_table(database, "t_sorted", columns, ("id", "name"))
        assert await engine.insert_file(database, "t_sorted", file, columns) == 20_000
        keys = f"SELECT sorting_key FROM system.tables WHERE database = '{database}' AND sorting_key != ''"
        assert await self.one(engine, keys) == "id, name"
        assert await self.one(engine, f"SELECT count() FROM {database}.t_sorted WHERE id IS NULL") == 2858
        assert await self.one(engine, f"SELECT count() FROM {database}.t_sorted WHERE id = 3 AND name > 'n1'") == 2857

    @pytest.mark.parametrize(
        ("content", "file_format"),
        [(b"", "CSVWithNames"), (b"", "Parquet"), (b"no parquet", "Parquet"), (b'{"a":', "JSONEachRow")],
    )
    async def test_bad_files_are_refused(
        self, engine: Engine, tmp_path: Path, content: bytes, file_format: str
    ) -> None:
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(FileUnreadable) as caught:
            await engine.describe_file(LocalFile(tmp_path / "bad", file_format))
        assert str(tmp_path) not in caught.value.detail

    async def test_a_stream_has_every_row(self, engine: Engine) -> None:
        size = 0
        async for chunk in engine.stream(Query("SELECT number FROM numbers(300000)"), "CSV"):
            size += len(chunk)
        assert size == sum(len(str(i)) + 1 for i in range(300_000))

    async def test_a_stream_that_fails_says_so(self, engine: Engine) -> None:
        with pytest.raises(EngineError):
            async for _ in engine.stream(Query("SELECT nothing"), "CSV"):
                pass

    async def test_arrow_has_every_row(self, engine: Engine) -> None:
        sql = "SELECT number AS n, toString(number) AS t, toLowCardinality('a') AS l FROM numbers(200000) ORDER BY n"
        found = pa.Table.from_batches([batch async for batch in engine.stream_arrow(Query(sql))])
        assert found.schema.types == [pa.uint64(), pa.string(), pa.string()]
        assert found["n"].to_pylist() == list(range(200_000))
        assert [batch async for batch in engine.stream_arrow(Query("SELECT 1 WHERE 0"))] == []

    @pytest.mark.parametrize("rows", [0, 3_000_000])
    async def test_arrow_that_fails_says_so(self, engine: Engine, rows: int) -> None:
        with pytest.raises(EngineError) as caught:
            async for _ in engine.stream_arrow(Query(f"SELECT throwIf(number = {rows}) FROM numbers(10000000)")):
                pass
        assert caught.value.code == "function_throw_if_value_is_non_zero"
        assert caught.value.detail == "Value passed to 'throwIf' function is non-zero."

    async def test_a_stream_that_fails_in_the_middle_says_so(self, engine: Engine) -> None:
        seen: set[int] = set()

        async def read() -> None:
            async for chunk in engine.stream(Query("SELECT throwIf(number = 3000000) FROM numbers(10000000)"), "CSV"):
                seen.update(chunk)

        with pytest.raises(EngineError) as caught:
            await read()
        assert seen == set(b"0\n"), "the error's text is no row"
        assert caught.value.code == "function_throw_if_value_is_non_zero"

    async def test_it_is_ready(self, engine: Engine) -> None:
        assert await engine.ready()
