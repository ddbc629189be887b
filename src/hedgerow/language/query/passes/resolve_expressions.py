"""Resolve expressions: fields to columns and aliases, calls to known functions, properties to paths."""

from collections.abc import Callable, Sequence

from hedgerow.language.query.catalog import SavedJoin
from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.passes.calls import check_call, check_window, has_aggregate, is_aggregate
from hedgerow.language.query.passes.comparing import read_alike
from hedgerow.language.query.resolved import ColumnRef, NameRef, PropertyRef, VariableValue
from hedgerow.language.query.scope import Relation, Scope
from hedgerow.language.query.types import bare
from hedgerow.language.query.typing_rules import nullable, type_of
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_RESERVED = frozenset({"true", "false", "null", "team_id"})
_ONE_BASED = "SQL indexes start from one, not from zero. E.g: array.1"


class ExpressionResolver:
    """The part of the resolver below a SELECT's clauses."""

    def select_set(self, tree: nodes.Expr, parent: Scope | None, *, outermost: bool = False) -> Relation:
        raise NotImplementedError

    def walk_join(self, source: str, relation: Relation, join: SavedJoin, scope: Scope) -> tuple[str, Relation]:
        raise NotImplementedError

    def expressions(self, exprs: list[nodes.Expr], scope: Scope) -> list[nodes.Expr]:
        return [self.expression(expr, scope) for expr in exprs]

    def expression(self, expr: nodes.Expr, scope: Scope) -> nodes.Expr:
        """The expression with its names resolved; most nodes are changed in place."""
        handler = _HANDLERS.get(type(expr))
        if handler is None:
            raise QueryFault(f"{type(expr).__name__} is not supported here", expr)
        return handler(self, expr, scope)

    def typed(self, expr: nodes.Expr) -> tuple[str, bool]:
        """The type's text ("" when unknown) and whether the value may be NULL."""
        return type_of(expr), nullable(expr)

    def origins(self, expr: nodes.Expr) -> tuple[tuple[str, str], ...]:
        """The tables' columns an expression is made of."""
        found: dict[tuple[str, str], None] = {}
        for node in walk(expr):
            if isinstance(node, ColumnRef):
                found.update(dict.fromkeys(node.origin))
        return tuple(found)

    def check_name(self, name: str, node: nodes.Node) -> None:
        if "%" in name:
            raise QueryFault(f'The HogQL identifier "{name}" is not permitted as it contains the "%" character', node)

    def order(self, order: nodes.OrderExpr, scope: Scope) -> None:
        order.expr = self.expression(order.expr, scope)
        if order.with_fill is not None:
            for part in ("from_value", "to_value", "step_value"):
                if (value := getattr(order.with_fill, part)) is not None:
                    setattr(order.with_fill, part, self.expression(value, scope))

    def window(self, window: nodes.WindowExpr, scope: Scope) -> None:
        window.partition_by = self.expressions(window.partition_by, scope) if window.partition_by else None
        for order in window.order_by or []:
            self.order(order, scope)

    # --- names

    def _field(self, field: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(field, nodes.Field)
        chain = [str(part) for part in field.chain]
        for part in chain:
            self.check_name(part, field)
        if chain[-1] == "*":
            raise QueryFault("A star can only be a column of its own, or the argument of count", field)
        found, used = self._head(chain, field, scope)
        found.span = field.span
        return self._path(found, chain[used:], field)

    def _head(self, chain: list[str], field: nodes.Field, scope: Scope) -> tuple[nodes.Expr, int]:
        """What the first parts of a chain stand for, and how many parts that are."""
        name = chain[0]
        if scope.is_argument(name):
            return NameRef(name), 1
        if len(chain) == 1 and name in scope.aliases and not scope.prefers_column(name):
            return NameRef(name, *scope.aliases[name]), 1
        for length in range(len(chain) - 1, 0, -1):
            source = ".".join(chain[:length])
            if source in scope.sources:
                return self._column(source, scope.sources[source], chain, length, field, scope)
        holders = list(scope.holders(name))
        if len(holders) > 1 and name not in scope.using:
            raise QueryFault(f"Ambiguous query. Found multiple sources for field: {name}", field)
        if holders:
            source, relation = holders[0]
            return self._column(source, relation, [source, *chain], 1, field, scope, before=1)
        return self._elsewhere(name, field, scope), 1

    def _elsewhere(self, name: str, field: nodes.Field, scope: Scope) -> nodes.Expr:
        """A name that no source has: an alias with a path behind it, a CTE of a SELECT around this one, or nothing."""
        around: Scope | None = scope
        while around is not None:
            if name in around.aliases and (around is scope or not around.sources):
                return NameRef(name, *around.aliases[name])
            around = around.parent
        if name in scope.sources:
            raise QueryFault(f"Can't select a table when a column is expected: {name}", field)
        unknown = [source for source, relation in scope.sources.items() if relation.open]
        if len(unknown) == 1:
            return ColumnRef(unknown[0], name)
        raise QueryFault(f"Unable to resolve field: {name}", field)

    def _column(
        self,
        source: str,
        relation: Relation,
        chain: list[str],
        at: int,
        field: nodes.Field,
        scope: Scope,
        before: int = 0,
    ) -> tuple[nodes.Expr, int]:
        name = chain[at]
        if (column := relation.columns.get(name)) is not None:
            return ColumnRef(source, column.physical, column.type, column.origin), at + 1 - before
        if name in relation.joins:
            if at + 1 == len(chain):
                raise QueryFault(f"Can't select a table when a column is expected: {name}", field)
            alias, joined = self.walk_join(source, relation, relation.joins[name], scope)
            found, used = self._column(alias, joined, chain, at + 1, field, scope)
            return found, used - before
        if relation.open:
            return ColumnRef(source, name), at + 1 - before
        raise QueryFault(f"Field not found: {name}", field)

    def _path(self, base: nodes.Expr, path: Sequence[str | VariableValue], node: nodes.Node) -> nodes.Expr:
        """A path into a value, by the value's type."""
        if not path:
            return base
        plain = bare(type_of(base))
        if plain.startswith("Tuple"):
            first: nodes.Expr = PropertyRef(base, [path[0]], "tuple", span=node.span)
            return self._path(first, path[1:], node)
        if plain.startswith("Map"):
            return PropertyRef(base, list(path), "map", span=node.span)
        if plain.startswith("JSON"):
            return PropertyRef(base, list(path), "json", span=node.span)
        if plain in {"String", ""}:
            return PropertyRef(base, list(path), "text", span=node.span)
        raise QueryFault(f"A value of type {plain} has no property {path[0]}", node)

    # --- the other nodes

    def _constant(self, node: nodes.Expr, _scope: Scope) -> nodes.Expr:
        return node

    def _alias(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.Alias)
        if node.alias.lower() in _RESERVED:
            raise QueryFault(f'Alias "{node.alias}" is a reserved keyword', node)
        self.check_name(node.alias, node)
        node.expr = self.expression(node.expr, scope)
        if node.alias in scope.aliases and scope.alias_exprs.get(node.alias) != node.expr:
            raise QueryFault(f"Cannot redefine an alias with the name: {node.alias}", node)
        scope.alias_exprs[node.alias] = node.expr
        scope.aliases[node.alias] = self.typed(node.expr)
        if has_aggregate(node.expr):
            scope.aggregated.add(node.alias)
        return node

    def _call(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.Call)
        check_call(node)
        with scope.of_rows(is_aggregate(node.name)):
            node.args = self.expressions(node.args, scope)
        node.params = self.expressions(node.params, scope) if node.params is not None else None
        node.filter_expr = self.expression(node.filter_expr, scope) if node.filter_expr else None
        for order in [*(node.order_by or []), *(node.within_group or [])]:
            self.order(order, scope)
        return node

    def _window_function(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.WindowFunction)
        check_window(node)
        node.exprs = self.expressions(node.exprs or [], scope)
        node.args = self.expressions(node.args or [], scope)
        if node.over_identifier is not None and node.over_identifier not in scope.windows:
            raise QueryFault(f"Unknown window: {node.over_identifier}", node)
        if node.over_expr is not None:
            self.window(node.over_expr, scope)
        return node

    def _lambda(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.Lambda)
        if not isinstance(node.expr, nodes.Expr):
            raise QueryFault("A lambda in a query is one expression, without statements", node)
        for name in node.args:
            self.check_name(name, node)
        scope.lambdas.append(set(node.args))
        node.expr = self.expression(node.expr, scope)
        scope.lambdas.pop()
        return node

    def _array_access(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.ArrayAccess)
        node.array = self.expression(node.array, scope)
        node.property = self.expression(node.property, scope)
        key = node.property.value if isinstance(node.property, nodes.Constant) else None
        variable = node.property if isinstance(node.property, VariableValue) else None
        if key == 0 and not isinstance(key, bool) and isinstance(key, int):
            raise QueryFault(_ONE_BASED, node)
        if isinstance(key, str) and not bare(type_of(node.array)).startswith("Map"):
            if isinstance(node.array, PropertyRef) and node.array.kind != "tuple":
                return PropertyRef(
                    node.array.base, [*node.array.path, variable or key], node.array.kind, span=node.span
                )
            return self._path(node.array, [variable or key], node)
        if isinstance(key, int) and isinstance(node.array, PropertyRef) and node.array.kind == "text":
            return PropertyRef(node.array.base, [*node.array.path, variable or key], "text", span=node.span)
        return node

    def _tuple_access(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.TupleAccess)
        if node.index == 0:
            raise QueryFault(_ONE_BASED, node)
        node.tuple = self.expression(node.tuple, scope)
        if isinstance(node.tuple, PropertyRef) and node.tuple.kind == "text":
            return PropertyRef(node.tuple.base, [*node.tuple.path, node.index], "text", span=node.span)
        if isinstance(node.tuple, nodes.Array) or bare(type_of(node.tuple)).startswith("Array("):
            return nodes.ArrayAccess(node.tuple, nodes.Constant(node.index), span=node.span)
        return node

    def _subquery(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        self.select_set(node, scope)
        return node

    def _dict(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        assert isinstance(node, nodes.Dict)
        node.items = [(self.expression(key, scope), self.expression(value, scope)) for key, value in node.items]
        return node

    def _tag(self, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        """A tag is a tuple that says what it is: `('__hx_tag', kind, name, value, …)`."""
        assert isinstance(node, nodes.HogQLXTag)
        parts: list[nodes.Expr] = [nodes.Constant("__hx_tag"), nodes.Constant(node.kind)]
        for attribute in node.attributes:
            value = attribute.value
            expr = nodes.Tuple(value) if isinstance(value, list) else value
            assert isinstance(expr, nodes.Expr)
            parts += [nodes.Constant(attribute.name), self.expression(expr, scope)]
        return nodes.Tuple(parts, span=node.span)


def _parts(*names: str) -> Callable[[ExpressionResolver, nodes.Expr, Scope], nodes.Expr]:
    """A handler that resolves the named fields, each an expression or a list of them."""

    def handle(self: ExpressionResolver, node: nodes.Expr, scope: Scope) -> nodes.Expr:
        for name in names:
            value = getattr(node, name)
            if isinstance(value, list):
                setattr(node, name, self.expressions(value, scope))
            elif value is not None:
                setattr(node, name, self.expression(value, scope))
        return node

    return handle


def _refused(text: str) -> Callable[[ExpressionResolver, nodes.Expr, Scope], nodes.Expr]:
    def refuse(_self: ExpressionResolver, node: nodes.Expr, _scope: Scope) -> nodes.Expr:
        raise QueryFault(text, node)

    return refuse


def _comparison(self: ExpressionResolver, node: nodes.Expr, scope: Scope) -> nodes.Expr:
    assert isinstance(node, nodes.CompareOperation)
    if node.op in {"in cohort", "not in cohort"}:
        raise QueryFault("Cohorts are not available: this project has no persons", node)
    left, right = self.expression(node.left, scope), self.expression(node.right, scope)
    node.left, node.right = read_alike(left, right)
    return node


def _between(self: ExpressionResolver, node: nodes.Expr, scope: Scope) -> nodes.Expr:
    assert isinstance(node, nodes.BetweenExpr)
    node.low, node.high = self.expression(node.low, scope), self.expression(node.high, scope)
    node.expr, _ = read_alike(self.expression(node.expr, scope), node.low)
    return node


_HANDLERS: dict[type, Callable[[ExpressionResolver, nodes.Expr, Scope], nodes.Expr]] = {
    nodes.Field: ExpressionResolver._field,
    nodes.Constant: ExpressionResolver._constant,
    nodes.Alias: ExpressionResolver._alias,
    nodes.Call: ExpressionResolver._call,
    nodes.WindowFunction: ExpressionResolver._window_function,
    nodes.Lambda: ExpressionResolver._lambda,
    nodes.ArrayAccess: ExpressionResolver._array_access,
    nodes.TupleAccess: ExpressionResolver._tuple_access,
    nodes.SelectQuery: ExpressionResolver._subquery,
    nodes.SelectSetQuery: ExpressionResolver._subquery,
    nodes.Dict: ExpressionResolver._dict,
    nodes.HogQLXTag: ExpressionResolver._tag,
    nodes.CompareOperation: _comparison,
    nodes.IsDistinctFrom: _parts("left", "right"),
    nodes.ArithmeticOperation: _parts("left", "right"),
    nodes.And: _parts("exprs"),
    nodes.Or: _parts("exprs"),
    nodes.Not: _parts("expr"),
    nodes.Array: _parts("exprs"),
    nodes.Tuple: _parts("exprs"),
    nodes.GroupingSet: _parts("exprs"),
    nodes.BetweenExpr: _between,
    nodes.TypeCast: _parts("expr"),
    nodes.TryCast: _parts("expr"),
    nodes.Placeholder: _refused("You can not use placeholders here"),
    nodes.ExprCall: _refused("You can only call simple functions in HogQL, not expressions"),
    nodes.NamedArgument: _refused("Named arguments are not supported"),
    nodes.ColumnsExpr: _refused("COLUMNS can only be a column of its own"),
}
_HANDLERS |= dict.fromkeys((ColumnRef, NameRef, PropertyRef, VariableValue), ExpressionResolver._constant)
