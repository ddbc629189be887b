"""How bound values are written for the engine: its escaped text form, the same for both engines."""

import math
from collections.abc import Mapping
from typing import Any

from hedgerow.kit.values import Bound

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"}
_PLAIN = str.maketrans(_ESCAPES)
_QUOTED = str.maketrans(_ESCAPES | {"'": "\\'"})


def texts(parameters: Mapping[str, Bound]) -> dict[str, str]:
    """Every parameter's value in the engine's text form."""
    return {name: text(bound.value) for name, bound in parameters.items()}


def text(value: Any) -> str:
    """One value: a string escaped but not quoted, `None` as `\\N`, anything else as a literal."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _sound(value).translate(_PLAIN)
    return _literal(value)


def plain(value: Any) -> str:
    """One value as the engine casts it from a text: a string as it is, anything else as a literal."""
    return _sound(value) if isinstance(value, str) else _literal(value)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_literal, value)) + ")"
    return "'" + _sound(str(value)).translate(_QUOTED) + "'"


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def _sound(value: str) -> str:
    # A lone surrogate has no UTF-8 form; JSON can carry one, the engine cannot.
    return value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else value
