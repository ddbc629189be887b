"""What a query wants of tables that a remote has: columns, and as much of its conditions as is safe to tell there.

The engine runs the whole query over the rows that were fetched, so a condition told at the remote may let too many rows
through, and never too few.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from hedgerow.kit.values import Bound
from hedgerow.language.query.catalog import Catalog, LiveTable, PhysicalTable, Table
from hedgerow.language.query.materializing.shapes import RANDOM, conjuncts, multiplies, own_nodes
from hedgerow.language.query.passes.calls import is_aggregate
from hedgerow.language.query.print_clickhouse import ClickHousePrinter
from hedgerow.language.query.resolved import ColumnRef, NameRef, TableRef
from hedgerow.language.query.types import bare
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

# Not "!=": to HogQL, NULL is other than any value.
_FLIPPED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PLAIN_JOINS = frozenset({"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "ALL"})
_VALUES = (nodes.Constant, nodes.Call, nodes.ArithmeticOperation)
_MOMENTS = ("DateTime64", "Date32")
_SORTED = ("Int", "UInt", *_MOMENTS)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that the engine works out: the column of `Reads.moments` with that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`op` is one of the tree's; only `in` has several values. NULL meets none."""

    column: str
    op: str
    values: tuple[int | str | Moment, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What is wanted of one table, by its name in the catalog; no columns where rows are only counted.

    `limit`: so many rows in this order are enough, if all comparisons are made exactly.
    """

    table: str
    columns: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    """Columns, each with whether it is descending; NULL comes last."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Reads:
    """What is wanted of all tables; `moments` is a query of one row for the times that are compared with."""

    reads: tuple[Read, ...]
    moments: str = ""
    parameters: Mapping[str, Bound] = field(default_factory=dict)


def with_tables(catalog: Catalog, physical: Mapping[str, str]) -> Catalog:
    """The catalog with the tables of these names read from the project's own database."""
    stored = {
        name: replace(catalog.tables[name], backing=PhysicalTable(catalog.database, table))
        for name, table in physical.items()
    }
    return replace(catalog, tables={**catalog.tables, **stored})


def live_tables(catalog: Catalog) -> list[str]:
    """The names of the catalog's tables that a remote has."""
    return [name for name, table in catalog.tables.items() if isinstance(table.backing, LiveTable)]


def find_reads(tree: nodes.AnySelect, catalog: Catalog) -> Reads:
    """What a resolved tree wants of live tables."""
    uses: dict[str, list[tuple[nodes.SelectQuery, nodes.JoinExpr]]] = {}
    columns: dict[str, set[str]] = {}
    for node in walk(tree):
        if isinstance(node, ColumnRef):
            for table, column in node.origin:
                columns.setdefault(table, set()).add(column)
        elif isinstance(node, nodes.SelectQuery):
            for join, used in _live(node):
                uses.setdefault(used.name, []).append((node, join))
                columns.setdefault(used.name, set()).update(_joined_by(node, used))
    printer, moments = ClickHousePrinter(catalog.database), list[str]()
    reads = []
    for name, found in uses.items():
        known = catalog.tables[name]
        read = Read(name, tuple(c.name for c in known.columns if c.name in columns[name]))
        # A table that is read twice is fetched once, whole.
        reads.append(_narrowed(read, known, *found[0], _Clock(printer, moments)) if len(found) == 1 else read)
    return Reads(tuple(reads), f"SELECT {', '.join(moments)}" if moments else "", printer.parameters)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Gathers the times that a query compares with."""

    printer: ClickHousePrinter
    moments: list[str]

    def add(self, expr: nodes.Expr) -> Moment | None:
        """A value that no row has a part in; `None` for any other."""
        for node in walk(expr):
            if not isinstance(node, _VALUES) or (isinstance(node, nodes.Constant) and node.value is None):
                return None
            if isinstance(node, nodes.Call) and (
                is_aggregate(node.name) or multiplies(node) or node.name.lower() in RANDOM
            ):
                return None
        text = self.printer.expression(expr)
        known = f"toTypeName({text}) LIKE '%Date%' OR toTypeName({text}) = 'String'"
        self.moments.append(f"if({known}, toString(CAST({text} AS Nullable(DateTime64(6, 'UTC')))), NULL)")
        return Moment(len(self.moments) - 1)


def _live(select: nodes.SelectQuery) -> Iterator[tuple[nodes.JoinExpr, Table]]:
    for join in _joins(select):
        if isinstance(join.table, TableRef) and isinstance(join.table.table.backing, LiveTable):
            yield join, join.table.table


def _joins(select: nodes.SelectQuery) -> Iterator[nodes.JoinExpr]:
    join = select.select_from
    while join is not None:
        yield join
        join = join.next_join


def _joined_by(select: nodes.SelectQuery, table: Table) -> Iterator[str]:
    """The columns of the table that USING names."""
    there = {column.name for column in table.columns}
    for join in _joins(select):
        if join.constraint is not None and join.constraint.constraint_type == "USING":
            for node in walk(join.constraint.expr):
                if isinstance(node, nodes.Field) and str(node.chain[0]) in there:
                    yield str(node.chain[0])


def _narrowed(read: Read, table: Table, select: nodes.SelectQuery, join: nodes.JoinExpr, clock: _Clock) -> Read:
    words = {word for each in _joins(select) for word in (each.join_type or "").split()}
    if not words <= _PLAIN_JOINS:
        return read  # which rows match may hang on those that are left out
    types = {column.name: bare(column.type) for column in table.columns}
    conditions = conjuncts(select.where)
    told = [found for each in conditions if (found := _comparisons(each, join.alias or "", types, clock)) is not None]
    read = replace(read, comparisons=tuple(one for found in told for one in found))
    if len(told) < len(conditions) or not _rows_as_they_are(select):
        return read
    order = _order(select, join.alias or "", types)
    if order is None or not isinstance(select.limit, nodes.Constant) or not isinstance(select.limit.value, int):
        return read
    skipped = select.offset.value if isinstance(select.offset, nodes.Constant) else 0 if select.offset is None else None
    return replace(read, order=order, limit=select.limit.value + skipped) if isinstance(skipped, int) else read


def _comparisons(
    node: nodes.Expr, source: str, types: Mapping[str, str], clock: _Clock
) -> tuple[Comparison, ...] | None:
    """A condition as comparisons that must all hold; `None` where the remote cannot be told."""
    if isinstance(node, nodes.BetweenExpr) and not node.negated:
        both = [_compared(node.expr, ">=", node.low, types, clock), _compared(node.expr, "<=", node.high, types, clock)]
        own = isinstance(node.expr, ColumnRef) and node.expr.source == source
        return tuple(one for one in both if one is not None) if own and None not in both else None
    if not isinstance(node, nodes.CompareOperation) or node.is_null_comparison_style:
        return None
    left, op, right = node.left, str(node.op), node.right
    if isinstance(right, ColumnRef) and op in _FLIPPED:
        left, op, right = right, _FLIPPED[op], left
    if not isinstance(left, ColumnRef) or left.source != source or op not in {*_FLIPPED, "in"}:
        return None
    found = _compared(left, op, right, types, clock)
    return (found,) if found is not None else None


def _compared(
    column: nodes.Expr, op: str, value: nodes.Expr, types: Mapping[str, str], clock: _Clock
) -> Comparison | None:
    kind = types.get(column.name, "") if isinstance(column, ColumnRef) else ""
    if not isinstance(column, ColumnRef) or not kind:
        return None
    if kind.startswith(_MOMENTS):
        moment = clock.add(value) if op != "in" else None
        return Comparison(column.name, op, (moment,)) if moment is not None else None
    wanted: type = str if kind == "String" else int
    if (kind == "String" and op not in {"==", "in"}) or not kind.startswith(("String", "Int", "UInt", "Decimal")):
        return None
    values = tuple(_constants(value)) if op == "in" else (_constant(value),)
    if not values or not all(type(one) is wanted for one in values):
        return None
    return Comparison(column.name, op, tuple(one for one in values if isinstance(one, int | str)))


def _constants(node: nodes.Expr) -> Iterable[object]:
    if isinstance(node, nodes.Tuple | nodes.Array):
        return [_constant(item) for item in node.exprs]
    value = _constant(node)
    return value if isinstance(value, list | tuple) else [value]


def _constant(node: nodes.Expr) -> object:
    return node.value if isinstance(node, nodes.Constant) else None


def _rows_as_they_are(select: nodes.SelectQuery) -> bool:
    """Whether each row of the one table makes one row of the answer, so that the first are enough."""
    simple = select.select_from is not None and select.select_from.next_join is None
    changed = (select.prewhere, select.group_by, select.group_by_mode, select.having, select.qualify, select.distinct)
    cut = (select.limit_by, select.limit_with_ties, select.limit_percent, select.array_join_list, select.interpolate)
    if not simple or any(changed) or any(cut):
        return False
    return not any(
        isinstance(node, nodes.WindowFunction)
        or (isinstance(node, nodes.Call) and (is_aggregate(node.name) or multiplies(node)))
        for expr in (*select.select, *(order.expr for order in select.order_by or ()))
        for node in own_nodes(expr)
    )


def _order(select: nodes.SelectQuery, source: str, types: Mapping[str, str]) -> tuple[tuple[str, bool], ...] | None:
    """By which columns rows are sorted; `None` where the remote may sort otherwise."""
    named = {item.alias: item.expr for item in select.select if isinstance(item, nodes.Alias)}
    found = []
    for order in select.order_by or ():
        expr = named.get(order.expr.name) if isinstance(order.expr, NameRef) else order.expr
        if not isinstance(expr, ColumnRef) or expr.source != source or order.nulls == "FIRST":
            return None
        if order.with_fill is not None or not types.get(expr.name, "").startswith(_SORTED):
            return None
        found.append((expr.name, order.order == "DESC"))
    return tuple(found)
