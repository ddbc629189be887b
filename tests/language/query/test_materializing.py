"""The law of materialization: a query answers the same from its tables as by itself, for all data and values."""

import asyncio
import math
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.engine.base import Column, Engine, Query
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.language.query.pipeline import CompiledQuery, NotExact, plan_tables, rebind
from tests.support.materializing import grown, materialized

COLUMNS = {
    "id": "UInt64",
    "ts": "DateTime('UTC')",
    "ms": "DateTime64(3, 'UTC')",
    "origin": "String",
    "carrier": "Nullable(String)",
    "delay": "Nullable(Int32)",
    "dist": "Float64",
    "tags": "Array(String)",
    "day": "Date",
    "props": "String",
}
ROWS = """
SELECT number,
  toDateTime('2026-01-01 00:00:00', 'UTC') + cityHash64(number, {seed:UInt64}) % 864000,
  toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + (cityHash64(number, {seed:UInt64}, 1) % 864000000) / 1000,
  ['LGA', 'JFK', 'EWR', ''][cityHash64(number, {seed:UInt64}, 2) % 4 + 1],
  if(cityHash64(number, {seed:UInt64}, 3) % 6 = 0, NULL, ['AA', 'UA', 'DL'][number % 3 + 1]),
  if(number % 5 = 0, NULL, toInt32(cityHash64(number, {seed:UInt64}, 4) % 100) - 20),
  cityHash64(number, {seed:UInt64}, 5) % 1000 / 8,
  arraySlice(['a', 'b', 'c'], 1, number % 4),
  toDate('2026-01-01') + cityHash64(number, {seed:UInt64}, 6) % 10,
  concat('{"n":', toString(number % 9), ',"a":"x', toString(number % 4), '"}')
FROM numbers(400)
"""

_TIMES = st.sampled_from(
    ["2026-01-03", "2026-01-05", "2026-01-03 00:00:00", "2026-01-04 05:30:00", "2026-01-04 23:59:59",
     "2026-01-06 12:00:00", "2025-12-01", "2027-01-01 00:00:00"]
)  # fmt: skip
_TEXTS = st.sampled_from(["LGA", "JFK", "", "AA", "none", "L%", "a'b", "x1"])
_NUMBERS = st.integers(-30, 120)
_LISTS = st.lists(_TEXTS, max_size=3)

# A filter with variables, and how each variable's values are drawn; {N} makes the names of two filters differ.
FILTERS: list[tuple[str, dict[str, st.SearchStrategy[Any]]]] = [
    ("origin = {variables.a#}", {"a": _TEXTS}),
    ("carrier = {variables.a#}", {"a": _TEXTS | st.none()}),
    ("carrier != {variables.a#}", {"a": _TEXTS}),
    ("{variables.a#} = lower(origin)", {"a": _TEXTS}),
    ("origin LIKE {variables.a#}", {"a": _TEXTS}),
    ("origin IN {variables.a#}", {"a": _LISTS}),
    ("(coalesce({variables.a#}, '') = '' OR carrier = {variables.a#})", {"a": _TEXTS | st.none()}),
    ("(coalesce({variables.a#}, '') = '' OR origin IN splitByChar(',', {variables.a#}))", {"a": _TEXTS}),
    ("(origin = {variables.a#} OR delay > {variables.b#})", {"a": _TEXTS, "b": _NUMBERS}),
    ("delay >= {variables.a#}", {"a": _NUMBERS}),
    ("delay + {variables.a#} > dist", {"a": _NUMBERS}),
    ("props.n > {variables.a#}", {"a": st.integers(0, 9)}),
    ("props.a = {variables.a#}", {"a": _TEXTS}),
    ("has(tags, {variables.a#})", {"a": st.sampled_from(["a", "c", "q"])}),
    ("ts >= {variables.a#} AND ts < {variables.b#}", {"a": _TIMES, "b": _TIMES}),
    ("ts > {variables.a#} AND ts <= {variables.b#}", {"a": _TIMES, "b": _TIMES | st.none()}),
    ("ts BETWEEN {variables.a#} AND {variables.b#}", {"a": _TIMES, "b": _TIMES}),
    ("ms >= {variables.a#} AND ms <= {variables.b#}", {"a": _TIMES, "b": _TIMES}),
    ("ts >= toDateTime({variables.a#})", {"a": _TIMES}),
    ("toDate(ts) >= toDate({variables.a#})", {"a": _TIMES}),
    ("day >= {variables.a#}", {"a": st.sampled_from(["2026-01-03", "2026-01-09"])}),
    ("id IN (SELECT id FROM t WHERE carrier = {variables.a#})", {"a": _TEXTS}),
]
FIXED = ["", "delay > 0", "origin != 'EWR'", "ts >= '2026-01-02 03:00:00'"]
KEYS = ["origin", "carrier", "toStartOfDay(ts)", "toStartOfHour(ts)", "day", "props.a", "delay % 3", "upper(origin)"]
AGGREGATES = [
    "count()", "sum(delay)", "avg(delay)", "min(ts)", "max(dist)", "uniq(carrier)", "count(DISTINCT origin)",
    "countIf(delay > 10)", "sum(dist) / count()", "round(avg(dist), 3)", "quantileExact(0.5)(delay)",
    "max(delay) FILTER (WHERE carrier = 'AA')", "arraySort(groupUniqArray(carrier))", "stddevPop(delay)",
    "coalesce(sum(delay), 0) + 1", "uniqExact(carrier, origin)", "sum(DISTINCT delay)", "median(delay)",
]  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, dict[str, st.SearchStrategy[Any]]]:
    """A WHERE with at least one variable, and the values of its variables."""
    texts, values = [], {}
    for number, (text, drawn) in enumerate(draw(st.lists(st.sampled_from(FILTERS), min_size=1, max_size=3))):
        texts.append(text.replace("#", str(number)))
        values.update({f"{name}{number}": each for name, each in drawn.items()})
    texts += filter(None, [draw(st.sampled_from(FIXED))])
    return " AND ".join(draw(st.permutations(texts))), values


@st.composite
def grouped(draw: st.DrawFn, where: str) -> str:
    """An aggregation with everything that may stand around one."""
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
    made = draw(st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=3, unique=True))
    named = [f"{key} AS k{number}" for number, key in enumerate(keys)]
    columns = [*named, *(f"{one} AS m{number}" for number, one in enumerate(made))]
    if keys and draw(st.booleans()):
        columns.append("row_number() OVER (ORDER BY " + ", ".join(f"k{i}" for i in range(len(keys))) + ") AS place")
    text = f"SELECT {', '.join(columns)} FROM t WHERE {where}"
    if keys:
        text += " GROUP BY " + ", ".join(draw(st.sampled_from([f"k{i}", key])) for i, key in enumerate(keys))
        text += draw(st.sampled_from(["", " HAVING count() > 3", " HAVING m0 IS NOT NULL"]))
        text += " ORDER BY " + ", ".join(f"k{i} {draw(st.sampled_from(['ASC', 'DESC']))}" for i in range(len(keys)))
        text += draw(st.sampled_from(["", " LIMIT 3", " LIMIT 2 OFFSET 1", " LIMIT 1 BY k0"]))
    return text


@st.composite
def plain(draw: st.DrawFn, where: str) -> str:
    """Rows, with what may be made of them."""
    columns = draw(st.sampled_from(["*", "id, origin AS o, delay + 1", "id, upper(origin), arrayJoin(tags) AS tag"]))
    distinct = columns != "*" and draw(st.booleans())
    if columns != "*" and draw(st.booleans()):
        columns += ", sum(delay) OVER (PARTITION BY origin ORDER BY id) AS running"
    text = f"SELECT {'DISTINCT ' if distinct else ''}{columns} FROM t WHERE {where} ORDER BY id"
    return text + (", tag" if "tag" in columns else "") + draw(st.sampled_from(["", " LIMIT 5", " LIMIT 4 OFFSET 2"]))


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A query with variables, and three sets of values for them."""
    where, values = draw(conditions())
    text = draw(grouped(where) | plain(where))
    around = draw(st.sampled_from(["{}", "{}", "SELECT * FROM ({})", "WITH x AS ({}) SELECT * FROM x", "union"]))
    if around == "union":
        text = f"SELECT count() AS n FROM ({text}) UNION ALL SELECT count() FROM t WHERE {where}"
    else:
        text = around.replace("{}", text)
    return text, [{name: draw(each) for name, each in values.items()} for _ in range(3)]


@pytest.fixture(scope="module")
def catalog(chdb_engine: Engine) -> Catalog:
    """A project with a table of made-up flights."""
    database = f"p{uuid4().int % 10**12}"
    asyncio.run(_fill(chdb_engine, database))
    columns = tuple(TableColumn(name, kind, name) for name, kind in COLUMNS.items())
    return Catalog(1, database, {"t": Table("t", PhysicalTable(database, "t"), columns)})


async def _fill(engine: Engine, database: str) -> None:
    await engine.create_database(database)
    await engine.create_table(database, "t", [Column(*each) for each in COLUMNS.items()], ["id"])
    await engine.insert_query(database, "t", Query(ROWS.replace("{seed:UInt64}", "7")))
    for by, (order, last) in CUTS.items():
        await engine.create_table(database, f"t_{by}", [Column(*each) for each in COLUMNS.items()], ["id"])
        await engine.insert_query(database, f"t_{by}", Query(f"SELECT * FROM {database}.t WHERE {order} <= {last}"))
        sizes = [(await engine.size(database, name)).rows for name in (f"t_{by}", "t")]
        assert 100 < sizes[0] < sizes[1] - 50


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=queries())
def test_materialized_equals_inline(chdb_engine: Engine, catalog: Catalog, query: tuple[str, list[Any]]) -> None:
    text, every = query
    asyncio.run(_compare(chdb_engine, catalog, text, every))


CUTS = {
    "id": ("id", 149),
    "ts": ("toInt64(ts)", 1_767_600_000),
    "ms": ("toUnixTimestamp64Micro(toDateTime64(ms, 6))", 1_767_700_000_123_000),
    "day": ("toInt64(day)", 20_458),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=queries(), by=st.sampled_from(sorted(CUTS)))
def test_what_has_grown_equals_inline(
    chdb_engine: Engine, catalog: Catalog, query: tuple[str, list[Any]], by: str
) -> None:
    """The same law for tables that were made of a part of the rows, and grew by the others."""
    text, every = query
    early = Table("t", PhysicalTable(catalog.database, f"t_{by}"), catalog.tables["t"].columns)
    asyncio.run(_compare(chdb_engine, replace(catalog, tables={"t": early}), text, every, (catalog, by)))


@pytest.mark.parametrize(
    ("text", "by", "grows"),
    [
        ("SELECT count() FROM t WHERE origin = {variables.a}", "ts", True),
        ("SELECT count() FROM t AS x WHERE x.origin = {variables.a} AND delay > 3", "id", True),
        ("SELECT id FROM t ARRAY JOIN tags AS tag WHERE origin = {variables.a}", "id", True),
        ("SELECT count() FROM t WHERE origin = {variables.a}", "origin", False),
        ("SELECT count() FROM t WHERE origin = {variables.a}", "nobody", False),
        ("SELECT count() FROM t JOIN t AS u ON t.id = u.id WHERE t.origin = {variables.a}", "id", False),
        (
            "SELECT n FROM (SELECT origin, count() AS n FROM t GROUP BY origin) WHERE origin = {variables.a}",
            "id",
            False,
        ),
        ("SELECT id FROM t WHERE id IN (SELECT max(id) FROM t) AND origin = {variables.a}", "id", False),
        ("WITH x AS (SELECT * FROM t LIMIT 9) SELECT id FROM x WHERE origin = {variables.a}", "id", False),
    ],
)
def test_what_can_grow(catalog: Catalog, text: str, by: str, grows: bool) -> None:
    (one,) = plan_tables(text, catalog, {"a": "LGA"}, "kept", {}, by)
    assert (one.grows_with, one.more is not None, one.probe is not None) == ("t" if grows else None, grows, grows)


async def _compare(
    engine: Engine, catalog: Catalog, text: str, every: list[dict[str, Any]], later: tuple[Catalog, str] | None = None
) -> None:
    examples = {name: "2026-01-01" if value is None else value for name, value in every[0].items()}
    made = await materialized(engine, catalog, text, examples)
    if later is not None:
        await grown(made, later[0], examples, later[1], CUTS[later[1]][1])
    for values in every:
        expected, found = await made.inline(values), await made.stored(values)
        if "ORDER BY" not in text.rsplit(")", 1)[-1]:
            expected, found = sorted(expected, key=repr), sorted(found, key=repr)
        assert near(found, expected), (text, values, made.read[-1].hogql)


def near(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of floats: sums of parts round otherwise than the sum of the whole."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


@pytest.mark.parametrize("bucket", ["minute", "fifteen_minutes", "hour", "day", "week", "month"])
@pytest.mark.parametrize("column", ["ts", "ms"])
def test_every_bucket_is_exact_at_its_edges(chdb_engine: Engine, catalog: Catalog, bucket: str, column: str) -> None:
    edges = ["2026-01-04", "2026-01-04 00:00:01", "2026-01-04 11:15:00", "2026-01-04 11:59:59", "2026-02-01"]
    text = (
        f"SELECT count(), sum(delay), min({column}), max({column}) FROM t "
        f"WHERE {column} > {{variables.a}} AND {column} <= {{variables.b}}"
    )

    async def compare() -> None:
        examples = {"a": edges[0], "b": edges[1]}
        made = await materialized(chdb_engine, catalog, text, examples, {column: bucket})
        for low in ["2026-01-01", *edges]:
            for high in edges:
                values = {"a": low, "b": high}
                assert await made.stored(values) == await made.inline(values), values

    asyncio.run(compare())


def test_a_range_that_ends_with_its_buckets_reads_no_rows(chdb_engine: Engine, catalog: Catalog) -> None:
    text = "SELECT count() FROM t WHERE ts >= {variables.a} AND ts < {variables.b}"

    async def read(low: str, high: str) -> bool:
        made = await materialized(chdb_engine, catalog, text, {"a": low, "b": high})
        await made.stored({"a": low, "b": high})
        return made.read[-1].reads_rows()

    assert not asyncio.run(read("2026-01-02", "2026-01-05 00:00:00"))
    assert asyncio.run(read("2026-01-02 00:00:01", "2026-01-05"))


def test_a_kept_text_serves_values_that_cut_as_many_buckets(chdb_engine: Engine, catalog: Catalog) -> None:
    text = "SELECT count() FROM t WHERE ts >= {variables.a} AND ts < {variables.b}"
    aligned, within = {"a": "2026-01-02", "b": "2026-01-05"}, {"a": "2026-01-02", "b": "2026-01-05 11:00:00"}

    async def compiled() -> tuple[CompiledQuery, CompiledQuery]:
        made = await materialized(chdb_engine, catalog, text, aligned)
        await made.stored(aligned)
        await made.stored(within)
        return made.read[-2], made.read[-1]

    whole, cut = asyncio.run(compiled())
    assert "UNION ALL" not in whole.sql
    assert "UNION ALL" in cut.sql
    assert rebind(whole, {"a": "2026-01-03", "b": "2026-01-09 00:00:00"}) is not None
    assert rebind(whole, within) is None
    assert rebind(cut, aligned) is None
    assert rebind(cut, {"a": "2026-01-02 00:00:07", "b": "2026-01-04"}) is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT groupArray(id) FROM t WHERE origin = {variables.a}", "aggregate_depends_on_order"),
        ("SELECT first_value(id) FROM t WHERE origin = {variables.a}", "aggregate_depends_on_order"),
        ("SELECT topK(3)(origin) FROM t WHERE carrier = {variables.a}", "aggregate_depends_on_order"),
        ("SELECT sum(x) FROM (SELECT rand() + id AS x, origin FROM t) WHERE origin = {variables.a}",
         "not_deterministic"),
        ("SELECT a.id FROM t AS a LEFT JOIN t AS b ON a.id = b.id AND b.origin = {variables.a}", "variable_in_join"),
        ("SELECT {variables.a}", "no_table"),
        ("SELECT number FROM numbers(3) WHERE toString(number) = {variables.a}", "no_table"),
    ],
)  # fmt: skip
def test_what_cannot_be_exact_is_refused_with_its_place(catalog: Catalog, text: str, code: str) -> None:
    with pytest.raises(NotExact) as caught:
        plan_tables(text, catalog, {"a": "LGA"}, "kept", {})
    assert caught.value.reason_code == code
    assert caught.value.detail
