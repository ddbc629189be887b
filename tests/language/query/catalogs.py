"""The catalog most of the query tests share, and its tables with a few rows in an engine."""

import asyncio
import json
from typing import Any

from hedgerow.engine.base import Engine
from hedgerow.engine.result import Column, Limits, Query
from hedgerow.language.query.catalog import (
    Catalog,
    FunctionTable,
    PhysicalTable,
    SavedJoin,
    Table,
    TableColumn,
    ViewTable,
)
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, parse

DATABASE = "p7001"


def table(name: str, columns: dict[str, str], joins: tuple[SavedJoin, ...] = ()) -> Table:
    made = tuple(TableColumn(column, kind) for column, kind in columns.items())
    return Table(name, PhysicalTable(DATABASE, f"t_{name.replace('.', '_')}"), made, joins=joins)


def view(name: str, text: str, joins: tuple[SavedJoin, ...] = ()) -> Table:
    return Table(name, ViewTable(parse(text)), joins=joins)


_AIRLINE = SavedJoin("airline", "airlines", "carrier", "carrier")


FLIGHTS = table(
    "flights",
    {
        "id": "Int64",
        "origin": "Nullable(String)",
        "carrier": "Nullable(String)",
        "month": "Nullable(Int64)",
        "dep_delay": "Nullable(Float64)",
        "ts": "Nullable(DateTime64(3))",
        "props": "Nullable(String)",
    },
    (_AIRLINE,),
)
AIRLINES = table("airlines", {"carrier": "Nullable(String)", "name": "Nullable(String)"})
EVENTS = table("events", {"event": "String", "timestamp": "DateTime64(6, 'UTC')", "properties": "String"})
PEOPLE = table(
    "people",
    {
        "id": "String",
        "tags": "Array(String)",
        "extra": "Map(String, String)",
        "pair": "Tuple(a Int64, b String)",
        "doc": "JSON",
        "ok": "Nullable(Bool)",
    },
)
DOTTED = table("shop.orders", {"id": "Int64", "total": "Decimal(38, 2)"})
RENAMED = Table(
    "renamed",
    PhysicalTable(DATABASE, "t_renamed"),
    (TableColumn("name", "String", physical="c0"), TableColumn("secret", "String", physical="c1", hidden=True)),
)
LINKED = Table(
    "linked", FunctionTable("s3", ("https://example.com/x.csv", "CSV"), "a Int64"), (TableColumn("a", "Int64"),)
)
VIEWS = (
    view("busy", "select carrier, count() as n from flights group by carrier", (_AIRLINE,)),
    view("busiest", "select carrier, n from busy where n > 0"),
    view("chicken", "select * from egg"),
    view("egg", "select * from chicken"),
    view("selfish", "select * from selfish"),
)
STORED = (FLIGHTS, AIRLINES, EVENTS, PEOPLE, DOTTED, RENAMED)
CATALOG = Catalog(7001, DATABASE, {found.name: found for found in (*STORED, LINKED, *VIEWS)})

_ROWS = {
    "t_flights": r"""
        (1, 'JFK', 'UA', 1, 5.5, '2020-01-01 00:00:00', '{"a":{"b":"x\\"y","c":[1,"two"]},"n":3,"z":null,"k v":true}'),
        (2, 'LGA', 'AA', 2, NULL, '2020-01-02 12:00:00', '{"a":{"b":"plain"},"n":10}'),
        (3, NULL, NULL, NULL, NULL, NULL, NULL),
        (4, 'JFK', 'ZZ', 1, -2, '2020-02-01 00:00:00', 'not json')""",
    "t_airlines": "('UA', 'United'), ('AA', 'American'), (NULL, 'Nobody')",
    "t_events": """('buy', '2020-01-01 00:00:00', '{"plan":"pro"}'), ('sell', '2020-01-05 00:00:00', '{}')""",
    "t_people": """('ann', ['a', 'b'], {'k': 'v', 'empty': ''}, (1, 'x'), '{"a":{"b":"q","n":3},"list":[1,2]}', true),
        ('bob', [], {}, (0, ''), '{}', NULL)""",
    "t_shop_orders": "(1, 9.99), (2, 0.01)",
    "t_renamed": "('shown', 'hidden')",
}


async def prepare(engine: Engine) -> None:
    """Make the stored tables with their rows, in place of any that are there."""
    await engine.create_database(DATABASE)
    for made in STORED:
        assert isinstance(made.backing, PhysicalTable)
        name = made.backing.table
        await engine.drop_table(DATABASE, name)
        columns = [Column(column.physical or column.name, column.type) for column in made.columns]
        await engine.create_table(DATABASE, name, columns)
        await engine.execute(f"INSERT INTO {DATABASE}.{name} VALUES {_ROWS[name]}")


class Asker:
    """Runs queries over the catalog; rows are as the engine answers them, the look-ahead row included."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        asyncio.run(prepare(engine))

    def run(self, compiled: CompiledQuery) -> list[list[Any]]:
        query = Query(compiled.sql, compiled.parameters, Limits(seconds=20))
        answer = asyncio.run(self.engine.run(query))
        assert len(answer.columns) == len(compiled.columns), compiled.sql
        rows: list[list[Any]] = json.loads(answer.json_rows())
        return rows

    def __call__(self, text: str, **options: Any) -> list[list[Any]]:
        """Keywords are `CompileOptions`' own."""
        return self.run(compile_query(text, CATALOG, CompileOptions(**options)))
