"""Prints a tree as HogQL: the name of a column without an alias, and the text that answers say was run."""

from collections.abc import Callable, Mapping
from typing import Any

from hedgerow.language.query.resolved import (
    ColumnRef,
    CteRef,
    FunctionRef,
    NameRef,
    PropertyRef,
    TableRef,
    VariableValue,
)
from hedgerow.language.syntax import nodes

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_COMPARE = {
    "==": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals",
    "like": "like", "ilike": "ilike", "not like": "notLike", "not ilike": "notILike", "in": "in", "not in": "notIn",
}  # fmt: skip
_REGEX = {"=~": "match({0}, {1})", "!~": "not(match({0}, {1}))", "=~*": "match({0}, concat('(?i)', {1}))",
          "!~*": "not(match({0}, concat('(?i)', {1})))"}  # fmt: skip
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"})


_MARK = "\0"


def filled(text: str, values: Mapping[str, Any]) -> str:
    """A printed text with the variables' values in it: `print_hogql` only marks their places."""
    parts = text.split(_MARK)
    parts[1::2] = [literal(values.get(name)) for name in parts[1::2]]
    return "".join(parts)


def has_variables(text: str) -> bool:
    """Whether a printed text has places for variables."""
    return _MARK in text


def column_name(expr: nodes.Expr) -> str:
    """What an answer calls a column: a plain column by its own name, all else by its text."""
    if isinstance(expr, nodes.Field):
        chain = [str(part) for part in expr.chain]
        return ".".join(chain) if "properties" in chain[:-1] else chain[-1]
    if isinstance(expr, ColumnRef):
        return expr.shown or expr.name
    return print_hogql(expr)


def print_hogql(node: Any) -> str:
    """The text of an expression or a query; `filled` puts the variables' values in."""
    if isinstance(node, nodes.SelectQuery):
        return _select(node)
    if isinstance(node, nodes.SelectSetQuery):
        return _select_set(node)
    if isinstance(node, VariableValue):
        return f"{_MARK}{node.variable}{_MARK}"
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
    return ", ".join(_inner(expr) for expr in exprs or [])


def _inner(node: Any) -> str:
    """A part of something else: a query among values needs brackets of its own."""
    text = print_hogql(node)
    return f"({text})" if isinstance(node, nodes.SelectQuery | nodes.SelectSetQuery) else text


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
    left, right = _inner(node.left), _inner(node.right)
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
    text = f"{_inner(node.expr)} {node.order}{nulls}"
    if (fill := node.with_fill) is None:
        return text
    bounds = _clauses(("FROM", fill.from_value), ("TO", fill.to_value), ("STEP", fill.step_value))
    return " ".join([text, "WITH FILL", *bounds])


def _select_set(node: nodes.SelectSetQuery) -> str:
    text = _bracketed(node.initial_select_query)
    for following in node.subsequent_select_queries:
        text += f" {following.set_operator} {_bracketed(following.select_query)}"
    order = ["ORDER BY " + ", ".join(map(_order, node.order_by))] if node.order_by else []
    text = f"({text})" if order or node.limit is not None or node.offset is not None else text
    return " ".join([text, *order, *_clauses(("LIMIT", node.limit), ("OFFSET", node.offset))])


def _bracketed(node: Any) -> str:
    """A SELECT of a set: one whose end could be taken for the set's stands in brackets."""
    ended = isinstance(node, nodes.SelectQuery) and not (node.order_by or node.limit or node.offset or node.ctes)
    return print_hogql(node) if ended else f"({print_hogql(node)})"


def _select(node: nodes.SelectQuery) -> str:
    parts = [_with(node), "SELECT DISTINCT" if node.distinct else "SELECT", ", ".join(map(_column, node.select))]
    if node.select_from:
        parts.append("FROM " + _joins(node.select_from))
    if node.array_join_list:
        parts.append(f"{node.array_join_op} {_list(node.array_join_list)}")
    parts += _clauses(("PREWHERE", node.prewhere), ("WHERE", node.where))
    if node.group_by or node.group_by_mode:
        parts.append("GROUP BY " + _group_by(node))
    parts += _clauses(("HAVING", node.having), ("QUALIFY", node.qualify))
    if node.window_exprs:
        named = (f"{identifier(name)} AS ({_window(w)})" for name, w in node.window_exprs.items())
        parts.append("WINDOW " + ", ".join(named))
    return " ".join(filter(None, [*parts, *_end(node)]))


def _with(node: nodes.SelectQuery) -> str:
    if not node.ctes:
        return ""
    recursive = "RECURSIVE " if any(cte.recursive for cte in node.ctes.values()) else ""
    return f"WITH {recursive}{', '.join(map(_cte, node.ctes.values()))}"


def _clauses(*clauses: tuple[str, nodes.Expr | None]) -> list[str]:
    return [f"{word} {_inner(expr)}" for word, expr in clauses if expr is not None]


def _group_by(node: nodes.SelectQuery) -> str:
    mode, columns = node.group_by_mode, _list(node.group_by)
    if mode in {"cube", "rollup"}:
        return f"{mode.upper()}({columns})"
    if mode == "grouping_sets":
        return f"GROUPING SETS ({columns})"
    return columns or str(mode).upper()


def _end(node: nodes.SelectQuery) -> list[str]:
    """ORDER BY and the limits."""
    parts = ["ORDER BY " + ", ".join(map(_order, node.order_by))] if node.order_by else []
    if node.interpolate:
        parts.append(f"INTERPOLATE ({', '.join(map(_interpolated, node.interpolate))})")
    if by := node.limit_by:
        skip = f" OFFSET {_inner(by.offset_value)}" if by.offset_value is not None else ""
        parts.append(f"LIMIT {_inner(by.n)}{skip} BY {_list(by.exprs)}")
    if node.limit is not None:
        percent, ties = "%" if node.limit_percent else "", " WITH TIES" if node.limit_with_ties else ""
        parts.append(f"LIMIT {_inner(node.limit)}{percent}{ties}")
    return parts + _clauses(("OFFSET", node.offset))


def _interpolated(node: nodes.InterpolateExpr) -> str:
    return _inner(node.expr) + (f" AS {_inner(node.value)}" if node.value else "")


def _columns(node: nodes.ColumnsExpr) -> str:
    if node.all_columns:
        return f"* EXCLUDE ({', '.join(map(identifier, node.exclude or []))})"
    return f"COLUMNS({literal(node.regex) if node.regex is not None else _list(node.columns)})"


def _column(node: nodes.Expr) -> str:
    return _inner(node.expr if isinstance(node, nodes.Alias) and node.hidden else node)


def _cte(node: nodes.CTE) -> str:
    if node.cte_type == "column":
        text = _inner(node.expr)
        return f"{f'({text})' if isinstance(node.expr, nodes.Lambda) else text} AS {identifier(node.name)}"
    return f"{identifier(node.name)} AS ({print_hogql(node.expr)})"


def _joins(node: nodes.JoinExpr) -> str:
    table = node.table
    text = (
        f"({print_hogql(table)})"
        if isinstance(table, nodes.SelectQuery | nodes.SelectSetQuery | nodes.ValuesQuery)
        else print_hogql(table)
    )
    if node.table_args is not None:
        text += f"({_list(node.table_args)})"
    if node.alias and node.alias != text:
        text += f" AS {identifier(node.alias)}"
    if node.column_aliases:
        text += f"({', '.join(map(identifier, node.column_aliases))})"
    if node.constraint:
        text += f" {node.constraint.constraint_type} {print_hogql(node.constraint.expr)}"
    if node.next_join:
        text += f" {node.next_join.join_type} {_joins(node.next_join)}"
    return text


_PRINTERS: dict[type, Callable[[Any], str]] = {
    nodes.Field: lambda n: _chain(n.chain),
    nodes.Alias: lambda n: f"{_inner(n.expr)} AS {identifier(n.alias)}",
    nodes.Call: _call,
    nodes.ExprCall: lambda n: f"{print_hogql(n.expr)}({_list(n.args)})",
    nodes.And: lambda n: f"and({_list(n.exprs)})",
    nodes.Or: lambda n: f"or({_list(n.exprs)})",
    nodes.Not: lambda n: f"not({_inner(n.expr)})",
    nodes.CompareOperation: _compare,
    nodes.ArithmeticOperation: lambda n: f"{_ARITHMETIC[n.op]}({_inner(n.left)}, {_inner(n.right)})",
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
    nodes.GroupingSet: lambda n: f"({_list(n.exprs)})",
    nodes.ColumnsExpr: _columns,
    nodes.ValuesQuery: lambda n: "VALUES " + ", ".join(f"({_list(row)})" for row in n.rows),
    nodes.HogQLXTag: lambda n: f"<{n.kind} />",
    ColumnRef: lambda n: f"{identifier(n.source)}.{identifier(n.name)}",
    NameRef: lambda n: identifier(n.name),
    PropertyRef: lambda n: print_hogql(n.base) + "".join(f".{identifier(part)}" for part in n.path),
    TableRef: lambda n: _chain(n.table.name.split(".")),
    FunctionRef: lambda n: f"{n.name}({_list(n.args)})",
    CteRef: lambda n: identifier(n.name),
}
