"""Answers one query inline and from tables made for it, on the embedded engine, to compare the rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hedgerow.engine.base import Engine, Limits, Query
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.materializing.growing import AFTER
from hedgerow.language.query.materializing.planning import sortable
from hedgerow.language.query.materializing.serving import Served, Tables
from hedgerow.language.query.pipeline import (
    CompiledQuery,
    CompileOptions,
    TableQuery,
    Value,
    compile_query,
    plan_tables,
    rebind,
)

_LIMITS = Limits(max_rows=None)


@dataclass(slots=True)
class Materialized:
    """A query whose tables are filled."""

    text: str
    catalog: Catalog
    tables: Tables
    planned: Sequence[TableQuery]
    engine: Engine
    read: list[CompiledQuery] = field(default_factory=list)

    async def inline(self, values: Mapping[str, Value], **options: Any) -> list[Any]:
        """The rows of the query itself."""
        return await rows(self.engine, compile_query(self.text, self.catalog, _options(values, options)))

    async def stored(self, values: Mapping[str, Value], **options: Any) -> list[Any]:
        """The rows from its tables."""
        wanted = replace(_options(values, options), tables=self.tables)
        compiled = compile_query(self.text, self.catalog, wanted)
        self.read.append(compiled)
        return await rows(self.engine, compiled)


async def materialized(
    engine: Engine,
    catalog: Catalog,
    text: str,
    examples: Mapping[str, Value],
    buckets: Mapping[str, str] | None = None,
    prefix: str = "kept",
) -> Materialized:
    """Plan and fill the tables of a query; raises `NotExact`."""
    planned = plan_tables(text, catalog, examples, prefix, buckets or {})
    served = []
    for one in planned:
        query = Query(one.compiled.sql, one.compiled.parameters, _LIMITS)
        columns = await engine.describe(query)
        types = {column.name: column.type for column in columns}
        order = [name for name in one.piece.order_by if sortable(types[name])]
        await engine.drop_table(catalog.database, one.piece.name)
        await engine.create_table(catalog.database, one.piece.name, columns, order)
        await engine.insert_query(catalog.database, one.piece.name, query)
        served.append(Served(replace(one.piece, types=types), one.piece.name))
    inline = compile_query(text, catalog, CompileOptions(examples, limit_default=None, limit_max=None))
    outputs = [c.name for c in await engine.describe(Query(inline.sql, inline.parameters, _LIMITS))]
    return Materialized(text, catalog, Tables(served, outputs), planned, engine)


async def grown(made: Materialized, catalog: Catalog, examples: Mapping[str, Value], by: str, after: int) -> int:
    """Let the tables grow to what `catalog` has, by the rows of the column `by` that are after `after`.

    How many of them could; the others are filled anew.
    """
    planned, many = plan_tables(made.text, catalog, examples, made.planned[0].piece.name, {}, by), 0
    for one, old in zip(planned, made.tables.served, strict=True):
        assert replace(one.piece, types=old.piece.types) == old.piece, "what is kept does not depend on growing"
        if one.more is None or one.probe is None:
            fill = one.compiled
            await made.engine.execute(f"TRUNCATE TABLE `{catalog.database}`.`{old.physical}`")
        else:
            bound = [rebind(each, {AFTER: after}) for each in (one.more, one.probe)]
            assert bound[0] is not None
            assert bound[1] is not None
            ((every, counted, last, _, earlier, _),) = await rows(made.engine, bound[1])
            assert int(every) >= int(counted) >= int(earlier)
            assert int(last) >= after
            fill, many = bound[0], many + 1
        await made.engine.insert_query(catalog.database, old.physical, Query(fill.sql, fill.parameters, _LIMITS))
    made.catalog = catalog
    return many


async def rows(engine: Engine, compiled: CompiledQuery) -> list[Any]:
    """The rows of a compiled query."""
    answer = await engine.run(Query(compiled.sql, compiled.parameters, _LIMITS))
    found: list[Any] = json.loads(answer.json_rows())
    return found


def _options(values: Mapping[str, Value], options: Mapping[str, Any]) -> CompileOptions:
    return CompileOptions(values, **{"limit_default": None, "limit_max": None, "look_ahead": False, **options})
