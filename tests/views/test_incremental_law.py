"""Making a table bit by bit gives what making it whole gives, as long as changes are within the lookback."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.materialize import Tables
from hedgerow.store import Store
from hedgerow.views.records import Incremental
from hedgerow.views.runs import increments
from hedgerow.views.runs.composing import Composing
from hedgerow.views.runs.increments import Parts
from hedgerow.views.texts.increments import report
from hedgerow.views.texts.preparing import compiled_text
from hedgerow.warehouse.catalog import database

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = (
    Column("id", "Int64"),
    Column("ts", "Nullable(DateTime64(6, 'UTC'))"),
    Column("city", "Nullable(String)"),
    Column("amount", "Int64"),
)
DAYS = "select toDate(ts) as day, city, count() as n, sum(amount) as total from src group by day, city"
MODELS = {
    "rows": ("select id, ts, city, amount from src where amount != 3", Incremental(True, "ts")),
    "days": (DAYS, Incremental(True, "day")),
    "hours": ("select distinct city, toStartOfHour(ts) as hour from src order by hour", Incremental(True, "hour")),
    "both": ("select ts, id from src where id % 2 = 0 union all select ts, amount from src", Incremental(True, "ts")),
    "moved": ("select id, ts, amount from src", Incremental(True, "ts", ("id",))),
    "kept": (DAYS, Incremental(True, "day", ("day", "city"))),
}


@dataclass(frozen=True)
class Row:
    """A row of the source; `hour` from the epoch is when, `None` never."""

    id: int
    hour: int | None
    city: str | None
    amount: int


@dataclass(frozen=True)
class Step:
    """What changes at once: rows that come, and which of those within reach go; `back` hours before the last one."""

    added: Sequence[tuple[int, str | None, int]]
    gone: Sequence[int]
    timeless: bool = False


added = st.tuples(st.integers(0, 30), st.sampled_from(["Rome", "Oslo", None]), st.integers(0, 4))
steps = st.builds(Step, st.lists(added, max_size=5), st.lists(st.integers(0, 20), max_size=3), st.booleans())


def changed(rows: Sequence[Row], step: Step, back: int, *, moving: bool) -> list[Row]:
    """The rows after a step, which stays within `back` hours before the last of them; `moving`: any row may move on."""
    last = max((row.hour for row in rows if row.hour is not None), default=0)
    reach = last - back
    following = max((row.id for row in rows), default=0) + 1
    left = [
        row
        for place, row in enumerate(rows)
        if not (place in step.gone and (row.hour is None or row.hour >= reach) and not moving)
    ]
    if moving:
        left = [replace(row, hour=last + 1) if place in step.gone else row for place, row in enumerate(left)]
    for number, (hour, city, amount) in enumerate(step.added):
        left.append(Row(following + number, reach + hour, city, amount))
    if step.timeless:
        left.append(Row(following + len(step.added), None, "Bern", 1))
    return left


@dataclass
class Model:
    """A view over `src`, in a database of its own."""

    composing: Composing
    text: str
    settings: Incremental
    project_id: int
    seen: set[str] = field(default_factory=set)

    @property
    def engine(self) -> Engine:
        return self.composing.engine

    @property
    def database(self) -> str:
        return database(self.project_id)

    def catalog(self, physical: str) -> Catalog:
        columns = tuple(TableColumn(column.name, column.type, column.name) for column in COLUMNS)
        table = Table("src", PhysicalTable(self.database, physical), columns)
        return Catalog(1, self.database, {"src": table})

    async def source(self, rows: Sequence[Row]) -> str:
        """A new physical table of those rows."""
        name = f"t_{uuid4().hex}"
        await self.engine.create_table(self.database, name, COLUMNS)
        moments = [None if row.hour is None else EPOCH + timedelta(hours=row.hour) for row in rows]
        arrays = [
            pa.array([row.id for row in rows], pa.int64()),
            pa.array(moments, pa.timestamp("us", "UTC")),
            pa.array([row.city for row in rows], pa.string()),
            pa.array([row.amount for row in rows], pa.int64()),
        ]
        batch = pa.record_batch(arrays, [column.name for column in COLUMNS])
        if rows:
            await self.engine.insert_arrow(self.database, name, [batch])
        return name

    async def made(self, source: str, old: str | None) -> str:
        """The model's new table, bit by bit where there is an old one."""
        catalog = self.catalog(source)
        compiled = compiled_text(self.text, catalog)
        query = Query(compiled.sql, compiled.parameters, Limits())
        columns = await self.engine.describe(query)
        report(self.text, catalog, compiled, columns).check(self.settings)
        types = {column.name: column.type for column in columns}
        kind = types[self.settings.incremental_key]
        last = await self.last(old, kind) if old else None
        if old is None or last is None:
            return (await self.composing.tables.build(self.project_id, query, [self.settings.incremental_key])).physical
        bounds = increments.since(last, kind, self.settings.lookback_seconds)
        parts = Parts(self.settings, types, bounds, self.database, old)
        return (await self.composing.composed(self.project_id, parts, query)).physical

    async def last(self, table: str, kind: str) -> str | None:
        text = increments.watermark(self.database, table, self.settings.incremental_key, kind)
        last, rows = orjson.loads((await self.engine.run(Query(text))).rows)
        return last if rows else None

    async def rows(self, table: str) -> list[str]:
        answer = await self.engine.run(Query(f"SELECT * FROM {self.database}.{table}"))
        return sorted(map(str, orjson.loads(answer.json_rows())))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Where tables are kept account of."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('law') / 'metadata.sqlite'}")
    store.migrate()
    yield store
    store.dispose()


async def follows_the_law(composing: Composing, name: str, back: int, changes: Sequence[Step]) -> None:
    """After each step the table made bit by bit is the one made whole."""
    text, chosen = MODELS[name]
    wish = replace(chosen, lookback_seconds=back * 3_600)
    model = Model(composing, text, wish, uuid4().int % 10**12)
    await model.engine.create_database(model.database)
    rows: list[Row] = [Row(0, 0, "Rome", 1)]
    table: str | None = None
    try:
        for step in changes:
            rows = changed(rows, step, back, moving=name == "moved")
            source = await model.source(rows)
            table = await model.made(source, table)
            whole = await model.made(source, None)
            assert await model.rows(table) == await model.rows(whole)
            made = {each for each in await model.engine.tables(model.database) if each.startswith("m_")}
            assert made <= model.seen | {table, whole}
            model.seen |= made
    finally:
        await composing.tables.close()
        for each in await model.engine.tables(model.database):
            await model.engine.drop_table(model.database, each)


@pytest.mark.parametrize("many", [0, 1_000_000], ids=["linked", "copied"])
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(back=st.sampled_from([0, 1, 30]), changes=st.lists(steps, min_size=2, max_size=4))
def test_bit_by_bit_is_as_whole(
    books: Store, chdb_engine: Engine, many: int, name: str, back: int, changes: list[Step]
) -> None:
    composing = Composing(chdb_engine, Tables(books, chdb_engine), many, share=1.0)
    asyncio.run(follows_the_law(composing, name, back, changes))


@pytest.mark.parametrize("name", ["days", "moved"])
def test_on_a_cluster_as_well(books: Store, cluster_engine: Engine, name: str) -> None:
    first = Step([(hour, "Rome", hour % 4) for hour in range(30)], [])
    later = Step([(hour, "Oslo", 1) for hour in range(5)], [2, 4, 25])
    timeless = replace(later, timeless=True)
    composing = Composing(cluster_engine, Tables(books, cluster_engine))
    asyncio.run(follows_the_law(composing, name, 3, [first, later, later, timeless, later]))
