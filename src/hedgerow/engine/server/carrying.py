"""How a query's values travel to a server: beside the text as a form, or within it where a form is too small.

Never in the URL: that is short, and proxies write it down.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from hedgerow.engine.parameters import plain
from hedgerow.kit.values import Bound

_CHARACTERS = 30_000  # of one field: a server takes 128 KiB, and a character may have four bytes
_FIELDS = 900  # a server takes 1,000
_PLACE = re.compile(r"""'(?:[^'\\]|\\.)*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" | \{(\w+):[^{}]*\}""", re.S | re.X)


def carried(sql: str, parameters: Mapping[str, Bound]) -> tuple[str, dict[str, Any] | None]:
    """The text to send, and the values to send beside it."""
    if not parameters:
        return sql, None
    if len(sql) < _CHARACTERS and len(parameters) <= _FIELDS and not any(map(_large, parameters.values())):
        return sql, {name: bound.value for name, bound in parameters.items()}
    written: dict[str, str] = {}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in parameters:
            return found[0]
        if name not in written:
            written[name] = _written(parameters[name])
        return written[name]

    return _PLACE.sub(value, sql), None


def _large(bound: Bound) -> bool:
    value = bound.value
    return isinstance(value, str | list | tuple) and (len(value) > _CHARACTERS or len(plain(value)) > _CHARACTERS)


def _written(bound: Bound) -> str:
    """A constant of that value. In base64 it cannot be anything but a value, whatever is in it."""
    if bound.value is None:
        return f"CAST(NULL AS {bound.type})"
    code = b64encode(plain(bound.value).encode()).decode()
    return f"CAST(base64Decode('{code}') AS {bound.type})"
