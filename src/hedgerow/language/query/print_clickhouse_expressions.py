"""Prints resolved expressions as ClickHouse text, with NULL compared the way HogQL compares it."""

from collections.abc import Callable, Sequence
from typing import Any

from hedgerow.kit.values import Bound
from hedgerow.language.query import functions
from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.functions.aggregates import NULL_WITHOUT_NEIGHBOUR
from hedgerow.language.query.functions.special import OF_TEXT, TEXTS
from hedgerow.language.query.resolved import ColumnRef, NameRef, PropertyRef, VariableValue
from hedgerow.language.query.types import bare, cast_type
from hedgerow.language.query.typing_rules import nullable, type_of
from hedgerow.language.syntax import nodes

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_COMPARE = {
    "==": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals",
    "like": "like", "ilike": "ilike", "not like": "notLike", "not ilike": "notILike", "in": "in", "not in": "notIn",
    "=~": "match", "!~": "match", "=~*": "match", "!~*": "match",
}  # fmt: skip
_NEGATIVE = frozenset({"!=", "not like", "not ilike", "not in", "!~", "!~*"})


def quoted(name: str) -> str:
    """A name between backticks, whatever is in it."""
    if "\0" in name:
        raise QueryFault("A name may not hold a NUL character")
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class ExpressionPrinter:
    """The part of the printer below a SELECT's clauses."""

    def query(self, tree: nodes.Expr) -> str:
        raise NotImplementedError

    def constant(self, node: nodes.Constant) -> str:
        raise NotImplementedError

    def bind(self, bound: Bound, name: str = "") -> str:
        raise NotImplementedError

    def inline(self, part: str | int | nodes.Constant) -> str:
        """A part of a path that has to stand in the text itself."""
        raise NotImplementedError

    def source(self, name: str) -> str:
        """What a table of this query is called in the text."""
        raise NotImplementedError

    def expression(self, node: nodes.Expr) -> str:
        """The text of one expression."""
        if isinstance(node, nodes.Constant):
            return self.constant(node)
        printer = _PRINTERS.get(type(node))
        if printer is None:
            raise QueryFault(f"{type(node).__name__} is not supported here", node)
        return printer(self, node)

    def listed(self, exprs: Any) -> str:
        return ", ".join(self.expression(expr) for expr in exprs or [])

    def condition(self, node: nodes.Expr) -> str:
        """A filter: NULL and false are the same to it, so positive comparisons stay plain and keep their index."""
        if isinstance(node, nodes.And | nodes.Or):
            name = "and" if isinstance(node, nodes.And) else "or"
            return (
                f"{name}({', '.join(self.condition(expr) for expr in node.exprs)})"
                if len(node.exprs) > 1
                else (self.condition(node.exprs[0]))
            )
        if isinstance(node, nodes.CompareOperation) and node.op not in _NEGATIVE and not self._both_nullable(node):
            if not (_is_null(node.left) or _is_null(node.right)):
                return self._plain_comparison(node)
        if isinstance(node, nodes.BetweenExpr) and not node.negated:
            return self._plain_between(node)
        return self.expression(node)

    def join_condition(self, node: nodes.Expr) -> str:
        """What rows are joined by: comparisons as they stand, since a join has no use for NULLs."""
        if isinstance(node, nodes.And | nodes.Or):
            name = "and" if isinstance(node, nodes.And) else "or"
            return f"{name}({', '.join(self.join_condition(expr) for expr in node.exprs)})"
        if isinstance(node, nodes.CompareOperation) and not (_is_null(node.left) or _is_null(node.right)):
            return self._plain_comparison(node)
        return self.expression(node)

    def _both_nullable(self, node: nodes.CompareOperation) -> bool:
        return node.op == "==" and nullable(node.left) and nullable(node.right)

    # --- comparisons

    def _comparison(self, node: nodes.CompareOperation) -> str:
        if node.op in {"==", "!="} and (_is_null(node.left) or _is_null(node.right)):
            return self._null_test(node)
        text = self._plain_comparison(node)
        left, right = nullable(node.left), nullable(node.right) and node.op not in {"in", "not in"}
        if not left and not right:
            return text
        if left and right and node.op in {"==", "!="}:
            test = "isNull({}) AND isNull({})" if node.op == "==" else "isNotNull({}) OR isNotNull({})"
            return f"ifNull({text}, {test.format(self.expression(node.left), self.expression(node.right))})"
        return f"ifNull({text}, {1 if node.op in _NEGATIVE else 0})"

    def _null_test(self, node: nodes.CompareOperation) -> str:
        if _is_null(node.left) and _is_null(node.right):
            return "1" if node.op == "==" else "0"
        other = node.left if _is_null(node.right) else node.right
        return f"{'isNull' if node.op == '==' else 'isNotNull'}({self.expression(other)})"

    def _plain_comparison(self, node: nodes.CompareOperation) -> str:
        name = _COMPARE[node.op]
        left = self.expression(node.left)
        if name in {"in", "notIn"}:
            return f"{name}({left}, {self._set(node.right)})"
        right = self.expression(node.right)
        if name == "match":
            pattern = f"concat('(?i)', {right})" if node.op.endswith("*") else right
            text = f"match({left}, {pattern})"
            return f"not({text})" if node.op in _NEGATIVE else text
        return f"{name}({left}, {right})"

    def _set(self, node: nodes.Expr) -> str:
        if isinstance(node, nodes.Tuple):
            return f"({self.listed(node.exprs)})" if len(node.exprs) > 1 else f"tuple({self.listed(node.exprs)})"
        text = self.expression(node)
        if isinstance(node, nodes.Constant) and not isinstance(node.value, list):
            return f"tuple({text})"
        return text

    # --- calls

    def _call(self, node: nodes.Call) -> str:
        function = functions.find(node.name)
        if function is None:
            raise QueryFault(f"Unsupported function call '{node.name}(...)'", node)
        if function.name in OF_TEXT and bare(type_of(node.args[0])) == "String":
            return OF_TEXT[function.name]([self.expression(arg) for arg in node.args])
        special = TEXTS.get(function.name)
        if special is not None:
            return special([self.expression(arg) for arg in node.args])
        name, args = function.target, self.listed(node.args)
        if node.within_group:
            args = ", ".join(self.expression(order.expr) for order in node.within_group)
        if node.filter_expr is not None:
            name, args = f"{name}If", ", ".join(filter(None, [args, self.condition(node.filter_expr)]))
        if node.order_by:
            return self._ordered(node, name)
        params = f"({self.listed(node.params)})" if node.params is not None else ""
        return f"{name}{params}({'DISTINCT ' if node.distinct else ''}{args})"

    def _ordered(self, node: nodes.Call, name: str) -> str:
        """`groupArray(x ORDER BY y)`: the values of an ordered array of pairs."""
        if name != "groupArray" or len(node.order_by or []) != 1 or node.params is not None:
            raise QueryFault("ORDER BY inside an aggregation is supported for groupArray(x ORDER BY y) only", node)
        assert node.order_by
        key = self.expression(node.order_by[0].expr)
        sort = "arrayReverseSort" if node.order_by[0].order == "DESC" else "arraySort"
        pairs = f"groupArray(tuple({key}, {self.listed(node.args)}))"
        return f"arrayMap(pair -> tupleElement(pair, 2), {sort}(pair -> tupleElement(pair, 1), {pairs}))"

    def _window_function(self, node: nodes.WindowFunction) -> str:
        function = functions.find(node.name)
        if function is None:
            raise QueryFault(f"Unsupported function call '{node.name}(...)'", node)
        second = f"({self.listed(node.args)})" if node.args else ""
        over = quoted(node.over_identifier) if node.over_identifier else f"({self.window(node.over_expr)})"
        args = [self.expression(expr) for expr in node.exprs or []]
        if function.target in NULL_WITHOUT_NEIGHBOUR and args:
            args[0] = f"toNullable({args[0]})"
        return f"{function.target}({', '.join(args)}){second} OVER {over}"

    def window(self, node: nodes.WindowExpr | None) -> str:
        if node is None:
            return ""
        parts = [f"PARTITION BY {self.listed(node.partition_by)}"] if node.partition_by else []
        if node.order_by:
            parts.append("ORDER BY " + ", ".join(self.order(order) for order in node.order_by))
        if node.frame_method and node.frame_start:
            start = _bound_text(node.frame_start)
            span = f"BETWEEN {start} AND {_bound_text(node.frame_end)}" if node.frame_end else start
            parts.append(f"{node.frame_method} {span}")
        return " ".join(parts)

    def order(self, node: nodes.OrderExpr) -> str:
        text = f"{self.expression(node.expr)} {node.order}"
        if node.nulls:
            text += f" NULLS {node.nulls}"
        if node.with_fill is not None:
            text += " WITH FILL"
            for word, value in (
                ("FROM", node.with_fill.from_value),
                ("TO", node.with_fill.to_value),
                ("STEP", node.with_fill.step_value),
            ):
                text += f" {word} {self.expression(value)}" if value is not None else ""
        return text

    # --- values

    def _cast(self, node: nodes.TypeCast | nodes.TryCast) -> str:
        kind = cast_type(node.type_name)
        if kind is None:
            raise QueryFault(f"Unsupported type in a cast: {node.type_name}", node)
        literal = "'" + kind.replace("\\", "\\\\").replace("'", "\\'") + "'"
        if isinstance(node, nodes.TryCast):
            return f"accurateCastOrNull({self.expression(node.expr)}, {literal})"
        if nullable(node.expr) and not kind.startswith(("Array", "Nullable", "Tuple", "Map")):
            literal = "'Nullable(" + literal[1:-1] + ")'"
        return f"CAST({self.expression(node.expr)}, {literal})"

    def _property(self, node: PropertyRef) -> str:
        base = self.expression(node.base)
        if node.kind == "tuple":
            return f"tupleElement({base}, {self._key(node.path[0])})"
        if node.kind == "json":
            path = ".".join(self.inline(part) for part in node.path)
            # A path holds a value or an object, each read in its own way; an empty object is no object.
            return f"ifNull(CAST({base}.{path}, 'Nullable(String)'), nullIf(toJSONString({base}.^{path}), '{{}}'))"
        if node.kind == "map":
            key = self._key(node.path[0])
            value = f"if(mapContains({base}, {key}), arrayElement({base}, {key}), NULL)"
            return value if len(node.path) == 1 else self._extracted(f"toString({value})", node.path[1:])
        return self._extracted(base, node.path)

    def _extracted(self, base: str, path: Sequence[str | int | nodes.Constant]) -> str:
        keys = ", ".join(self._key(part) for part in path)
        raw = f"nullIf(nullIf(JSONExtractRaw(ifNull({base}, ''), {keys}), ''), 'null')"
        text = f"JSONExtractString(ifNull({base}, ''), {keys})"
        # A string loses its quotes, and its escapes with them; anything else is its JSON text.
        return f"if(startsWith({raw}, '\"'), {text}, {raw})"

    def _key(self, part: str | int | nodes.Constant) -> str:
        if isinstance(part, nodes.Constant):
            return self.constant(part)
        return str(part) if isinstance(part, int) else self.bind(Bound("String", part))

    def _array_access(self, node: nodes.ArrayAccess) -> str:
        array, key = self.expression(node.array), self.expression(node.property)
        if isinstance(node.property, nodes.Constant) and isinstance(node.property.value, str):
            if bare(type_of(node.array)).startswith("Map"):
                return f"if(mapContains({array}, {key}), arrayElement({array}, {key}), NULL)"
        return f"arrayElement({array}, {key})"

    def _dict(self, node: nodes.Dict) -> str:
        parts = ["'__hx_obj'"]
        for key, value in node.items:
            parts += [self.expression(key), self.expression(value)]
        return f"tuple({', '.join(parts)})"

    def _between(self, node: nodes.BetweenExpr) -> str:
        text = self._plain_between(node)
        text = f"not({text})" if node.negated else text
        return f"ifNull({text}, {int(node.negated)})" if any(map(nullable, (node.expr, node.low, node.high))) else text

    def _plain_between(self, node: nodes.BetweenExpr) -> str:
        expr = self.expression(node.expr)
        low, high = self.expression(node.low), self.expression(node.high)
        return f"and(greaterOrEquals({expr}, {low}), lessOrEquals({expr}, {high}))"

    def _lambda(self, node: nodes.Lambda) -> str:
        assert isinstance(node.expr, nodes.Expr)
        return f"({', '.join(map(quoted, node.args))}) -> {self.expression(node.expr)}"

    def _logic(self, node: nodes.And | nodes.Or) -> str:
        return f"{'and' if isinstance(node, nodes.And) else 'or'}({self.listed(node.exprs)})"


def _is_null(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Constant) and node.value is None


def _bound_text(node: nodes.WindowFrameExpr) -> str:
    if node.frame_type == "CURRENT ROW":
        return "CURRENT ROW"
    return f"{'UNBOUNDED' if node.frame_value is None else node.frame_value} {node.frame_type}"


_PRINTERS: dict[type, Callable[[ExpressionPrinter, Any], str]] = {
    ColumnRef: lambda p, n: f"{p.source(n.source)}.{quoted(n.name)}",
    NameRef: lambda _p, n: quoted(n.name),
    PropertyRef: ExpressionPrinter._property,
    VariableValue: ExpressionPrinter.constant,
    nodes.Alias: lambda p, n: f"{p.expression(n.expr)} AS {quoted(n.alias)}",
    nodes.Call: ExpressionPrinter._call,
    nodes.WindowFunction: ExpressionPrinter._window_function,
    nodes.And: ExpressionPrinter._logic,
    nodes.Or: ExpressionPrinter._logic,
    nodes.Not: lambda p, n: f"not({p.expression(n.expr)})",
    nodes.CompareOperation: ExpressionPrinter._comparison,
    nodes.IsDistinctFrom: lambda p, n: (
        f"{'isNotDistinctFrom' if n.negated else 'isDistinctFrom'}({p.expression(n.left)}, {p.expression(n.right)})"
    ),
    nodes.ArithmeticOperation: lambda p, n: f"{_ARITHMETIC[n.op]}({p.expression(n.left)}, {p.expression(n.right)})",
    nodes.BetweenExpr: ExpressionPrinter._between,
    nodes.Array: lambda p, n: f"[{p.listed(n.exprs)}]",
    nodes.Tuple: lambda p, n: f"tuple({p.listed(n.exprs)})",
    nodes.Dict: ExpressionPrinter._dict,
    nodes.Lambda: ExpressionPrinter._lambda,
    nodes.ArrayAccess: ExpressionPrinter._array_access,
    nodes.TupleAccess: lambda p, n: f"tupleElement({p.expression(n.tuple)}, {n.index})",
    nodes.TypeCast: ExpressionPrinter._cast,
    nodes.TryCast: ExpressionPrinter._cast,
    nodes.SelectQuery: lambda p, n: f"({p.query(n)})",
    nodes.SelectSetQuery: lambda p, n: f"({p.query(n)})",
}
