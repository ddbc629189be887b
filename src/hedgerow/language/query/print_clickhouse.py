"""Prints a resolved, guarded tree as ClickHouse text; every text, list and variable is a bound parameter."""

import math
from typing import Any

from hedgerow.kit.values import Bound
from hedgerow.language.query.catalog import FunctionTable, PhysicalTable
from hedgerow.language.query.early import is_early
from hedgerow.language.query.errors import QueryFault, UnguardedTable
from hedgerow.language.query.print_clickhouse_expressions import ExpressionPrinter, quoted
from hedgerow.language.query.resolved import CteRef, FunctionRef, TableRef, VariableValue
from hedgerow.language.syntax import nodes

_INT64 = 2**63


class ClickHousePrinter(ExpressionPrinter):
    """`text` of a query; `parameters` gathers what is bound, `variables` which of them carry a variable's value."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.parameters: dict[str, Bound] = {}
        self.variables: dict[str, list[str]] = {}
        self.inlined: set[str] = set()

    def query(self, tree: nodes.Expr) -> str:
        """A SELECT or a set of them, without brackets around it."""
        if isinstance(tree, nodes.SelectQuery):
            return self._select(tree)
        if isinstance(tree, nodes.SelectSetQuery):
            return self._select_set(tree)
        raise QueryFault("A SELECT is needed here", tree)

    def constant(self, node: nodes.Constant) -> str:
        value = node.value
        if isinstance(node, VariableValue):
            return self._variable(node)
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and -_INT64 <= value < _INT64:
            return str(value)
        if isinstance(value, float) and math.isfinite(value):
            return repr(value)
        return self.bind(Bound(clickhouse_type(value), value))

    def bind(self, bound: Bound, name: str = "") -> str:
        name = name or f"v{len(self.parameters)}"
        self.parameters[name] = bound
        return f"{{{name}:{bound.type}}}"

    def inline(self, part: str | int | nodes.Constant) -> str:
        if isinstance(part, VariableValue):
            self.inlined.add(part.variable)
            self.variables.setdefault(part.variable, [])
        return quoted(str(part.value if isinstance(part, nodes.Constant) else part))

    def source(self, name: str) -> str:
        # Named as the database is, a table would hide it: `p1`.`t` would be a column.
        return quoted(f"{name} " if name.rstrip(" ") == self._database else name)

    def _variable(self, node: VariableValue) -> str:
        if node.value is None:
            self.variables.setdefault(node.variable, [])
            return "NULL"
        known = self.variables.get(node.variable)
        if known:
            return f"{{{known[0]}:{self.parameters[known[0]].type}}}"
        name = f"variable_{len(self.variables)}"
        self.variables[node.variable] = [name]
        return self.bind(Bound(clickhouse_type(node.value), node.value), name)

    # --- queries

    def _select_set(self, tree: nodes.SelectSetQuery) -> str:
        parts = [self._bracketed(tree.initial_select_query)]
        for following in tree.subsequent_select_queries:
            if following.set_operator.endswith("BY NAME"):
                raise QueryFault("BY NAME is not supported", tree)
            parts.append(f"{following.set_operator} {self._bracketed(following.select_query)}")
        text = " ".join(parts)
        if tree.order_by or tree.limit is not None or tree.offset is not None:
            text = f"SELECT * FROM ({text})" + self._tail(tree.order_by, tree.limit, tree.offset)
        return text

    def _bracketed(self, tree: nodes.Expr) -> str:
        return f"({self.query(tree)})"

    def _select(self, select: nodes.SelectQuery) -> str:
        parts = [self._with(select), "SELECT DISTINCT" if select.distinct else "SELECT"]
        parts.append(", ".join(self.expression(column) for column in select.select))
        if select.select_from is not None:
            parts.append("FROM " + self._joins(select.select_from))
        if select.array_join_list:
            parts.append(f"{select.array_join_op} {self.listed(select.array_join_list)}")
        if select.prewhere is not None:
            parts.append("PREWHERE " + self.condition(select.prewhere))
        if select.where is not None:
            parts.append(("PREWHERE " if is_early(select) else "WHERE ") + self.condition(select.where))
        parts.append(self._group_by(select))
        if select.having is not None:
            parts.append("HAVING " + self.condition(select.having))
        if select.window_exprs:
            windows = (f"{quoted(name)} AS ({self.window(w)})" for name, w in select.window_exprs.items())
            parts.append("WINDOW " + ", ".join(windows))
        if select.qualify is not None:
            parts.append("QUALIFY " + self.condition(select.qualify))
        return " ".join(filter(None, parts)) + self._end(select)

    def _end(self, select: nodes.SelectQuery) -> str:
        text = ""
        if select.order_by:
            text += " ORDER BY " + ", ".join(self.order(order) for order in select.order_by)
            if select.interpolate:
                text += f" INTERPOLATE ({', '.join(map(self._interpolated, select.interpolate))})"
        if select.limit_by is not None:
            skip = f"{self._count(select.limit_by.offset_value)}, " if select.limit_by.offset_value is not None else ""
            text += f" LIMIT {skip}{self._count(select.limit_by.n)} BY {self.listed(select.limit_by.exprs)}"
        if select.limit_percent:
            raise QueryFault("LIMIT in percent is not supported", select.limit)
        ties = " WITH TIES" if select.limit_with_ties else ""
        if select.limit is not None:
            text += f" LIMIT {self._count(select.limit)}{'' if select.offset is not None else ties}"
        if select.offset is not None:
            text += f" OFFSET {self._count(select.offset)}"
        return text

    def _tail(self, order_by: Any, limit: nodes.Expr | None, offset: nodes.Expr | None) -> str:
        text = " ORDER BY " + ", ".join(self.order(order) for order in order_by) if order_by else ""
        text += f" LIMIT {self._count(limit)}" if limit is not None else ""
        return text + (f" OFFSET {self._count(offset)}" if offset is not None else "")

    def _count(self, node: nodes.Expr | None) -> str:
        """A number of rows: always a literal, so that a variable here is a shape of its own."""
        if isinstance(node, VariableValue):
            self.inlined.add(node.variable)
            self.variables.setdefault(node.variable, [])
        if isinstance(node, nodes.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            if 0 <= node.value < _INT64:
                return str(node.value)
        raise QueryFault("LIMIT and OFFSET must be whole numbers that are not negative", node)

    def _interpolated(self, node: nodes.InterpolateExpr) -> str:
        return self.expression(node.expr) + (f" AS {self.expression(node.value)}" if node.value else "")

    def _with(self, select: nodes.SelectQuery) -> str:
        if not select.ctes:
            return ""
        recursive = "RECURSIVE " if any(cte.recursive for cte in select.ctes.values()) else ""
        made = []
        for name, cte in select.ctes.items():
            if cte.cte_type == "subquery":
                made.append(f"{self.source(name)} AS ({self.query(cte.expr)})")
            else:
                made.append(f"{self.expression(cte.expr)} AS {quoted(name)}")
        return f"WITH {recursive}{', '.join(made)}"

    def _group_by(self, select: nodes.SelectQuery) -> str:
        mode = select.group_by_mode
        if mode == "all":
            return "GROUP BY ALL"
        if not select.group_by:
            return ""
        if mode == "grouping_sets":
            sets = (f"({self.listed(part.exprs)})" for part in select.group_by if isinstance(part, nodes.GroupingSet))
            return f"GROUP BY GROUPING SETS ({', '.join(sets)})"
        columns = self.listed(select.group_by)
        if mode in {"cube", "rollup"}:
            return f"GROUP BY {mode.upper()}({columns})"
        return f"GROUP BY {columns}" + (f" {mode.upper()}" if mode else "")

    # --- tables

    def _joins(self, first: nodes.JoinExpr) -> str:
        parts = []
        beside = _keeps_right_rows(first)
        join: nodes.JoinExpr | None = first
        while join is not None:
            if join is not first:
                parts.append(_join_words(join))
            table = self._table(join)
            if join is first and beside and isinstance(join.table, TableRef):
                # Over shards, each would add the right side's unmatched rows once more: read the left side first.
                table = f"(SELECT * FROM {table})"
            parts.append(f"{table} AS {self.source(join.alias or '')}")
            if join.constraint is not None:
                parts.append(self._constraint(join.constraint))
            join = join.next_join
        return " ".join(parts)

    def _constraint(self, constraint: nodes.JoinConstraint) -> str:
        if constraint.constraint_type == "USING":
            exprs = constraint.expr.exprs if isinstance(constraint.expr, nodes.Tuple) else [constraint.expr]
            return f"USING ({', '.join(quoted(str(e.chain[0])) for e in exprs if isinstance(e, nodes.Field))})"
        return "ON " + self.join_condition(constraint.expr)

    def _table(self, join: nodes.JoinExpr) -> str:
        table = join.table
        if isinstance(table, nodes.SelectQuery | nodes.SelectSetQuery):
            return f"({self.query(table)})"
        if isinstance(table, CteRef):
            return self.source(table.name)
        if isinstance(table, FunctionRef):
            return f"{table.name}({self.listed(table.args)})"
        if isinstance(table, TableRef):
            return self._guarded(table)
        raise QueryFault("This cannot be selected from", table or join)

    def _guarded(self, ref: TableRef) -> str:
        if not ref.guarded:
            raise UnguardedTable(ref.table.name)
        backing = ref.table.backing
        if isinstance(backing, PhysicalTable):
            return f"{quoted(backing.database)}.{quoted(backing.table)}"
        assert isinstance(backing, FunctionTable)
        values = [*backing.arguments, *([backing.structure] if backing.structure else [])]
        read = f"{backing.function}({', '.join(self.bind(Bound('String', value)) for value in values)})"
        # Settings of one table's own: in a query of its own, so that its neighbours keep theirs.
        return read if backing.double_quotes else f"(SELECT * FROM {read} SETTINGS format_csv_allow_double_quotes = 0)"


def _keeps_right_rows(first: nodes.JoinExpr) -> bool:
    """Whether any join of the chain answers rows of its right side that match nothing."""
    join = first.next_join
    while join is not None:
        if set((join.join_type or "").split()) & {"RIGHT", "FULL"}:
            return True
        join = join.next_join
    return False


def _join_words(join: nodes.JoinExpr) -> str:
    words = (join.join_type or "JOIN").removesuffix(" JOIN").split()
    if join.join_type == "CROSS JOIN":
        return "CROSS JOIN"
    return " ".join([*(word for word in words if word not in {"JOIN"}), "JOIN"])


def clickhouse_type(value: Any) -> str:
    """The engine's type for a constant or a variable's value; lists take the widest of their items."""
    if isinstance(value, bool):
        return "Bool"
    if isinstance(value, int):
        if -_INT64 <= value < _INT64:
            return "Int64"
        if 0 <= value < 2 * _INT64:
            return "UInt64"
        return "Int256" if abs(value) < 2**255 else "Float64"
    if isinstance(value, float):
        return "Float64"
    if isinstance(value, list | tuple):
        return f"Array({_item_type(value)})"
    return "String"


def _item_type(values: Any) -> str:
    kinds = {clickhouse_type(item) for item in values if item is not None}
    if not kinds:
        kind = "String"
    elif len(kinds) == 1:
        kind = kinds.pop()
    elif kinds <= {"Int64", "UInt64", "Int256", "Float64"}:
        kind = "Float64" if "Float64" in kinds else "Int256"
    else:
        raise QueryFault("The items of a list must all be texts, all numbers, or all booleans")
    return f"Nullable({kind})" if any(item is None for item in values) else kind
