"""Functions that are not the engine's under another name: each is rewritten into text of its own."""

from collections.abc import Callable, Sequence

from hedgerow.language.query.functions.table import Function

Printed = Sequence[str]
_UTC = "'UTC'"


def _call(name: str, least: int, most: int | None) -> Function:
    return Function(name, "", least, most)


def _of_time(name: str) -> Callable[[Printed], str]:
    """A function of time windows: those take whole seconds only, or a window (then alone)."""
    return lambda args: f"{name}({', '.join([f'toDateTime({args[0]})' if args[1:] else args[0], *args[1:]])})"


REWRITTEN = {
    function.name: function
    for function in (
        _call("toInt", 1, 1),
        _call("toFloat", 1, 1),
        _call("toDecimal", 1, 2),
        _call("toUUID", 1, 1),
        _call("toDate", 1, 2),
        _call("toDateTime", 1, 2),
        _call("exists", 1, 1),
        _call("sparkline", 1, 1),
        _call("splitPart", 3, 3),
        _call("arrayPosition", 2, 2),
        _call("safeDivide", 2, 2),
    )
}
TEXTS: dict[str, Callable[[Printed], str]] = {
    "toInt": lambda args: f"accurateCastOrNull({args[0]}, 'Int64')",
    "toFloat": lambda args: f"accurateCastOrNull({args[0]}, 'Float64')",
    "toDecimal": lambda args: f"toDecimal64OrNull(toString({args[0]}), {args[1] if len(args) > 1 else 4})",
    "toUUID": lambda args: f"accurateCastOrNull({args[0]}, 'UUID')",
    "toDate": lambda args: f"toDate({', '.join(args)})",
    "toDateTime": lambda args: f"toDateTime({args[0]}, {args[1] if len(args) > 1 else _UTC})",
    "exists": lambda args: f"exists{args[0]}" if args[0].startswith("(") else f"exists({args[0]})",
    "sparkline": lambda args: f"tuple('__hx_tag', 'Sparkline', 'data', {args[0]})",
    "splitPart": lambda args: f"arrayElement(splitByString({args[1]}, {args[0]}), {args[2]})",
    "arrayPosition": lambda args: f"indexOf({args[0]}, {args[1]})",
    **{name: _of_time(name) for name in ("tumble", "tumbleStart", "tumbleEnd", "hop", "hopStart", "hopEnd")},
    "safeDivide": lambda args: f"if({args[1]} = 0, NULL, divide({args[0]}, {args[1]}))",
}

# What the text holds after the day is not looked at, so that times in ISO form are days, too.
OF_TEXT: dict[str, Callable[[Printed], str]] = {
    "toDate": lambda args: f"toDateOrNull(substring({args[0]}, 1, 10))",
    "date": lambda args: f"toDateOrNull(substring({args[0]}, 1, 10))",
    "toDateTime": lambda args: f"parseDateTime64BestEffortOrNull({args[0]}, 6, {args[1] if len(args) > 1 else _UTC})",
}
"""What these are when their first argument is known to be text: NULL where it is no date, and no error."""
