"""A property compared with a number or a truth value is read as one: on its own it is text."""

from hedgerow.language.query.resolved import PropertyRef
from hedgerow.language.query.types import bare
from hedgerow.language.query.typing_rules import type_of
from hedgerow.language.syntax import nodes

_NUMBERS = ("Int", "UInt", "Float", "Decimal")


def read_alike(left: nodes.Expr, right: nodes.Expr) -> tuple[nodes.Expr, nodes.Expr]:
    """Both sides of a comparison, a property of unknown type turned into what the other side is."""
    return _read_as(left, _kind(right)), _read_as(right, _kind(left))


def _read_as(expr: nodes.Expr, kind: str) -> nodes.Expr:
    if not kind or not isinstance(expr, PropertyRef) or expr.kind not in {"text", "json"}:
        return expr
    return nodes.Call("accurateCastOrNull", [expr, nodes.Constant(kind)], span=expr.span)


def _kind(expr: nodes.Expr) -> str:
    """`Float64`, `Bool`, or "" for what a text can be compared with as it is."""
    if isinstance(expr, nodes.Tuple | nodes.Array):
        kinds = {_kind(item) for item in expr.exprs}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(expr, nodes.Constant) and isinstance(expr.value, list):
        kinds = {_kind(nodes.Constant(item)) for item in expr.value if isinstance(item, str | int | float)}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(expr, nodes.ArithmeticOperation):
        return "Float64" if _kind(expr.left) == _kind(expr.right) == "Float64" else ""
    plain = bare(type_of(expr))
    return "Float64" if plain.startswith(_NUMBERS) else "Bool" if plain == "Bool" else ""
