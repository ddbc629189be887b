"""Checks of calls: the function exists, has as many arguments as it takes, and aggregates do not nest."""

from collections.abc import Iterator

from hedgerow.language.query import functions
from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.functions import Function
from hedgerow.language.query.types import cast_type
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import children

_NOT_HERE = {
    "matchesAction": "actions are not available: this project has no events",
    "sessionProperty": "sessions are not available: this project has no events",
}


_TYPED = frozenset({"accurateCast", "accurateCastOrNull", "accurateCastOrDefault"})


def check_call(call: nodes.Call) -> None:
    """Raise `QueryFault` for a call that cannot be; `count(*)` becomes `count()`."""
    function = _known(call.name, call)
    if function.aggregate and len(call.args) == 1 and _is_star(call.args[0]):
        call.args = []
    if function.aggregate and call.distinct and not call.args:
        raise QueryFault(f"Aggregation '{call.name}' with DISTINCT expects at least 1 argument, found 0", call)
    _check_arity(function, call.args, call.params, call)
    if function.target in _TYPED:
        _check_type(call)
    if function.name == "exists" and not isinstance(call.args[0], nodes.SelectQuery | nodes.SelectSetQuery):
        raise QueryFault("Function 'exists' takes a sub-query: exists((SELECT …))", call)
    if function.window_only:
        raise QueryFault(f"Window function '{call.name}' needs OVER (…)", call)
    if not function.aggregate:
        _check_scalar(function, call)
        return
    for argument in call.args:
        nested = next(_aggregates(argument), None)
        if nested is not None:
            raise QueryFault(
                f"Aggregation '{nested.name}' cannot be nested inside another aggregation '{call.name}'.", nested
            )


def _check_type(call: nodes.Call) -> None:
    """A type given as text is one a cast may name: a state of an aggregation is bytes the engine would trust."""
    named = call.args[1]
    kind = cast_type(named.value) if type(named) is nodes.Constant and isinstance(named.value, str) else None
    if kind is None:
        raise QueryFault(f"Function '{call.name}' needs the name of a type it may cast to, such as 'Int64'", named)
    call.args[1] = nodes.Constant(kind, span=named.span)


def check_window(call: nodes.WindowFunction) -> None:
    """The same for a function with OVER; two pairs of brackets are parameters and arguments."""
    function = _known(call.name, call)
    if not (function.aggregate or function.window_only):
        raise QueryFault(f"Function '{call.name}' cannot be used with OVER", call)
    args, params = (call.args or [], call.exprs) if call.args else (call.exprs or [], None)
    if len(args) == 1 and _is_star(args[0]):
        args.clear()
    _check_arity(function, args, params, call)


def is_aggregate(name: str) -> bool:
    """Whether a function of that name makes one value of many rows."""
    function = functions.find(name)
    return function is not None and function.aggregate


def has_aggregate(expr: nodes.Expr) -> bool:
    """Whether a value is made of many rows: by an aggregation, or over a window."""
    return next(_aggregates(expr), None) is not None or isinstance(expr, nodes.WindowFunction)


def _known(name: str, node: nodes.Node) -> Function:
    function = functions.find(name)
    if function is not None:
        return function
    if name in _NOT_HERE:
        raise QueryFault(f"Unsupported function call '{name}(...)': {_NOT_HERE[name]}", node)
    near = functions.near(name)
    hint = f". Perhaps you meant '{near}(...)'?" if near else ""
    raise QueryFault(f"Unsupported function call '{name}(...)'{hint}", node)


def _check_scalar(function: Function, call: nodes.Call) -> None:
    if call.distinct:
        raise QueryFault(f"Function '{call.name}' cannot be used with DISTINCT", call)
    if call.filter_expr is not None or call.order_by or call.within_group:
        raise QueryFault(f"FILTER and ORDER BY are for aggregations, '{function.name}' is none", call)


def _check_arity(function: Function, args: list[nodes.Expr], params: list[nodes.Expr] | None, node: nodes.Node) -> None:
    kind = "Aggregation" if function.aggregate else "Function"
    least, most = function.params
    if least and params is None:
        raise QueryFault(f"{kind} '{function.name}' requires parameters in addition to arguments", node)
    if params is not None:
        _check_count(f"{kind} '{function.name}'", "parameter", len(params), (least, most), node)
    _check_count(f"{kind} '{function.name}'", "argument", len(args), (function.least, function.most), node)


def _check_count(who: str, what: str, found: int, bounds: tuple[int, int | None], node: nodes.Node) -> None:
    least, most = bounds
    if least <= found and (most is None or found <= most):
        return
    wanted, prefix = (least, "") if least == most else (least, "at least ") if found < least else (most, "at most ")
    plural = what if wanted == 1 else what + "s"
    raise QueryFault(f"{who} expects {prefix}{wanted} {plural}, found {found}", node)


def _is_star(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.Field) and expr.chain[-1] == "*"


def _aggregates(node: nodes.Node) -> Iterator[nodes.Call]:
    """The aggregations in an expression; a window function or a sub-query is a world of its own."""
    if isinstance(node, nodes.Call):
        function = functions.find(node.name)
        if function is not None and function.aggregate:
            yield node
    if isinstance(node, nodes.SelectQuery | nodes.SelectSetQuery):
        return
    for child in children(node):
        yield from _aggregates(child)
