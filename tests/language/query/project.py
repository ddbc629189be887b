"""A project with a few tables and views, beside a second project that it must never see."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import Limits, Query
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn, ViewTable
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query
from hedgerow.language.syntax.parser import parse_select

OWN, FOREIGN = "p7101", "p7102"
SECRET = "what the other project keeps"

_COLUMNS = {
    "events": (
        ("uuid", "UUID"), ("event", "String"), ("timestamp", "DateTime64(6, 'UTC')"), ("properties", "String"),
        ("amount", "Nullable(Float64)"), ("n", "Nullable(Int64)"), ("who", "String"),
    ),
    "people": (
        ("id", "String"), ("name", "Nullable(String)"), ("born", "Nullable(Date)"), ("tags", "Array(String)"),
        ("extra", "Map(String, String)"), ("pair", "Tuple(a Int64, b String)"), ("doc", "JSON"),
        ("ok", "Nullable(Bool)"),
    ),
}  # fmt: skip
_VIEWS = {
    "known": "select event, n as m from events where n is not null",
    "known_twice": "select m, event from known",
    "circle": "select * from round",
    "round": "select * from circle",
}
_ROWS = (
    r"""t_events VALUES
    ('00000000-0000-0000-0000-000000000001', 'buy', '2020-01-01 00:00:00',
     '{"plan":"pro","a":{"b":"x\\"y","c":[1,"two"]},"z":null,"num":5,"blank":""}', 1.5, 1, 'ann'),
    ('00000000-0000-0000-0000-000000000002', 'sell', '2020-01-02 03:00:00', '{}', NULL, NULL, 'bob'),
    ('00000000-0000-0000-0000-000000000003', 'buy', '2020-01-03 00:00:00', '{"plan":"free"}', 3, 7, 'cat')""",
    """t_people VALUES
    ('ann', 'Ann', '1990-01-01', ['a', 'b'], {'k': 'v'}, (1, 'x'), '{"a":{"b":"q","n":3}}', true),
    ('bob', NULL, NULL, [], {}, (0, ''), '{}', NULL)""",
)


def _table(name: str) -> Table:
    columns = tuple(TableColumn(column, kind) for column, kind in _COLUMNS[name])
    return Table(name, PhysicalTable(OWN, f"t_{name}"), columns)


def catalog() -> Catalog:
    """The project's catalog: `events`, `people`, and views over them."""
    tables = {name: _table(name) for name in _COLUMNS}
    tables |= {name: Table(name, ViewTable(parse_select(text))) for name, text in _VIEWS.items()}  # type: ignore[arg-type]
    return Catalog(7101, OWN, tables)


@dataclass(frozen=True)
class Project:
    """The project in an engine."""

    engine: ChdbEngine
    catalog: Catalog

    def compiled(self, text: str, **options: Any) -> CompiledQuery:
        return compile_query(text, self.catalog, CompileOptions(**options))

    def run(self, compiled: CompiledQuery) -> list[list[Any]]:
        """The rows as Python values; less than a second and half a gigabyte at most."""
        query = Query(compiled.sql, compiled.parameters, Limits(0.4, 512 << 20))
        answer = asyncio.run(self.engine.run(query))
        assert len(answer.columns) == len(compiled.columns)
        return [orjson.loads(line) for line in answer.rows.splitlines()]

    def rows(self, text: str, **options: Any) -> list[list[Any]]:
        return self.run(self.compiled(text, **options))


async def _fill(engine: ChdbEngine) -> None:
    await engine.create_database(OWN)
    await engine.create_database(FOREIGN)
    for name, columns in _COLUMNS.items():
        listed = ", ".join(f"`{column}` {kind}" for column, kind in columns)
        await engine.execute(f"CREATE TABLE {OWN}.t_{name} ({listed}) ENGINE = MergeTree ORDER BY tuple()")
    for rows in _ROWS:
        await engine.execute(f"INSERT INTO {OWN}.{rows}")
    await engine.execute(f"CREATE TABLE {FOREIGN}.t_secret (word String) ENGINE = MergeTree ORDER BY tuple()")
    await engine.execute(f"INSERT INTO {FOREIGN}.t_secret VALUES ('{SECRET}')")


def open_project(engine: ChdbEngine) -> Project:
    """Make both projects in the engine."""
    asyncio.run(_fill(engine))
    return Project(engine, catalog())
