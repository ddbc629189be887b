"""Reads from the tables of a materialization: a SELECT of the query is rewritten to read its piece."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hedgerow.language.query.catalog import Table
from hedgerow.language.query.materializing import ranges
from hedgerow.language.query.materializing.cores import Core
from hedgerow.language.query.materializing.pieces import STATES, Range
from hedgerow.language.query.materializing.ranges import Bound, Edge
from hedgerow.language.query.materializing.rewriting import Columns, OfGroups, OfRows
from hedgerow.language.query.materializing.shapes import conjunction, conjuncts
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import ColumnRef, TableRef
from hedgerow.language.syntax import nodes


@dataclass(frozen=True, slots=True)
class Reading:
    """How one piece is read: its columns, its ranges, and the table, which is not there yet while it is planned.

    `values`: those of the variables, which decide whether a bound cuts a bucket, so that rows have to be read too.
    """

    columns: Columns
    ranges: tuple[Range, ...]
    table: Table | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def start(self, each: Range) -> ColumnRef:
        """The column of a range's buckets."""
        assert self.table is not None
        kind = next((column.type for column in self.table.columns if column.name == each.name), "")
        return ColumnRef(self.table.name, each.name, kind)


def read_core(core: Core, reading: Reading, mode: str) -> list[Edge]:
    """Rewrite a core in place; the edges that decided whether rows of its own tables are read as well."""
    select, names = core.select, core.names
    of_rows = OfRows(names, reading.columns)
    moving = [c for c in conjuncts(select.prewhere, select.where) if names.volatile(names.expanded(c))]
    kept = {each.text: each for each in reading.ranges}
    bounded: list[tuple[Range, Bound]] = []
    rest: list[nodes.Expr] = []
    for condition in moving:
        found = ranges.bounds(condition, names) if mode == STATES else None
        if found and all(names.text(bound.column) in kept for bound in found):
            bounded += [(kept[names.text(bound.column)], bound) for bound in found]
        else:
            rest.append(of_rows(condition))
    grouped = _grouped(core, of_rows)
    rewrite = OfGroups(names, reading.columns, grouped) if mode == STATES else of_rows
    edges = [edge for each, bound in bounded if (edge := ranges.edge(each, bound)) is not None]
    original = _raw(core) if reading.table is not None and ranges.cut(edges, reading.values) else None
    _rewrite(select, rewrite)
    if reading.table is None:
        return edges
    whole = [ranges.whole(each, bound, reading.start(each)) for each, bound in bounded]
    if original is None:
        _read_from(select, TableRef(reading.table), reading.table.name, conjunction([*rest, *whole]))
    else:
        rows = _rows_of(original, bounded, reading)
        both = _both(reading, reading.table, conjunction([*rest, *whole]), rows)
        _read_from(select, both, reading.table.name, None)
    return edges


def _grouped(core: Core, of_rows: OfRows) -> dict[str, nodes.Expr]:
    """What is grouped by, by its text: a column, or what is computed from columns."""
    found: dict[str, nodes.Expr] = {}
    for expr in core.select.group_by or []:
        parts = expr.exprs if isinstance(expr, nodes.GroupingSet) else [expr]
        for part in parts:
            meant = _meant(part, core.select)
            found[core.names.text(meant)] = of_rows(core.names.expanded(meant))
    return found


def _meant(part: nodes.Expr, select: nodes.SelectQuery) -> nodes.Expr:
    """What is grouped by: a number stands for the column at that place."""
    if isinstance(part, nodes.Constant) and type(part.value) is int and 0 < part.value <= len(select.select):
        return select.select[part.value - 1]
    return part


def _rewrite(select: nodes.SelectQuery, rewrite: OfGroups | OfRows) -> None:
    select.select = [rewrite(expr) for expr in select.select]
    if select.group_by:
        select.group_by = [
            expr if isinstance(expr, nodes.Constant) and type(expr.value) is int else rewrite(expr)
            for expr in select.group_by
        ]
    for clause in ("having", "qualify", "limit", "offset", "limit_by"):
        if (expr := getattr(select, clause)) is not None:
            setattr(select, clause, rewrite(expr))
    select.order_by = [rebuild(order, rewrite.change) for order in select.order_by] if select.order_by else None
    if select.window_exprs:
        select.window_exprs = {name: rebuild(one, rewrite.change) for name, one in select.window_exprs.items()}
    columns = {name: cte for name, cte in (select.ctes or {}).items() if cte.cte_type == "subquery"}
    select.ctes = columns or None


def _raw(core: Core) -> nodes.SelectQuery:
    select = core.select
    copy: nodes.SelectQuery = rebuild(
        nodes.SelectQuery(
            [],
            select_from=select.select_from,
            array_join_op=select.array_join_op,
            array_join_list=select.array_join_list,
            where=conjunction([core.names.expanded(c) for c in conjuncts(select.prewhere, select.where)]),
        ),
        lambda _node: None,
    )
    return copy


def _read_from(select: nodes.SelectQuery, table: nodes.Expr, name: str, where: nodes.Expr | None) -> None:
    select.select_from = nodes.JoinExpr(table, alias=name)
    select.prewhere, select.where = None, where
    select.array_join_op, select.array_join_list = None, None


def _both(reading: Reading, table: Table, where: nodes.Expr | None, rows: nodes.SelectQuery) -> nodes.SelectSetQuery:
    """Whole buckets from the table, the others' rows from where they come from."""
    names = [column.alias for part in reading.columns.rows() for column in part]
    columns: list[nodes.Expr] = [nodes.Alias(name, ColumnRef(table.name, name)) for name in names]
    stored = nodes.SelectQuery(columns, select_from=nodes.JoinExpr(TableRef(table), alias=table.name), where=where)
    return nodes.SelectSetQuery(stored, [nodes.SelectSetNode("UNION ALL", rows)])


def _rows_of(original: nodes.SelectQuery, bounded: list[tuple[Range, Bound]], reading: Reading) -> nodes.SelectQuery:
    """The rows within the bounds whose bucket is not whole, aggregated as the table's are."""
    keys, states = reading.columns.rows()
    whole = [ranges.whole(each, bound, ranges.bucketed(each, bound.column)) for each, bound in bounded]
    outside = nodes.Not(conjunction(whole) or nodes.Constant(True))
    original.select = [*keys, *states]
    original.where = conjunction([*conjuncts(original.where), outside])
    original.group_by = [key.expr for key in keys] or None
    copy: nodes.SelectQuery = rebuild(original, lambda _node: None)
    return copy
