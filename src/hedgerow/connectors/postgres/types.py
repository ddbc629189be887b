"""PostgreSQL's types: as Arrow, as the SQL that writes a column out so, and as a cursor."""

from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.base import CursorType, Refused

INSTANT = pa.timestamp("us", "UTC")
MOMENT = pa.timestamp("us")
FREE_NUMERIC = pa.decimal256(76, 20)
"""What `numeric` without a precision is: 56 digits before the point and 20 after it, products still fit."""

# What the engine's types hold; infinity is the nearest of them.
_FIRST_DAY, _LAST_DAY = "1900-01-01", "2299-12-31"
_FIRST, _LAST = f"{_FIRST_DAY} 00:00:00", f"{_LAST_DAY} 23:59:59.999999"

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
_BOUNDED = {
    "date": (_FIRST_DAY, _LAST_DAY),
    "timestamp": (_FIRST, _LAST),
    "timestamptz": (f"{_FIRST}+00", f"{_LAST}+00"),
}


@dataclass(frozen=True, slots=True)
class PgType:
    """A column's type: `base` is the internal name beneath domains, or the element's where `dimensions` is not 0."""

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

    def written(self, column: str) -> str:
        """SQL that writes the column (given as quoted) as `read` and Arrow's CSV reader take it."""
        if self.dimensions:
            return f"array_to_json({column})::text"
        if self.base in _BOUNDED:
            low, high = (f"'{bound}'::{self.base}" for bound in _BOUNDED[self.base])
            return f"CASE WHEN {column} < {low} THEN {low} WHEN {column} > {high} THEN {high} ELSE {column} END"
        if self.base == "bytea":
            return f"encode({column}, 'hex')"
        if self.base == "money":
            return f"round({column}::numeric, 20)"
        if self.base == "numeric":
            # No decimal is NaN or infinite; a numeric of a fixed scale is never infinite, and compares in no time.
            if self._numeric != FREE_NUMERIC:
                return f"nullif({column}, 'NaN'::numeric)"
            return (
                f"round(CASE WHEN {column}::text IN ('NaN', 'Infinity', '-Infinity') THEN NULL ELSE {column} END, 20)"
            )
        return f"{column}::text" if self.base == "bpchar" else column  # without the blanks that fill it up

    @property
    def csv(self) -> pa.DataType:
        """The type to read the column's text as."""
        parsed = self.arrow
        if pa.types.is_list(parsed) or pa.types.is_decimal256(parsed) or pa.types.is_binary(parsed):
            return pa.string()
        return parsed

    def read(self, name: str, values: pa.Array) -> pa.Array:
        """What `csv` gave, as the `arrow` type."""
        if self.csv == self.arrow:
            return values
        try:
            if pa.types.is_decimal(self.arrow):
                return pc.cast(values, self.arrow)
            if pa.types.is_binary(self.arrow):
                return pa.array([None if v is None else bytes.fromhex(v) for v in values.to_pylist()], pa.binary())
            return pa.array([_elements(v, self.arrow.value_type) for v in values.to_pylist()], self.arrow)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
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
