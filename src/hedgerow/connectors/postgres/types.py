"""PostgreSQL's types: as Arrow, in which form a COPY is to send them, and as a cursor."""

from dataclasses import dataclass
from typing import Any, get_args

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.base import CursorType, Refused
from hedgerow.connectors.postgres.cells import Cells, Unreadable
from hedgerow.connectors.postgres.values import Wire, column

INSTANT = pa.timestamp("us", "UTC")
MOMENT = pa.timestamp("us")
FREE_NUMERIC = pa.decimal256(76, 20)
"""What `numeric` without a precision is: 56 digits before the point and 20 after it, products still fit."""

_PLAIN: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": MOMENT,
    "timestamptz": INSTANT,
    "bytea": pa.binary(),
    "xid": pa.int64(),
}
_ELEMENTS: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float64(),
    "float8": pa.float64(),
}
_CURSORS: dict[str, CursorType] = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "datetime",
    "xid": "xid",
}
INCLUSIVE = frozenset({"date", "xid"})
_WIRES: dict[str, Wire] = {
    **{name: name for name in get_args(Wire) if name not in ("uint4", "bytes", "numeric", "timestamp", "text")},
    **dict.fromkeys(("oid", "xid"), "uint4"),
    **dict.fromkeys(("timestamp", "timestamptz"), "timestamp"),
    **dict.fromkeys(("text", "varchar", "json"), "text"),
    "bytea": "bytes",
}
_MOST_DIGITS = 18  # of numbers that a 64-bit integer holds


@dataclass(frozen=True, slots=True)
class PgType:
    """A column's type: `base` is the internal name beneath domains, or the element's where `dimensions` is not 0.

    Only PostgreSQL's own types have plain names; those of others are told with their schemas, and their quotes.
    """

    base: str
    dimensions: int
    precision: int | None = None
    scale: int | None = None

    @property
    def arrow(self) -> pa.DataType:
        """As `base.RemoteColumn.arrow_type`."""
        if self.dimensions > 1:
            return pa.string()
        if self.dimensions == 1:
            return pa.list_(_ELEMENTS.get(self.base, pa.string()))
        if self.base == "numeric":
            return self._numeric
        return FREE_NUMERIC if self.base == "money" else _PLAIN.get(self.base, pa.string())

    @property
    def cursor(self) -> CursorType | None:
        """What kind of cursor it makes."""
        return _CURSORS.get(self.base) if self.dimensions == 0 else None

    @property
    def wire(self) -> Wire:
        """The form in which `written` comes."""
        if self.dimensions:
            return "text"
        if self.base == "numeric":
            return "numeric" if self._numeric.precision <= _MOST_DIGITS else "text"
        return _WIRES.get(self.base, "text")

    def written(self, column: str) -> str:
        """SQL for the column (given as quoted) in the form of `wire`."""
        if self.dimensions:
            return f"array_to_json({column})::text"
        if self.wire != "text" or self.base in _WIRES:
            return column
        if self.base == "money":
            return f"round({column}::numeric, 20)::text"
        if self.base == "numeric":  # no decimal is NaN or infinite
            finite = f"CASE WHEN {column}::text IN ('NaN', 'Infinity', '-Infinity') THEN NULL ELSE {column} END"
            return f"{finite}::text" if self._numeric != FREE_NUMERIC else f"round({finite}, 20)::text"
        if self.base == "bpchar":
            return f"{column}::text"  # without the blanks that fill it up
        # As the type itself writes it: a cast to text may be another thing. Rows of nulls are no nulls.
        return f"CASE WHEN num_nonnulls({column}) = 1 THEN concat({column}) END"

    def read(self, name: str, found: Cells) -> pa.Array:
        """What came as `wire`, as the `arrow` type."""
        try:
            if self.wire != "text":
                return column(found, self.wire, self.arrow)
            values = column(found, "text", pa.string())
            if pa.types.is_list(self.arrow):
                return pa.array([_elements(v, self.arrow.value_type) for v in values.to_pylist()], self.arrow)
            return pc.cast(values, self.arrow)
        except (pa.ArrowInvalid, pa.ArrowTypeError, Unreadable, ValueError) as error:
            raise Refused(f"Column {name} holds a value that is not {self.arrow}: {error}") from error

    @property
    def _numeric(self) -> pa.DataType:
        if self.precision is None or self.scale is None or not 0 <= self.scale <= self.precision <= 76:
            return FREE_NUMERIC
        return (
            pa.decimal128(self.precision, self.scale)
            if self.precision <= 38
            else pa.decimal256(self.precision, self.scale)
        )


def _elements(text: str | None, element: pa.DataType) -> list[Any] | None:
    if text is None:
        return None
    found: list[Any] = orjson.loads(text)
    if element == pa.string():
        return [v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in found]
    if pa.types.is_floating(element):
        return [None if v is None else float(v) for v in found]  # JSON has "NaN" and "Infinity" as text
    return found
