"""What materializing a version would do, as the API tells it."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from hedgerow.endpoints.materialized.planning import Obstacle, Planner, TablePlan
from hedgerow.endpoints.records import Endpoint
from hedgerow.kit.errors import HedgerowError
from hedgerow.language.query.materializing.aggregation import APPROXIMATE
from hedgerow.language.query.materializing.pieces import STATES
from hedgerow.language.query.materializing.ranges import start_function
from hedgerow.language.query.materializing.reasons import line_of
from hedgerow.language.query.materializing.serving import Served, Tables
from hedgerow.language.query.pipeline import CompileOptions, compile_query, find_variables, parse

_MARKED = re.compile("\0([^\0]*)\0")


async def preview(planner: Planner, endpoint: Endpoint, buckets: Mapping[str, Any]) -> dict[str, Any]:
    """The API's preview; with `code`, `line` and `column` where it cannot be, and `tables`: what each would hold."""
    version = endpoint.version
    name = f"{endpoint.name}_v{version.number}"
    text = str(version.query.get("query") or "")
    try:
        plan = await planner.plan(endpoint.project_id, name, version.query, buckets, version.append_only_column)
    except Obstacle as obstacle:
        return {**_empty(), "can_materialize": False, **_where(obstacle, text)}
    executed = await _execution(planner, endpoint, plan)
    variables = find_variables(parse(text))
    return {
        **_empty(),
        "can_materialize": True,
        "transformed_query": _transformed(plan) if variables else text,
        "execution_query": executed,
        "display_execution_query": executed and executed.replace(name, endpoint.name),
        "range_pairs": [
            {"column": each.text.rpartition(".")[2], "variables": list(each.variables),
             "bucket_fn": start_function(each.bucket)}
            for one in plan.tables for each in one.piece.ranges
        ],
        "aggregates": [
            {"expression": state.text.replace("State(", "(", 1), "reaggregate_fn": state.merge,
             "approximate": state.merge.removesuffix("Merge") in APPROXIMATE}
            for one in plan.tables for state in one.piece.states
        ],
        "tables": [
            {"name": one.piece.name, "keeps": "states" if one.piece.mode == STATES else "rows",
             "columns": [{"name": column, "type": kind} for column, kind in one.piece.types.items()],
             "order_by": list(one.order_by), "query": one.table.compiled.hogql, "grows_with": one.table.grows_with}
            for one in plan.tables
        ],
    }  # fmt: skip


def _empty() -> dict[str, Any]:
    return {
        "can_materialize": False,
        "reason": None,
        "code": None,
        "line": None,
        "column": None,
        "transformed_query": None,
        "execution_query": None,
        "display_execution_query": None,
        "range_pairs": [],
        "aggregates": [],
        "tables": [],
    }


def _where(obstacle: Obstacle, text: str) -> dict[str, Any]:
    start = obstacle.start
    span = None if start is None else (start, obstacle.end or start)
    column = None if start is None else start - (text.rfind("\n", 0, start) + 1) + 1
    return {"reason": obstacle.reason, "code": obstacle.code, "line": line_of(text, span), "column": column}


def _transformed(plan: TablePlan) -> str:
    return "\n;\n".join(one.table.compiled.hogql for one in plan.tables)


async def _execution(planner: Planner, endpoint: Endpoint, plan: TablePlan) -> str | None:
    """The query over the tables, its variables as placeholders."""
    catalog = await planner.catalogs.fetch(endpoint.project_id)
    examples = await asyncio.to_thread(planner.examples, endpoint.project_id, endpoint.version.query)
    tables = Tables([Served(one.piece, one.piece.name) for one in plan.tables], plan.outputs)
    options = CompileOptions(examples, limit_default=None, limit_max=None, look_ahead=False, tables=tables)
    try:
        compiled = await asyncio.to_thread(compile_query, endpoint.version.query["query"], catalog, options)
    except HedgerowError:
        return None
    return _MARKED.sub(r"{variables.\1}", compiled.hogql_template or compiled.hogql)
