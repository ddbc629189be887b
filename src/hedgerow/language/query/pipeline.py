"""The pipeline: HogQL text to ClickHouse text, pass by pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgerow.kit.values import Bound
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.syntax import nodes

Value = str | int | float | bool | None | list[Any]


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What surrounds a query.

    `variables`: code name → value, for `{variables.x}`. `filters`: the `filters` object, for `{filters}`.
    `limit_default`: the LIMIT of an outermost select that has none; `limit_max`: no outermost LIMIT goes above it.
    `limit`/`offset`: a page asked for by the caller, within the query's own LIMIT. One row more than the page (or limit)
    is fetched when `look_ahead`, so that `hasMore` can be told.
    """

    variables: Mapping[str, Value] = field(default_factory=dict)
    filters: Mapping[str, Any] | None = None
    limit_default: int | None = 100
    limit_max: int | None = 50_000
    limit: int | None = None
    offset: int | None = None
    look_ahead: bool = True


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query ready for the engine.

    `row_limit`: rows the answer may hold before the look-ahead row is cut. `variable_parameters`: variable → the parameters
    that carry its value; `rebind` swaps values without compiling, where the shape of every value is as before.
    """

    sql: str
    parameters: Mapping[str, Bound]
    hogql: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    row_limit: int | None
    row_offset: int | None
    variable_parameters: Mapping[str, tuple[str, ...]]


def parse(text: str) -> nodes.AnySelect:
    """The tree of one SELECT (or set of them); raises `SyntaxFault`."""
    raise NotImplementedError


def compile_query(query: str | nodes.AnySelect, catalog: Catalog, options: CompileOptions) -> CompiledQuery:
    """Run every pass and print; raises `SyntaxFault` or `QueryFault`, both `InvalidInput` with position where known."""
    raise NotImplementedError
