"""The pipeline: HogQL text to ClickHouse text, pass by pass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hedgerow.kit.values import Bound
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.increments import Increments, increments
from hedgerow.language.query.live import Reads, find_reads
from hedgerow.language.query.materializing.growing import growth
from hedgerow.language.query.materializing.pieces import Piece
from hedgerow.language.query.materializing.planning import Draft, plan
from hedgerow.language.query.materializing.reasons import NotExact
from hedgerow.language.query.materializing.serving import Fringe, Tables, read_tables
from hedgerow.language.query.materializing.shapes import CLOCK, RANDOM
from hedgerow.language.query.passes.filters import replace_filters
from hedgerow.language.query.passes.guard import guard
from hedgerow.language.query.passes.limits import Page, limit
from hedgerow.language.query.passes.placeholders import find_variables, refuse_placeholders, replace_variables
from hedgerow.language.query.passes.resolve import resolve
from hedgerow.language.query.print_clickhouse import ClickHousePrinter, clickhouse_type
from hedgerow.language.query.print_hogql import filled, has_variables, print_hogql
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_select
from hedgerow.language.syntax.visitor import walk

_CALLED = re.compile(r"(\w+)\(")
_BINDABLE = (str, int, float, bool, list, type(None))
Value = str | int | float | bool | None | list[Any]


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What surrounds a query.

    `variables`: code name → value, for `{variables.x}`. `filters`: the `filters` object, for `{filters}`.
    `limit_default`: the LIMIT of an outermost select that has none; `limit_max`: no outermost LIMIT goes above it.
    `limit`/`offset`: a page asked for by the caller, within the query's own LIMIT. One row more than the page (or
    limit) is fetched when `look_ahead`, so that `hasMore` can be told.
    """

    variables: Mapping[str, Value] = field(default_factory=dict)
    filters: Mapping[str, Any] | None = None
    limit_default: int | None = 100
    limit_max: int | None = 50_000
    limit: int | None = None
    offset: int | None = None
    look_ahead: bool = True
    tables: Tables | None = None
    """The tables to answer from, in place of those the query names."""


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query ready for the engine.

    `row_limit`: rows the answer may hold; any beyond is the look-ahead row. `variable_parameters`: variable → the
    parameters that carry its value (none where it is NULL). `inlined`: variables whose value is in the text itself.
    `lineage`: output column → the tables' columns it is made of. `tables` are all it reads, through views as well;
    `direct` those that its own text names.
    """

    sql: str
    parameters: Mapping[str, Bound]
    hogql: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    row_limit: int | None
    row_offset: int | None
    variable_parameters: Mapping[str, tuple[str, ...]]
    inlined: frozenset[str] = frozenset()
    implicit_limit: bool = False
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    hogql_template: str = ""
    """`hogql` with the variables' places marked; empty when it has none."""
    fringes: tuple[Fringe, ...] = ()
    """Of a query answered from tables: whether rows are read beside each of them."""

    def reads_rows(self) -> bool:
        """Whether, with these values, a query answered from tables reads rows beside them."""
        return any(fringe.read for fringe in self.fringes)

    direct: tuple[str, ...] = ()
    looks_ahead: bool = False
    """One row more than `row_limit` is fetched: the rows may be cut there."""

    def repeatable(self) -> bool:
        """Whether the same tables give the same answer at any time: it asks neither the clock nor chance."""
        return not {name.lower() for name in _CALLED.findall(self.sql)} & (CLOCK | RANDOM)


def parse(text: str) -> nodes.AnySelect:
    """The tree of one SELECT (or set of them); raises `SyntaxFault` or `QueryFault`."""
    if not text.strip():
        raise QueryFault("Empty query")
    tree = parse_select(text)
    if not isinstance(tree, nodes.SelectQuery | nodes.SelectSetQuery):
        raise QueryFault("A query must be a SELECT", tree)
    return tree


def compile_query(query: str | nodes.AnySelect, catalog: Catalog, options: CompileOptions) -> CompiledQuery:
    """Run every pass and print; raises `SyntaxFault` or `QueryFault`, both `InvalidInput`."""
    given = parse(query) if isinstance(query, str) else query
    tree = replace_variables(given, options.variables)
    tree = replace_filters(tree, options.filters)
    refuse_placeholders(tree)
    page = Page(options.limit_default, options.limit_max, options.limit, options.offset, options.look_ahead)
    own = _own_limit_variables(tree)
    hogql = print_hogql(tree)
    tree, bounds = limit(tree, page)
    resolved = resolve(tree, catalog)
    fringes: tuple[Fringe, ...] = ()
    if options.tables is not None:
        catalog, fringes = read_tables(resolved.tree, options.tables, catalog, options.variables)
        hogql = print_hogql(resolved.tree)
    tree = guard(resolved.tree, catalog)
    outputs = resolved.relation.columns.values()
    printer = ClickHousePrinter(catalog.database)
    sql = printer.query(tree)
    _note_vanished(given, options.variables, printer)
    return CompiledQuery(
        sql=sql,
        parameters=printer.parameters,
        hogql=filled(hogql, options.variables),
        hogql_template=hogql if has_variables(hogql) else "",
        columns=tuple(column.physical for column in outputs),
        tables=resolved.tables,
        direct=resolved.direct,
        row_limit=bounds.rows,
        row_offset=bounds.offset,
        variable_parameters={name: tuple(carriers) for name, carriers in printer.variables.items()},
        inlined=frozenset(printer.inlined | own | resolved.inlined),
        implicit_limit=bounds.implicit,
        lineage={column.physical: column.origin for column in outputs},
        fringes=fringes,
        looks_ahead=bounds.ahead,
    )


def plan_reads(query: str, catalog: Catalog, options: CompileOptions) -> Reads:
    """What a query wants of the tables that a remote has; raises what compiling raises."""
    tree = replace_filters(replace_variables(parse(query), options.variables), options.filters)
    refuse_placeholders(tree)
    page = Page(options.limit_default, options.limit_max, options.limit, options.offset, options.look_ahead)
    return find_reads(resolve(limit(tree, page)[0], catalog).tree, catalog)


def rebind(compiled: CompiledQuery, variables: Mapping[str, Value]) -> CompiledQuery | None:
    """The query with other values; `None` when it has to be compiled anew, for a value's type, place or bucket."""
    if compiled.inlined or not all(fringe.holds(variables) for fringe in compiled.fringes):
        return None
    parameters = dict(compiled.parameters)
    for name, carriers in compiled.variable_parameters.items():
        value = variables.get(name)
        if name not in variables or not isinstance(value, _BINDABLE) or (value is None) != (not carriers):
            return None
        for carrier in carriers:
            kind = clickhouse_type(value)
            if parameters[carrier].type != kind:
                return None
            parameters[carrier] = Bound(kind, value)
    if not compiled.hogql_template:
        return replace(compiled, parameters=parameters)
    return replace(compiled, parameters=parameters, hogql=filled(compiled.hogql_template, variables))


@dataclass(frozen=True, slots=True)
class TableQuery:
    """A table a query can be answered from, and the query that fills it.

    Where it can grow with the table of the name `grows_with`: `more` fills in the rows after `AFTER`, `probe` looks
    whether they are all that was added.
    """

    piece: Piece
    compiled: CompiledQuery
    grows_with: str | None = None
    more: CompiledQuery | None = None
    probe: CompiledQuery | None = None


def plan_tables(
    query: str | nodes.AnySelect,
    catalog: Catalog,
    variables: Mapping[str, Value],
    name: str,
    buckets: Mapping[str, str],
    grows_by: str | None = None,
) -> list[TableQuery]:
    """The tables that answer a query exactly, for all values of its variables; `name` is the first one's.

    `grows_by`: the column by which rows are added to what they are made of, and never otherwise. `variables` give
    each variable's type by an example. Raises `NotExact`, and what compiling raises.
    """
    tree = replace_variables(parse(query) if isinstance(query, str) else query, variables)
    if any(isinstance(node, nodes.Placeholder) for node in walk(tree)):
        raise NotExact("filters_placeholder", "{filters} cannot be materialized: its dates move with the clock", tree)
    tree, _ = limit(tree, Page(None, None, look_ahead=False))
    resolved = resolve(tree, catalog)
    guard(resolved.tree, catalog)
    return [_table(draft, catalog, resolved.tables, grows_by) for draft in plan(resolved.tree, name, dict(buckets))]


def find_increments(query: str | nodes.AnySelect, catalog: Catalog) -> Increments:
    """By which columns a query's rows can be made bit by bit; raises what compiling raises."""
    tree = parse(query) if isinstance(query, str) else query
    refuse_placeholders(tree)
    return increments(tree, catalog)


def _table(draft: Draft, catalog: Catalog, tables: tuple[str, ...], grows_by: str | None) -> TableQuery:
    # Before it is printed: printing takes the tree as its own.
    grown = growth(draft.fill, grows_by) if grows_by is not None else None
    made = TableQuery(draft.piece, _filling(draft.fill, catalog, tables))
    if grown is None:
        return made
    more, probe = (_filling(tree, catalog, tables) for tree in (grown.fill, grown.probe))
    return replace(made, grows_with=grown.table, more=more, probe=probe)


def _filling(tree: nodes.SelectQuery, catalog: Catalog, tables: tuple[str, ...]) -> CompiledQuery:
    printer = ClickHousePrinter(catalog.database)
    sql = printer.query(guard(tree, catalog))
    names = tuple(column.alias for column in tree.select if isinstance(column, nodes.Alias))
    carried = {name: tuple(carriers) for name, carriers in printer.variables.items()}
    return CompiledQuery(sql, printer.parameters, filled(print_hogql(tree), {}), names, tables, None, None, carried)


def _note_vanished(given: nodes.AnySelect, variables: Mapping[str, Value], printer: ClickHousePrinter) -> None:
    """A used variable that is not in the text shaped it: NULL as `isNull(…)`, anything else as we cannot tell."""
    missing = variables.keys() - printer.variables.keys()
    for name in find_variables(given) if missing else ():
        if name in missing:
            printer.variables[name] = []
            if variables[name] is not None:
                printer.inlined.add(name)


def _own_limit_variables(tree: nodes.AnySelect) -> set[str]:
    """The variables in the outermost LIMIT and OFFSET, which the limits pass turns into numbers."""
    found: set[str] = set()
    for clause in (tree.limit, tree.offset):
        name = getattr(clause, "variable", None)
        if name:
            found.add(name)
    return found


__all__ = [
    "CompileOptions",
    "CompiledQuery",
    "Increments",
    "NotExact",
    "Reads",
    "TableQuery",
    "Tables",
    "Value",
    "compile_query",
    "find_increments",
    "find_variables",
    "parse",
    "plan_reads",
    "plan_tables",
    "rebind",
]
