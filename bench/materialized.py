"""A grouped query with an equality and a range over 20,000,000 rows: from its tables against by itself."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.table import Measured, show
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.chdb import ChdbEngine
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.language.query.materializing.growing import AFTER
from hedgerow.language.query.materializing.planning import sortable
from hedgerow.language.query.materializing.serving import Served, Tables
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, Value, compile_query, plan_tables, rebind

ROWS = 20_000_000
RUNS = 15
COLUMNS = {"ts": "DateTime('UTC')", "country": "String", "plan": "String", "amount": "Int64", "buyer": "UInt32"}
FILL = f"""
SELECT toDateTime('2025-01-01 00:00:00', 'UTC') + cityHash64(number) % 31536000, toString(cityHash64(number, 1) % 50),
  ['free', 'pro', 'team'][number % 3 + 1], cityHash64(number, 2) % 1000, cityHash64(number, 3) % 100000
FROM numbers({ROWS})
"""
MORE = FILL.replace("2025-01-01 00:00:00", "2026-01-01 00:00:01").replace("31536000", "86400")
MORE = MORE.replace(f"numbers({ROWS})", f"numbers({ROWS // 100})")
"""Rows of the following day."""
QUERY = """
SELECT plan, count() AS n, sum(amount) AS total, avg(amount) AS average FROM sales
WHERE country = {variables.country} AND ts >= {variables.a} AND ts < {variables.b} GROUP BY plan ORDER BY plan
"""
# A state of `uniq` holds hashes of all that was seen: kilobytes, where those of sums are a few bytes.
LARGE_STATES = QUERY.replace("avg(amount)", "uniq(buyer) AS buyers, avg(amount)")
_LIMITS = Limits(None, 8 << 30)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(ChdbEngine(Path(folder))))


async def _measure(engine: Engine) -> None:
    catalog = await _filled(engine)
    values: list[Mapping[str, Value]] = [
        {"country": str(n), "a": f"2025-0{n % 5 + 1}-03", "b": f"2025-0{n % 4 + 6}-20"} for n in range(RUNS)
    ]
    own = await engine.size("p1", "sales")
    lines: list[Measured] = []
    for what, text in (("sums", QUERY), ("sums and uniq", LARGE_STATES)):
        began = time.perf_counter()
        tables, kept = await _tables(engine, catalog, text, values[0])
        made = time.perf_counter() - began
        for where, cut in (("bounds on the edges of days", ""), ("bounds within days", " 10:30:00")):
            asked = [{**each, "a": f"{each['a']}{cut}", "b": f"{each['b']}{cut}"} for each in values]
            stored = await _median(engine, catalog, text, asked, tables)
            inline = await _median(engine, catalog, text, asked, None)
            first = not lines
            met = stored * 20 <= inline if first else None
            lines.append(Measured(f"{what}, {where}; inline", stored, inline, "ms", "<= 0.05" if first else "", met))
        on_disk = own.bytes_on_disk / 2**20
        lines.append(Measured(f"{what}: states on disk; the table", kept / 2**20, on_disk, "MB", ""))
        lines.append(Measured(f"{what}: seconds to make the states", made, float("nan"), "s", ""))
    show(f"A materialized run over {ROWS:,} rows", lines)
    await _report_growth(engine, catalog, values[0])
    await engine.close()


async def _filled(engine: Engine) -> Catalog:
    await engine.create_database("p1")
    await engine.create_table("p1", "sales", [Column(*each) for each in COLUMNS.items()], ["buyer"])
    await engine.insert_query("p1", "sales", Query(FILL, limits=_LIMITS))
    columns = tuple(TableColumn(name, kind, name) for name, kind in COLUMNS.items())
    return Catalog(1, "p1", {"sales": Table("sales", PhysicalTable("p1", "sales"), columns)})


async def _tables(engine: Engine, catalog: Catalog, text: str, examples: Mapping[str, Value]) -> tuple[Tables, int]:
    served, size = [], 0
    for one in plan_tables(text, catalog, examples, "kept", {}):
        query = Query(one.compiled.sql, one.compiled.parameters, _LIMITS)
        columns = await engine.describe(query)
        types = {column.name: column.type for column in columns}
        order = [name for name in one.piece.order_by if sortable(types[name])]
        await engine.drop_table("p1", one.piece.name)
        await engine.create_table("p1", one.piece.name, columns, order)
        await engine.insert_query("p1", one.piece.name, query)
        served.append(Served(replace(one.piece, types=types), one.piece.name))
        size += (await engine.size("p1", one.piece.name)).bytes_on_disk
    return Tables(served), size


async def _report_growth(engine: Engine, catalog: Catalog, examples: Mapping[str, Value]) -> None:
    """A refresh after one row in a hundred was appended: what is new, against all rows; of states that are alike."""
    (one,) = plan_tables(QUERY, catalog, examples, "kept", {}, "ts")
    assert one.more is not None
    assert one.probe is not None
    await _tables(engine, catalog, QUERY, examples)
    last = int(await _told(engine, one.probe, 0, 2))
    await engine.insert_query("p1", "sales", Query(MORE, limits=_LIMITS))
    began = time.perf_counter()
    assert int(await _told(engine, one.probe, last, 4)) == ROWS, "no row came late"
    await engine.clone_table("p1", "grown", "kept")
    bound = rebind(one.more, {AFTER: last})
    assert bound is not None
    await engine.insert_query("p1", "grown", Query(bound.sql, bound.parameters, _LIMITS))
    appended = time.perf_counter() - began
    began = time.perf_counter()
    await _tables(engine, catalog, QUERY, examples)
    full = time.perf_counter() - began
    sizes = [float((await engine.size("p1", table)).rows) for table in ("grown", "kept")]
    show(
        f"A refresh after {ROWS // 100:,} rows were appended to {ROWS:,}",
        [
            Measured("appended, with its checks; all rows", appended, full, "s", "<= 0.5", appended <= full / 2),
            Measured("rows of states; of a full refresh", sizes[0], sizes[1], "", ""),
        ],
    )


async def _told(engine: Engine, probe: CompiledQuery, after: int, place: int) -> str:
    bound = rebind(probe, {AFTER: after})
    assert bound is not None
    answer = await engine.run(Query(bound.sql, bound.parameters, _LIMITS))
    return str(json.loads(answer.json_rows())[0][place])


async def _median(
    engine: Engine, catalog: Catalog, text: str, asked: list[dict[str, Value]], tables: Tables | None
) -> float:
    """Milliseconds of a run, compiling left out as a kept plan has it done."""
    taken = []
    for values in asked:
        compiled = compile_query(text, catalog, CompileOptions(values, tables=tables))
        began = time.perf_counter()
        await engine.run(Query(compiled.sql, compiled.parameters, _LIMITS))
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
