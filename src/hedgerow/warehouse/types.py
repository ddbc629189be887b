"""Column types: the engine's, HogQL's, those `update_schema` takes, and the way from one to another."""

from collections.abc import Mapping

from hedgerow.engine.result import Column
from hedgerow.warehouse.records import KeptColumn

NAMED_TYPES: Mapping[str, str] = {
    "integer": "Nullable(Int64)",
    "float": "Nullable(Float64)",
    "decimal": "Nullable(Decimal(38, 10))",
    "string": "Nullable(String)",
    "datetime": "Nullable(DateTime64(6, 'UTC'))",
    "date": "Nullable(Date32)",
    "boolean": "Nullable(Bool)",
    "array": "Array(Nullable(String))",
    "json": "Nullable(String)",
}
"""What `update_schema` takes, and the engine's type for each; JSON is kept as its text."""

_WRAPPERS = ("Nullable", "LowCardinality")
# Longer names first where one begins with the other.
_FAMILIES: tuple[tuple[str, str], ...] = (
    ("Int", "integer"),
    ("UInt", "integer"),
    ("Float", "float"),
    ("BFloat", "float"),
    ("Decimal", "decimal"),
    ("String", "string"),
    ("FixedString", "string"),
    ("Enum", "string"),
    ("UUID", "string"),
    ("IPv", "string"),
    ("Bool", "boolean"),
    ("DateTime", "datetime"),
    ("Date", "date"),
    ("Time", "string"),
    ("Array", "array"),
    ("Map", "json"),
    ("Tuple", "json"),
    ("JSON", "json"),
    ("Object", "json"),
    ("Variant", "json"),
    ("Dynamic", "json"),
    ("Nothing", "unknown"),
)


def hogql_type(engine_type: str) -> str:
    """`Nullable(Int64)` → `integer`; `unknown` for what has no counterpart."""
    plain = engine_type.strip()
    while (wrapper := next((w for w in _WRAPPERS if plain.startswith(f"{w}(")), None)) is not None:
        plain = plain[len(wrapper) + 1 : -1].strip()
    return next((name for start, name in _FAMILIES if plain.startswith(start)), "unknown")


def storable(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns as a stored table keeps them: a column without any value is text."""
    return tuple(Column(c.name, "Nullable(String)" if "Nothing" in c.type else c.type) for c in columns)


def widened(engine_type: str) -> str | None:
    """The next type that holds more than this one did; `None` after text."""
    plain = engine_type.removeprefix("Nullable(").removesuffix(")")
    if plain == "String":
        return None
    return "Nullable(Float64)" if plain in {"Int64", "UInt64"} else "Nullable(String)"


def kept(columns: tuple[Column, ...]) -> tuple[KeptColumn, ...]:
    """Columns as a table keeps them."""
    return tuple(KeptColumn(c.name, c.type, hogql_type(c.type)) for c in columns)
