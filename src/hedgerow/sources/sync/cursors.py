"""Cursors: the highest value of a column so far, as JSON can keep it, and as connectors take it."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors import CursorValue

_READ: Mapping[str, Any] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "str": str,
}


def kept(value: CursorValue) -> dict[str, Any]:
    """A value as it is stored: its kind and its text."""
    text = value.isoformat() if isinstance(value, date) else repr(value) if isinstance(value, float) else str(value)
    return {"kind": type(value).__name__, "value": text}


def read(stored: Mapping[str, Any]) -> CursorValue:
    """A stored value again."""
    value: CursorValue = _READ[stored["kind"]](stored["value"])
    return value


def highest(column: pa.Array, so_far: CursorValue | None) -> CursorValue | None:
    """The highest of a batch's values and of those before it; nulls do not count."""
    found = pc.max(column).as_py()
    if found is None:
        return so_far
    return found if so_far is None or found > so_far else so_far


def of_text(text: str, kind: pa.DataType) -> CursorValue:
    """A value that the engine wrote as text."""
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_decimal(kind):
        return Decimal(text)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(f"{text}+00:00" if kind.tz else text)
    return date.fromisoformat(text) if pa.types.is_date(kind) else text
