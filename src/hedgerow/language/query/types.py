"""Types: what the engine's type texts mean to HogQL and to the API."""

import re
from functools import lru_cache

_WRAPPER = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)\Z", re.DOTALL)
_API_NAMES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Int", "UInt"), "integer"),
    (("Float", "BFloat"), "float"),
    (("Decimal",), "decimal"),
    (("Bool",), "boolean"),
    (("DateTime",), "datetime"),
    (("Date",), "date"),
    (("Array",), "array"),
    (("Map", "Tuple", "JSON", "Object", "Nested", "Variant", "Dynamic"), "json"),
    (("String", "FixedString", "Enum", "UUID", "IPv4", "IPv6"), "string"),
)


@lru_cache(4096)
def bare(clickhouse_type: str) -> str:
    """The type without `Nullable` and `LowCardinality` around it."""
    while found := _WRAPPER.match(clickhouse_type):
        clickhouse_type = found[1]
    return clickhouse_type


@lru_cache(4096)
def api_type(clickhouse_type: str) -> str:
    """`integer`, `float`, `decimal`, `string`, `datetime`, `date`, `boolean`, `array`, `json` or `unknown`."""
    plain = bare(clickhouse_type)
    for prefixes, name in _API_NAMES:
        if plain.startswith(prefixes):
            return name
    return "unknown"


def is_nullable(clickhouse_type: str) -> bool:
    """Whether a value of the type may be NULL; a type that is not known may."""
    return (
        not clickhouse_type
        or "Nullable(" in clickhouse_type.split("Array(", maxsplit=1)[0]
        or clickhouse_type in _LOOSE
    )


def absent(clickhouse_type: str) -> str:
    """The type of a column that a join may leave without a value; what cannot be NULL stays."""
    if clickhouse_type.startswith("LowCardinality("):
        return f"LowCardinality({absent(clickhouse_type[15:-1])})"
    if is_nullable(clickhouse_type) or clickhouse_type.startswith(_NEVER_NULLABLE):
        return clickhouse_type
    return f"Nullable({clickhouse_type})"


_NEVER_NULLABLE = ("Array", "Map", "Tuple", "JSON", "Variant", "AggregateFunction", "Nested", "Object")
_LOOSE = frozenset({"Dynamic", "Nothing"})


_CASTS = {
    "int": "Int64", "integer": "Int64", "bigint": "Int64", "smallint": "Int16", "tinyint": "Int8", "text": "String",
    "varchar": "String", "char": "String", "string": "String", "float": "Float64", "double": "Float64",
    "real": "Float32", "decimal": "Decimal(38, 10)", "numeric": "Decimal(38, 10)", "bool": "Bool", "boolean": "Bool",
    "date": "Date", "date32": "Date32", "datetime": "DateTime", "timestamp": "DateTime64(6)",
    "datetime64": "DateTime64(6)",
    "uuid": "UUID", "json": "String", "ipv4": "IPv4", "ipv6": "IPv6",
    **{f"{sign}int{size}": f"{sign.upper()}Int{size}" for sign in ("", "u") for size in (8, 16, 32, 64, 128, 256)},
    **{f"float{size}": f"Float{size}" for size in (32, 64)},
}  # fmt: skip
_WITH_TYPES = {
    "array": "Array",
    "nullable": "Nullable",
    "tuple": "Tuple",
    "map": "Map",
    "lowcardinality": "LowCardinality",
}
_WITH_NUMBERS = {
    "decimal": "Decimal", "numeric": "Decimal", "decimal32": "Decimal32", "decimal64": "Decimal64",
    "decimal128": "Decimal128", "datetime64": "DateTime64", "datetime": "DateTime", "fixedstring": "FixedString",
}  # fmt: skip
_LONGEST_CAST = 500
_NUMBERS = re.compile(r"\d{1,3}(?:, ?\d{1,3})?(?:, ?'[A-Za-z0-9_+/-]+')?\Z|'[A-Za-z0-9_+/-]+'\Z")


def cast_type(name: str) -> str | None:
    """The engine's type for a type written in a cast, in any case; `None` if not allowed."""
    if len(name) > _LONGEST_CAST:
        return None
    if (plain := _CASTS.get(name.lower())) is not None:
        return plain
    head, found, rest = name.lower().partition("(")[0], *name.partition("(")[1:]
    if not found or not rest.endswith(")"):
        return None
    inner = rest[:-1]
    if head in _WITH_NUMBERS:
        return f"{_WITH_NUMBERS[head]}({inner})" if _NUMBERS.match(inner) else None
    if head not in _WITH_TYPES:
        return None
    parts = [cast_type(part) for part in _split(inner)]
    return None if None in parts else f"{_WITH_TYPES[head]}({', '.join(map(str, parts))})"


def _split(text: str) -> list[str]:
    """At the commas that are not inside brackets."""
    parts, depth, begin = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [*parts, text[begin:].strip()]
