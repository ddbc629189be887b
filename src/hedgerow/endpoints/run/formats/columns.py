"""How columns of the engine's types are written: what is made text or JSON first, and the Arrow types they have."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from hedgerow.engine.base import Column
from hedgerow.engine.statements import quoted

_CALL = re.compile(r"(\w+)(?:\((.*)\))?\Z", re.DOTALL)
_PLAIN = {
    **{f"{sign}Int{size}": getattr(pa, f"{sign.lower()}int{size}")() for sign in ("", "U") for size in (8, 16, 32, 64)},
    "Float32": pa.float32(), "Float64": pa.float64(), "Bool": pa.bool_(), "String": pa.string(),
    "Date": pa.date32(), "Date32": pa.date32(),
}  # fmt: skip
_AS_TEXT = frozenset(
    {"UUID", "IPv4", "IPv6", "Enum8", "Enum16", "FixedString", "Int128", "Int256", "UInt128", "UInt256", "Time",
     "Time64", "Nothing"}
)  # fmt: skip
_CONTAINERS = frozenset({"Array", "Tuple", "Map", "Nested", "JSON", "Object", "Dynamic", "Variant"})
_UNITS = ((0, "s"), (3, "ms"), (6, "us"), (9, "ns"))


class _NotCarried(Exception):
    """No Arrow type holds the type's values: they are written as JSON."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A column in Arrow: the engine's type that it is converted to, and what that is in Arrow."""

    engine: str
    arrow: pa.DataType
    nullable: bool = False


def as_text(columns: Sequence[Column]) -> str:
    """The select list that makes columns ready for CSV: texts are UTF-8, lists and objects are JSON."""
    return _replacing({column.name: _written(column) for column in columns})


def as_arrow(columns: Sequence[Column]) -> tuple[str, pa.Schema]:
    """The select list that makes columns ready for Arrow, and the schema they have then."""
    fields: list[pa.Field] = []
    changes: dict[str, str | None] = {}
    for column in columns:
        try:
            carried = carry(column.type)
        except _NotCarried:
            carried = Carried("String", pa.string(), nullable=True)
            changes[column.name] = _json(column)
        else:
            changes[column.name] = _converted(column, carried)
        fields.append(pa.field(column.name, carried.arrow, carried.nullable))
    return _replacing(changes), pa.schema(fields)


def carry(kind: str) -> Carried:
    """How Arrow holds an engine's type."""
    head, arguments = _parted(kind)
    if head in _PLAIN:
        return Carried(kind, _PLAIN[head])
    if head in _AS_TEXT:
        return Carried("String", pa.string())
    if head == "BFloat16":
        return Carried("Float32", pa.float32())
    if head.startswith("Interval"):
        return Carried("Int64", pa.int64())
    if head == "Decimal":
        digits, scale = int(arguments[0]), int(arguments[1])
        return Carried(kind, pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale))
    if head in ("DateTime", "DateTime64"):
        return _instant(head, arguments)
    return _around(head, arguments)


def _instant(head: str, arguments: Sequence[str]) -> Carried:
    digits = int(arguments[0]) if head == "DateTime64" else 0
    zone = next((each.strip("'") for each in arguments if each.startswith("'")), "UTC")
    places, unit = next((places, unit) for places, unit in _UNITS if places >= digits)
    return Carried(f"DateTime64({places}, '{zone}')", pa.timestamp(unit, zone))


def _around(head: str, arguments: Sequence[str]) -> Carried:
    """Types made of others."""
    if head == "Nullable":
        inner = carry(arguments[0])
        return Carried(f"Nullable({inner.engine})", inner.arrow, nullable=True)
    if head == "LowCardinality":
        inner = carry(arguments[0])
        unchanged = inner.engine == arguments[0]
        return Carried(f"LowCardinality({inner.engine})" if unchanged else inner.engine, inner.arrow, inner.nullable)
    if head == "SimpleAggregateFunction":
        return carry(arguments[1])
    if head == "Array":
        inner = carry(arguments[0])
        return Carried(f"Array({inner.engine})", pa.list_(pa.field("item", inner.arrow, inner.nullable)))
    if head == "Map":
        key, value = carry(arguments[0]), carry(arguments[1])
        made = pa.map_(key.arrow, pa.field("value", value.arrow, value.nullable))
        return Carried(f"Map({key.engine}, {value.engine})", made)
    if head == "Tuple" and arguments:
        return _struct(arguments)
    raise _NotCarried


def _struct(elements: Sequence[str]) -> Carried:
    kinds, fields = [], []
    for place, element in enumerate(elements, 1):
        name, kind = _named(element)
        carried = carry(kind)
        kinds.append(f"{quoted(name)} {carried.engine}" if name else carried.engine)
        fields.append(pa.field(name or str(place), carried.arrow, carried.nullable))
    return Carried(f"Tuple({', '.join(kinds)})", pa.struct(fields))


def _replacing(changes: Mapping[str, str | None]) -> str:
    made = [f"{change} AS {quoted(name)}" for name, change in changes.items() if change is not None]
    return f"* REPLACE ({', '.join(made)})" if made else "*"


def _written(column: Column) -> str | None:
    kind = _unwrapped(column.type)
    head, _ = _parted(kind)
    if head in _CONTAINERS or head in ("Point", "Ring", "LineString", "Polygon", "MultiPolygon", "MultiLineString"):
        return _json(column)
    if head == "String":
        return f"toValidUTF8({quoted(column.name)})"
    return f"toValidUTF8(toString({quoted(column.name)}))" if head == "FixedString" else None


def _converted(column: Column, carried: Carried) -> str | None:
    name = quoted(column.name)
    if _unwrapped(column.type) == "String":
        return f"toValidUTF8({name})"
    if column.type in ("Array(String)", "Array(Nullable(String))"):
        return f"arrayMap(each -> toValidUTF8(each), {name})"
    if carried.engine == column.type:
        return None
    made = f"CAST({name}, {_quoted_text(carried.engine)})"
    return f"toValidUTF8({made})" if _parted(_unwrapped(column.type))[0] == "FixedString" else made


def _json(column: Column) -> str:
    """Its values as JSON, NULL as NULL."""
    name = quoted(column.name)
    return f"if(isNull({name}), NULL, toValidUTF8(toJSONString({name})))"


def _quoted_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unwrapped(kind: str) -> str:
    while kind.startswith(("Nullable(", "LowCardinality(")):
        kind = kind.partition("(")[2][:-1]
    return kind


def _parted(kind: str) -> tuple[str, list[str]]:
    """`Map(String, Array(UInt8))` as its head and its arguments."""
    found = _CALL.match(kind.strip())
    if found is None:
        raise _NotCarried
    return found[1], _split(found[2]) if found[2] else []


def _split(text: str) -> list[str]:
    """At the commas that are neither inside brackets nor inside quotes."""
    parts, depth, quote, begin, place = [], 0, "", 0, 0
    while place < len(text):
        character = text[place]
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'`":
            quote = character
        elif character == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
        else:
            depth += (character == "(") - (character == ")")
        place += 1
    return [*parts, text[begin:].strip()]


def _named(element: str) -> tuple[str, str]:
    """A tuple's element: its name, if it has one, and its type."""
    if element.startswith("`"):
        end = re.match(r"`(?:[^`\\]|\\.)*`", element)
        if end is None:
            raise _NotCarried
        name = re.sub(r"\\(.)", r"\1", end[0][1:-1])
        return name, element[end.end() :].strip()
    found = re.match(r"(\w+) +(\S.*)\Z", element, re.DOTALL)
    return (found[1], found[2]) if found else ("", element)
