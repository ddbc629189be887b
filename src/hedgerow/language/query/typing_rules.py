"""What is known of an expression's type: enough for paths into values and for comparing with NULL."""

from hedgerow.language.query import functions
from hedgerow.language.query.resolved import ColumnRef, NameRef, PropertyRef
from hedgerow.language.query.types import bare, cast_type, is_nullable
from hedgerow.language.syntax import nodes

_CONSTANTS: tuple[tuple[type, str], ...] = ((bool, "Bool"), (int, "Int64"), (float, "Float64"), (str, "String"))
_SAME_AS_ARGUMENT = frozenset(
    {"any", "anyLast", "min", "max", "assumeNotNull", "toNullable", "materialize", "identity"}
)
_MADE = {
    **dict.fromkeys(("map", "mapFromArrays", "mapAdd", "mapSubtract", "mapFilter", "mapApply", "mapUpdate"), "Map"),
    **dict.fromkeys(("mapConcat", "mapSort", "mapReverseSort", "mapExtractKeyLike"), "Map"),
}
_TEXTS = frozenset(
    {"toString", "concat", "substring", "lower", "upper", "trim", "replaceAll", "extract", "formatDateTime"}
    | {"JSONExtractString", "JSONExtractRaw", "splitPart", "toJSONString"}
)
_FILLED = frozenset({"ifNull", "coalesce"})


def type_of(expr: nodes.Expr) -> str:
    """The engine's type text, "" when it is not known."""
    if isinstance(expr, ColumnRef | NameRef):
        return expr.type
    if isinstance(expr, nodes.Alias):
        return type_of(expr.expr)
    if isinstance(expr, nodes.Constant):
        return next((name for kind, name in _CONSTANTS if isinstance(expr.value, kind)), "")
    if isinstance(expr, nodes.TypeCast | nodes.TryCast):
        return cast_type(expr.type_name) or ""
    if isinstance(expr, nodes.Call) and expr.name in _SAME_AS_ARGUMENT and expr.args:
        return type_of(expr.args[0])
    if isinstance(expr, nodes.Call):
        return "UInt64" if expr.name.startswith("count") else _MADE.get(expr.name, "")
    if isinstance(expr, nodes.Call) and expr.name in _TEXTS:
        return "Nullable(String)"
    if isinstance(expr, PropertyRef) and expr.kind == "text":
        return "Nullable(String)"
    if isinstance(expr, nodes.ArrayAccess):
        inner = bare(type_of(expr.array))
        return inner[6:-1] if inner.startswith("Array(") else ""
    return ""


def nullable(expr: nodes.Expr) -> bool:
    """Whether the value may be NULL, as far as that can be seen here; in doubt it may."""
    if isinstance(expr, nodes.Constant):
        return expr.value is None
    if isinstance(expr, NameRef):
        return expr.nullable
    if isinstance(expr, ColumnRef):
        return is_nullable(expr.type)
    if isinstance(expr, nodes.Alias):
        return nullable(expr.expr)
    if isinstance(expr, nodes.Call):
        return _call_nullable(expr)
    if isinstance(expr, nodes.ArithmeticOperation):
        return nullable(expr.left) or nullable(expr.right)
    if isinstance(expr, nodes.TypeCast):
        return nullable(expr.expr)
    if isinstance(expr, nodes.Not):
        return nullable(expr.expr)
    return not isinstance(
        expr, nodes.Array | nodes.Tuple | nodes.CompareOperation | nodes.IsDistinctFrom | nodes.Lambda
    )


def _call_nullable(call: nodes.Call) -> bool:
    function = functions.find(call.name)
    if function is not None and function.never_null:
        return False
    if call.name in _FILLED:
        return all(nullable(arg) for arg in call.args)
    if "OrNull" in call.name or call.name in {"nullIf", "toNullable", "toInt", "toFloat", "toUUID"}:
        return True
    return any(nullable(arg) for arg in call.args)
