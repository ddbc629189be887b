"""What every engine must do with its tables: making, filling, cloning, widening, deleting, merging."""

import asyncio
import json
import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from hedgerow.engine.base import Engine
from hedgerow.engine.result import Answer, Column, Query
from hedgerow.kit.values import Bound

KEYS = {
    "Int64": "toInt64(number) - 500",
    "UInt16": "number",
    "Int256": "number",
    "Float64": "number / 7",
    "Decimal(12, 2)": "number / 4",
    "String": "toString(number)",
    "UUID": "reinterpretAsUUID(toUInt128(number))",
    "Date32": "toDate32(toInt32(number) - 500)",
    "DateTime64(6, 'UTC')": "fromUnixTimestamp64Micro(toInt64(number) * 1000003, 'UTC')",
}
"""Types of keys, each with a value for every `number`."""


def rows(answer: Answer) -> list[Any]:
    """The rows of an answer, parsed."""
    found: list[Any] = json.loads(answer.json_rows())
    return found


@pytest.mark.anyio
class EngineTables:
    """Subclasses bring a fixture `engine`."""

    COLUMNS = (Column("id", "Int64"), Column("name", "Nullable(String)"))

    @pytest.fixture
    async def database(self, engine: Engine) -> str:
        name = f"p{uuid4().int % 10**12}"
        await engine.create_database(name)
        return name

    async def one(self, engine: Engine, sql: str, **values: Bound) -> Any:
        return rows(await engine.run(Query(sql, values)))[0][0]

    async def _filled(self, engine: Engine, database: str, table: str, count: int, prefix: str = "n") -> None:
        await engine.create_table(database, table, self.COLUMNS, ("id",))
        made = pa.table({"id": list(range(count)), "name": [f"{prefix}{i}" for i in range(count)]})
        assert await engine.insert_arrow(database, table, made.to_batches(max_chunksize=300)) == count

    async def test_tables_are_made_filled_listed_and_dropped(self, engine: Engine, database: str) -> None:
        await self._filled(engine, database, "t_one", 1000)
        assert await engine.tables(database) == {"t_one"}
        assert await self.one(engine, f"SELECT count() FROM {database}.t_one") == 1000
        described = await engine.describe(Query(f"SELECT id + 1 AS next, name FROM {database}.t_one"))
        assert described == (Column("next", "Int64"), Column("name", "Nullable(String)"))
        await engine.drop_table(database, "t_one")
        await engine.drop_table(database, "t_one")
        assert await engine.tables(database) == frozenset()

    async def test_where_rows_are_looked_up_fewer_lie_together(self, engine: Engine, database: str) -> None:
        ids = pa.table({"id": list(range(40_000)), "name": [f"n{i}" for i in range(40_000)]})
        marks = {}
        for table, looked_up in (("plain", False), ("looked_up", True)):
            await engine.create_table(database, table, self.COLUMNS, ("id",), looked_up=looked_up)
            await engine.insert_arrow(database, table, ids.to_batches())
            answer = await engine.run(Query(f"SELECT name FROM {database}.{table} WHERE id = 12345"))
            assert rows(answer) == [["n12345"]]
            parts = f"system.parts WHERE database = '{database}' AND table LIKE '{table}%' AND active"
            marks[table] = await self.one(engine, f"SELECT sum(marks) FROM {parts}")
        assert 0 < marks["plain"] * 2 < marks["looked_up"], marks

    async def test_parts_are_merged_where_they_may_be(self, engine: Engine, database: str) -> None:
        await engine.create_table(database, "pieces", [Column("id", "Int32")], ["id"])
        await engine.hold_merges(database, "pieces")
        for number in range(12):
            await engine.insert_arrow(database, "pieces", [pa.record_batch({"id": pa.array([number], pa.int32())})])
        held = await engine.size(database, "pieces")
        assert (held.rows, held.parts) == (12, 12)
        assert await engine.merging(database, "pieces") is False
        await engine.let_merge(database, "pieces")
        end = time.monotonic() + 30
        while (await engine.size(database, "pieces")).parts == 12 and time.monotonic() < end:
            await asyncio.sleep(0.1)
        merged = await engine.size(database, "pieces")
        assert (merged.rows, merged.parts < 12) == (12, True)

    async def test_a_clone_goes_its_own_way(self, engine: Engine, database: str) -> None:
        columns = [Column("id", "Nullable(Int32)"), Column("part", "Nullable(String)")]
        for table, ids in {"cloned": range(1_000), "keys": range(0, 1_000, 100)}.items():
            await engine.create_table(database, table, columns, ["id"])
            batch = pa.record_batch({"id": pa.array(ids, pa.int32()), "part": pa.array(["a"] * len(ids))})
            await engine.insert_arrow(database, table, [batch])
        for number in range(2):  # also a clone of a clone, with rows deleted
            source = "cloned" if number == 0 else "clone0"
            await engine.clone_table(database, f"clone{number}", source)
            await engine.delete_matching(database, f"clone{number}", "keys", ["id", "part"], everywhere=number > 0)
            await engine.change_columns(database, f"clone{number}", [Column(f"c{number}", "Nullable(Int8)")], [])
        await engine.change_columns(database, "clone1", [], [Column("c1", "Nullable(Int64)")])
        await engine.drop_table(database, "clone0")
        new = {"id": pa.array([-1], pa.int32()), "part": pa.array(["b"]), "c0": pa.array([None], pa.int8())}
        await engine.insert_arrow(database, "clone1", [pa.record_batch({**new, "c1": pa.array([2**40], pa.int64())})])
        counts = [await self.one(engine, f"SELECT count() FROM {database}.{t}") for t in ("cloned", "clone1", "keys")]
        assert counts == [1_000, 991, 10]
        assert await self.one(engine, f"SELECT countIf(id = 100) FROM {database}.clone1") == 0
        assert await self.one(engine, f"SELECT countIf(c1 IS NULL) FROM {database}.clone1") == 990
        assert await self.one(engine, f"SELECT max(c1) FROM {database}.clone1") == 2**40

    async def test_packed_numbers_keep_their_extremes_and_their_wider_types(
        self, engine: Engine, database: str
    ) -> None:
        """Whatever a column was packed by must not hinder the type it is widened to."""
        values: dict[str, tuple[str, pa.Array, str]] = {
            "small": ("Nullable(Int16)", pa.array([-(2**15), 2**15 - 1, None], pa.int16()), "Nullable(Float64)"),
            "large": ("Nullable(Int64)", pa.array([-(2**63), 2**63 - 1, None], pa.int64()), "Nullable(String)"),
            "whole": ("UInt64", pa.array([0, 2**64 - 1, 1], pa.uint64()), "Int256"),
            "day": (
                "Nullable(Date32)",
                pa.array([-25_567, 120_529, None], pa.date32()),
                "Nullable(DateTime64(3, 'UTC'))",
            ),
            "cost": (
                "Nullable(Decimal(18, 4))",
                pa.array([Decimal("-99999999999999.9999"), Decimal("99999999999999.9999"), None], pa.decimal128(18, 4)),
                "Nullable(Decimal(38, 4))",
            ),
        }
        columns = [Column(name, kept) for name, (kept, _, _) in values.items()]
        await engine.create_table(database, "packed", columns, ["whole"])
        batch = pa.record_batch({name: array for name, (_, array, _) in values.items()})
        await engine.insert_arrow(database, "packed", [batch])

        async def told() -> list[list[str | None]]:
            chosen = ", ".join(f"toString({name})" for name in ("small", "large", "whole", "cost"))
            answer = await engine.run(Query(f"SELECT {chosen} FROM {database}.packed ORDER BY whole", {}))
            return [json.loads(line) for line in answer.rows.splitlines()]

        before = await told()
        assert before == [
            ["-32768", str(-(2**63)), "0", "-99999999999999.9999"],
            [None, None, "1", None],
            ["32767", str(2**63 - 1), str(2**64 - 1), "99999999999999.9999"],
        ]
        wider = [Column(name, wide) for name, (_, _, wide) in values.items() if name != "whole"]
        await engine.change_columns(database, "packed", [Column("added", "Nullable(Int64)")], wider)
        assert await told() == before
        assert await self.one(engine, f"SELECT toString(max(day)) FROM {database}.packed") == "2299-12-31 00:00:00.000"

    async def test_rows_of_a_table_of_the_same_making_are_taken_over(self, engine: Engine, database: str) -> None:
        columns = [Column("id", "Nullable(Int64)"), Column("day", "Nullable(Date32)")]
        await engine.create_table(database, "present", columns, ["id"])
        await engine.create_like(database, "aside", "present")
        for table, ids in {"present": range(100), "aside": range(50, 150)}.items():
            days = pa.array([number % 7 for number in ids], pa.date32())
            await engine.insert_arrow(database, table, [pa.record_batch({"id": pa.array(ids), "day": days})])
        await engine.clone_table(database, "cut", "present", merging=False)
        await engine.delete_matching(database, "cut", "aside", ["id"])
        await engine.attach_table(database, "cut", "aside")
        await engine.create_like(database, "empty", "present")
        await engine.attach_table(database, "cut", "empty")
        for table in ("present", "aside"):
            await engine.drop_table(database, table)
        await engine.let_merge(database, "cut")
        sql = f"SELECT count(), uniqExact(id), min(id), max(id), sum(toInt32(day)) FROM {database}.cut"
        found = await engine.run(Query(sql))
        assert rows(found) == [[150, 150, 0, 149, sum(number % 7 for number in range(150))]]

    @pytest.mark.parametrize("everywhere", [False, True])
    @pytest.mark.parametrize("order", [[], ["k"]])
    @pytest.mark.parametrize("kind", KEYS)
    async def test_rows_are_deleted_by_keys_of_any_kind(
        self, engine: Engine, database: str, kind: str, order: list[str], everywhere: bool
    ) -> None:
        columns = [Column("k", f"Nullable({kind})"), Column("n", "UInt64")]
        for table, count, parts in (("kept", 50_000, 3), ("keys", 5_000, 1)):
            await engine.create_table(database, table, columns, order)
            made = Query(f"SELECT if(number % 10 = 3, NULL, {KEYS[kind]}), number FROM numbers({count})")
            for _ in range(parts):
                await engine.insert_query(database, table, made)
        await engine.clone_table(database, "cut", "kept", merging=False)
        for _ in range(2):  # once in several large parts, once while these may be merged
            await engine.delete_matching(database, "cut", "keys", ["k"], everywhere=everywhere)
            left = await engine.run(Query(f"SELECT sum(k IS NULL), sum(n < 5000), count() FROM {database}.cut"))
            assert rows(left) == [[15_000, 1_500, 136_500]]
            await engine.let_merge(database, "cut")
        assert await engine.tables(database) == {"kept", "keys", "cut"}
