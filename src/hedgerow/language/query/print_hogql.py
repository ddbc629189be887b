"""Prints a tree as HogQL: the name of a column without an alias, and the text that answers say was run."""

from collections.abc import Callable
from typing import Any

from hedgerow.language.query.resolved import ColumnRef, CteRef, FunctionRef, NameRef, PropertyRef, TableRef
from hedgerow.language.syntax import nodes

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_COMPARE = {
    "==": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals",
    "like": "like", "ilike": "ilike", "not like": "notLike", "not ilike": "notILike", "in": "in", "not in": "notIn",
}  # fmt: skip
_REGEX = {"=~": "match({0}, {1})", "!~": "not(match({0}, {1}))", "=~*": "match({0}, concat('(?i)', {1}))",
          "!~*": "not(match({0}, concat('(?i)', {1})))"}  # fmt: skip
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"})


def column_name(expr: nodes.Expr) -> str:
    """What an answer calls a column: a plain column by its own name, all else by its text."""
    if isinstance(expr, nodes.Field):
        chain = [str(part) for part in expr.chain]
        return ".".join(chain) if "properties" in chain[:-1] else chain[-1]
    if isinstance(expr, ColumnRef):
        return expr.origin[0][1] if expr.origin else expr.name
    return print_hogql(expr)


def print_hogql(node: Any) -> str:
    """The text of an expression or a query."""
    if isinstance(node, nodes.SelectQuery):
        return _select(node)
    if isinstance(node, nodes.SelectSetQuery):
        return _select_set(node)
    if isinstance(node, nodes.Constant):
        return literal(node.value)
    printer = _PRINTERS.get(type(node))
    return printer(node) if printer else type(node).__name__


def identifier(name: str | int) -> str:
    """A name as it can be written in a query."""
    text = str(name)
    if text.replace("$", "_").isidentifier() and text.isascii():
        return text
    return "`" + text.replace("\\", "\\\\").replace("`", "``") + "`"


def literal(value: Any) -> str:
    """A constant as it can be written in a query."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPES)}'"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return str(value)


def _list(exprs: Any) -> str:
    return ", ".join(print_hogql(expr) for expr in exprs or [])


def _chain(parts: Any) -> str:
    return ".".join("*" if part == "*" else identifier(part) for part in parts)


def _call(node: nodes.Call) -> str:
    inner = ("DISTINCT " if node.distinct else "") + _list(node.args)
    if node.order_by:
        inner += " ORDER BY " + ", ".join(map(_order, node.order_by))
    params = f"({_list(node.params)})" if node.params is not None else ""
    text = f"{node.name}{params}({inner})"
    if node.within_group:
        text += " WITHIN GROUP (ORDER BY " + ", ".join(map(_order, node.within_group)) + ")"
    return text + (f" FILTER (WHERE {print_hogql(node.filter_expr)})" if node.filter_expr else "")


def _compare(node: nodes.CompareOperation) -> str:
    left, right = print_hogql(node.left), print_hogql(node.right)
    if isinstance(node.right, nodes.Constant) and node.right.value is None and node.op in {"==", "!="}:
        return f"isNull({left})" if node.op == "==" else f"isNotNull({left})"
    if node.op in _COMPARE:
        return f"{_COMPARE[node.op]}({left}, {right})"
    return _REGEX[node.op].format(left, right) if node.op in _REGEX else f"{left} {node.op} {right}"


def _window_function(node: nodes.WindowFunction) -> str:
    second = f"({_list(node.args)})" if node.args else ""
    over = identifier(node.over_identifier) if node.over_identifier else f"({_window(node.over_expr)})"
    return f"{node.name}({_list(node.exprs)}){second} OVER {over}"


def _window(node: nodes.WindowExpr | None) -> str:
    if node is None:
        return ""
    parts = [f"PARTITION BY {_list(node.partition_by)}"] if node.partition_by else []
    if node.order_by:
        parts.append("ORDER BY " + ", ".join(map(_order, node.order_by)))
    if node.frame_method and node.frame_start:
        start = _bound(node.frame_start)
        end = f"BETWEEN {start} AND {_bound(node.frame_end)}" if node.frame_end else start
        parts.append(f"{node.frame_method} {end}")
    return " ".join(parts)


def _bound(node: nodes.WindowFrameExpr) -> str:
    if node.frame_type == "CURRENT ROW":
        return "CURRENT ROW"
    return f"{'UNBOUNDED' if node.frame_value is None else node.frame_value} {node.frame_type}"


def _order(node: nodes.OrderExpr) -> str:
    nulls = f" NULLS {node.nulls}" if node.nulls else ""
    return f"{print_hogql(node.expr)} {node.order}{nulls}"


def _select_set(node: nodes.SelectSetQuery) -> str:
    text = _bracketed(node.initial_select_query)
    for following in node.subsequent_select_queries:
        text += f" {following.set_operator} {_bracketed(following.select_query)}"
    return text


def _bracketed(node: Any) -> str:
    return f"({print_hogql(node)})" if isinstance(node, nodes.SelectSetQuery) else print_hogql(node)


def _select(node: nodes.SelectQuery) -> str:
    parts = []
    if node.ctes:
        parts.append("WITH " + ", ".join(map(_cte, node.ctes.values())))
    parts.append(("SELECT DISTINCT " if node.distinct else "SELECT ") + ", ".join(map(_column, node.select)))
    if node.select_from:
        parts.append("FROM " + _joins(node.select_from))
    if node.array_join_list:
        parts.append(f"{node.array_join_op} {_list(node.array_join_list)}")
    for word, expr in (("PREWHERE", node.prewhere), ("WHERE", node.where)):
        if expr is not None:
            parts.append(f"{word} {print_hogql(expr)}")
    if node.group_by or node.group_by_mode:
        parts.append("GROUP BY " + (_list(node.group_by) or str(node.group_by_mode).upper()))
    for word, expr in (("HAVING", node.having), ("QUALIFY", node.qualify)):
        if expr is not None:
            parts.append(f"{word} {print_hogql(expr)}")
    if node.window_exprs:
        named = (f"{identifier(name)} AS ({_window(w)})" for name, w in node.window_exprs.items())
        parts.append("WINDOW " + ", ".join(named))
    if node.order_by:
        parts.append("ORDER BY " + ", ".join(map(_order, node.order_by)))
    if node.limit_by:
        parts.append(f"LIMIT {print_hogql(node.limit_by.n)} BY {_list(node.limit_by.exprs)}")
    if node.limit is not None:
        parts.append("LIMIT " + print_hogql(node.limit) + (" WITH TIES" if node.limit_with_ties else ""))
    if node.offset is not None:
        parts.append("OFFSET " + print_hogql(node.offset))
    return " ".join(parts)


def _column(node: nodes.Expr) -> str:
    return print_hogql(node.expr if isinstance(node, nodes.Alias) and node.hidden else node)


def _cte(node: nodes.CTE) -> str:
    if node.cte_type == "column":
        return f"{print_hogql(node.expr)} AS {identifier(node.name)}"
    return f"{identifier(node.name)} AS ({print_hogql(node.expr)})"


def _joins(node: nodes.JoinExpr) -> str:
    table = node.table
    text = (
        f"({print_hogql(table)})" if isinstance(table, nodes.SelectQuery | nodes.SelectSetQuery) else print_hogql(table)
    )
    if node.table_args is not None:
        text += f"({_list(node.table_args)})"
    if node.alias and node.alias != text:
        text += f" AS {identifier(node.alias)}"
    if node.constraint:
        text += f" {node.constraint.constraint_type} {print_hogql(node.constraint.expr)}"
    if node.next_join:
        text += f" {node.next_join.join_type} {_joins(node.next_join)}"
    return text


_PRINTERS: dict[type, Callable[[Any], str]] = {
    nodes.Field: lambda n: _chain(n.chain),
    nodes.Alias: lambda n: f"{print_hogql(n.expr)} AS {identifier(n.alias)}",
    nodes.Call: _call,
    nodes.ExprCall: lambda n: f"{print_hogql(n.expr)}({_list(n.args)})",
    nodes.And: lambda n: f"and({_list(n.exprs)})",
    nodes.Or: lambda n: f"or({_list(n.exprs)})",
    nodes.Not: lambda n: f"not({print_hogql(n.expr)})",
    nodes.CompareOperation: _compare,
    nodes.ArithmeticOperation: lambda n: f"{_ARITHMETIC[n.op]}({print_hogql(n.left)}, {print_hogql(n.right)})",
    nodes.IsDistinctFrom: lambda n: (
        f"{print_hogql(n.left)} IS {'NOT ' if n.negated else ''}DISTINCT FROM {print_hogql(n.right)}"
    ),
    nodes.BetweenExpr: lambda n: (
        f"{print_hogql(n.expr)} {'NOT ' if n.negated else ''}BETWEEN {print_hogql(n.low)} AND {print_hogql(n.high)}"
    ),
    nodes.Array: lambda n: f"[{_list(n.exprs)}]",
    nodes.Tuple: lambda n: f"tuple({_list(n.exprs)})",
    nodes.Dict: lambda n: "{" + ", ".join(f"{print_hogql(k)}: {print_hogql(v)}" for k, v in n.items) + "}",
    nodes.Placeholder: lambda n: "{" + print_hogql(n.expr) + "}",
    nodes.Lambda: lambda n: f"({', '.join(map(identifier, n.args))}) -> {print_hogql(n.expr)}",
    nodes.ArrayAccess: lambda n: f"{print_hogql(n.array)}[{print_hogql(n.property)}]",
    nodes.TupleAccess: lambda n: f"{print_hogql(n.tuple)}.{n.index}",
    nodes.TypeCast: lambda n: f"cast({print_hogql(n.expr)} AS {n.type_name})",
    nodes.TryCast: lambda n: f"try_cast({print_hogql(n.expr)} AS {n.type_name})",
    nodes.WindowFunction: _window_function,
    nodes.NamedArgument: lambda n: f"{identifier(n.name)} := {print_hogql(n.value)}",
    nodes.HogQLXTag: lambda n: f"<{n.kind} />",
    ColumnRef: lambda n: f"{identifier(n.source)}.{identifier(n.name)}",
    NameRef: lambda n: identifier(n.name),
    PropertyRef: lambda n: print_hogql(n.base) + "".join(f".{identifier(part)}" for part in n.path),
    TableRef: lambda n: _chain(n.table.name.split(".")),
    FunctionRef: lambda n: f"{n.name}({_list(n.args)})",
    CteRef: lambda n: identifier(n.name),
}
