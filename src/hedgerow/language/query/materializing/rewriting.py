"""Rewrites a SELECT to read from a table: each expression becomes a column of it, or is computed from its columns."""

from collections.abc import Callable
from typing import Protocol

from hedgerow.language.query.materializing.aggregation import Aggregation, check_order, split
from hedgerow.language.query.materializing.reasons import NotExact
from hedgerow.language.query.materializing.shapes import STRUCTURE, Names, own_nodes
from hedgerow.language.query.passes.calls import is_aggregate
from hedgerow.language.query.rebuilding import rebuild, slots
from hedgerow.language.query.resolved import ColumnRef, NameRef, PropertyRef
from hedgerow.language.syntax import nodes

Change = Callable[[nodes.Node], nodes.Node | None]


class Columns(Protocol):
    """The columns of a table: asked for while one is planned, looked up when it is read."""

    def key(self, expr: nodes.Expr) -> ColumnRef | None:
        """The column that holds an expression of rows (its aliases spread out); `None` when there is none."""
        ...

    def state(self, call: nodes.Call, aggregation: Aggregation) -> ColumnRef:
        """The column that holds an aggregation's states."""
        ...

    def rows(self) -> tuple[list[nodes.Alias], list[nodes.Alias]]:
        """The keys and states asked for so far, as they are computed from rows."""
        ...


class OfRows:
    """Expressions over rows: each largest part that is fixed for a row becomes a column."""

    def __init__(self, names: Names, columns: Columns) -> None:
        self._names, self._columns = names, columns

    def __call__(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression over the table's columns."""
        made: nodes.Expr = rebuild(expr, self.change)
        return made

    def change(self, node: nodes.Node) -> nodes.Node | None:
        if isinstance(node, nodes.SelectQuery | nodes.SelectSetQuery):
            return node
        if isinstance(node, nodes.Alias):
            return nodes.Alias(node.alias, self(node.expr), hidden=node.hidden)
        if not isinstance(node, nodes.Expr) or isinstance(node, STRUCTURE):
            return None
        expr = self._names.expanded(node)
        if not self._names.of_row(expr):
            return self(expr) if expr_differs(node, expr) else None
        if (column := self._columns.key(base_of(expr))) is not None:
            found: nodes.Node = rebuild(expr, lambda one: column if one is base_of(expr) else None)
            return found
        if isinstance(expr, ColumnRef):
            raise NotExact("column_not_kept", f"The table has no column for {expr.name}", node)
        return self(expr) if expr_differs(node, expr) else None


class OfGroups:
    """Expressions over groups: aggregations become merges of states, what is grouped by becomes columns."""

    def __init__(self, names: Names, columns: Columns, grouped: dict[str, nodes.Expr]) -> None:
        self._names, self._columns, self._grouped = names, columns, grouped

    def __call__(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression over the table's columns."""
        made: nodes.Expr = rebuild(expr, self.change)
        return made

    def change(self, node: nodes.Node) -> nodes.Node | None:
        if isinstance(node, nodes.SelectQuery | nodes.SelectSetQuery):
            return node
        if isinstance(node, nodes.Alias):
            return nodes.Alias(node.alias, self(node.expr), hidden=node.hidden)
        if not isinstance(node, nodes.Expr) or isinstance(node, (nodes.Constant, *STRUCTURE)):
            return None
        if self._grouped and (found := self._grouped.get(self._names.text(node))) is not None:
            return found
        if isinstance(node, nodes.Call) and is_aggregate(node.name):
            return self._merged(node)
        if isinstance(node, NameRef) and expr_differs(node, expr := self._names.expanded(node)):
            return self(expr)
        if isinstance(node, ColumnRef):
            raise NotExact("column_not_grouped", f"{node.name} is neither grouped by nor aggregated", node)
        return None

    def _merged(self, node: nodes.Call) -> nodes.Expr:
        call = self._names.expanded(node)
        assert isinstance(call, nodes.Call)
        aggregation = split(call, self._names)
        if aggregation is None:
            raise StatesImpossible(node)
        states = self._columns.state(call, aggregation)
        args: list[nodes.Expr] = [states]
        name = aggregation.merge
        if aggregation.condition is not None:
            name = f"{name}If"
            args.append(OfRows(self._names, self._columns)(aggregation.condition))
        return nodes.Call(name, args, call.params)


class StatesImpossible(Exception):
    """An aggregation whose rows, not its states, have to be kept."""

    def __init__(self, call: nodes.Call) -> None:
        super().__init__(call.name)
        self.call = call


def base_of(expr: nodes.Expr) -> nodes.Expr:
    """What is kept for an expression: of a property read as a number, the property, which suits every reading."""
    if isinstance(expr, nodes.Call) and expr.name == "accurateCastOrNull" and isinstance(expr.args[0], PropertyRef):
        return expr.args[0]
    return expr


def check_orders(exprs: list[nodes.Expr]) -> None:
    """Raise `NotExact` where an answer would depend on the order in which rows are read."""
    for expr in exprs:
        around: dict[int, nodes.Node] = {}
        for node in own_nodes(expr):
            for name in slots(type(node)):
                value = getattr(node, name)
                for child in value if isinstance(value, list) else [value]:
                    around[id(child)] = node
            if isinstance(node, nodes.Call) and is_aggregate(node.name):
                check_order(node, around.get(id(node)))


def expr_differs(node: nodes.Expr, expanded: nodes.Expr) -> bool:
    """Whether spreading aliases out has changed the expression itself."""
    return type(node) is not type(expanded)
