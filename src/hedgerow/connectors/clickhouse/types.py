"""ClickHouse's types: as Arrow, as the SQL that writes a column out so, and as a cursor."""

import re
from dataclasses import dataclass

import pyarrow as pa

from hedgerow.connectors.base import CursorType
from hedgerow.connectors.numbers import NUMBERS

INSTANT = pa.timestamp("us", "UTC")

_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)", re.DOTALL)
_SIMPLE = re.compile(r"SimpleAggregateFunction\(\s*\w+\s*,\s*(.*)\)", re.DOTALL)
_DECIMAL = re.compile(r"Decimal\((\d+), (\d+)\)")
_ARRAY = re.compile(r"Array\((.*)\)", re.DOTALL)
_NESTED = ("Array(", "Map(", "Tuple(", "Nested(", "JSON", "Object(", "Variant(", "Dynamic")
_SHAPES = frozenset({"Point", "Ring", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "Geometry"})


@dataclass(frozen=True, slots=True)
class ChType:
    """A column's type without what wraps it: `base` is `UInt64`, `DateTime64(3, 'UTC')`, `Array(String)`."""

    base: str

    @property
    def arrow(self) -> pa.DataType:
        """As `base.RemoteColumn.arrow_type`."""
        base = self.base
        if (found := _DECIMAL.fullmatch(base)) is not None:
            precision, scale = int(found[1]), int(found[2])
            return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        if base in {"Date", "Date32"}:
            return pa.date32()
        if base.startswith("DateTime"):
            return INSTANT
        if base.startswith("FixedString("):
            return pa.binary()
        if base == "BFloat16":
            return pa.float32()
        if (inner := self._element) is not None:
            return pa.list_(NUMBERS.get(inner.base, pa.string()))
        return NUMBERS.get(base, pa.string())

    @property
    def cursor(self) -> CursorType | None:
        """What kind of cursor it makes."""
        if self.base in NUMBERS and "Int" in self.base:
            return "integer"
        if self.base in {"Date", "Date32"}:
            return "date"
        return "datetime" if self.base.startswith("DateTime") else None

    @property
    def coarse(self) -> bool:
        """Whether more rows may yet come with a value that was seen last: days and seconds."""
        return self.base in {"Date", "Date32"} or self.base.partition("(")[0] == "DateTime"

    @property
    def bound(self) -> str:
        """The type of a parameter that is compared with what `written` gives."""
        return {"date": "Date32", "datetime": "DateTime64(6, 'UTC')"}.get(self.cursor or "", self.base)

    def written(self, column: str) -> str:
        """SQL that writes the column (given as quoted) as its `arrow` type."""
        base = self.base
        if base in NUMBERS or base.startswith(("Decimal(", "FixedString(")):
            return column
        if base in {"Date", "Date32"}:
            return f"toDate32({column})"
        if base.startswith("DateTime"):
            return f"toDateTime64({column}, 6, 'UTC')"
        if base == "BFloat16":
            return f"toFloat32({column})"
        if base == "String":
            return f"toValidUTF8({column})"
        if base.startswith("AggregateFunction("):
            return f"toJSONString(finalizeAggregation({column}))"
        if (inner := self._element) is not None:
            if inner.base in NUMBERS:
                return column
            written = "toValidUTF8(x)" if inner.base == "String" else "toString(x)"
            return f"arrayMap(x -> {written}, {column})"
        if base.startswith(_NESTED) or base in _SHAPES:
            return f"toValidUTF8(toJSONString({column}))"
        return f"toString({column})"

    @property
    def _element(self) -> "ChType | None":
        """The element of an array that is no array of arrays or the like."""
        found = _ARRAY.fullmatch(self.base)
        if found is None:
            return None
        inner = type_of(found[1])
        return None if inner.base.startswith(_NESTED) or inner.base in _SHAPES else inner


def type_of(text: str) -> ChType:
    """The type as `system.columns` writes it, out of its wrapping."""
    text = text.strip()
    while (found := _WRAPPED.fullmatch(text) or _SIMPLE.fullmatch(text)) is not None:
        text = found[1].strip()
    return ChType(text)


def nullable(text: str) -> bool:
    """Whether such a column may hold null."""
    return "Nullable(" in text.partition("Array(")[0]
