"""Types of columns on their way: Arrow's, the engine's, and which of them holds all that another one does."""

import re

import pyarrow as pa

from hedgerow.connectors.numbers import NUMBERS

_DECIMAL = re.compile(r"Decimal\((\d+), (\d+)\)")
_WHOLE = re.compile(r"(U?)Int(8|16|32|64)")
_MOST_DIGITS = 76
_PLAIN: dict[str, pa.DataType] = {
    **NUMBERS,
    "String": pa.string(),
    "Date32": pa.date32(),
    "DateTime64(6, 'UTC')": pa.timestamp("us", "UTC"),
}
_DIGITS = {"8": 3, "16": 5, "32": 10, "64": 20}


def engine_type(kind: pa.DataType) -> str:
    """The engine's type for a column of Arrow's; every column may be null, but a list is empty instead."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_type
        nested = pa.types.is_list(inner) or pa.types.is_large_list(inner)
        return f"Array({engine_type(inner)})" if nested or not pa.types.is_null(inner) else "Array(Nullable(String))"
    return f"Nullable({_scalar(kind)})"


def _scalar(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"Decimal({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "DateTime64(6, 'UTC')"
    return next((name for name, plain in _PLAIN.items() if plain == kind), "String")


def arrow_type(text: str) -> pa.DataType:
    """Arrow's type for one of `engine_type`'s."""
    if text.startswith("Array("):
        return pa.list_(arrow_type(text[6:-1]))
    plain = bare(text)
    if (found := _DECIMAL.fullmatch(plain)) is not None:
        precision, scale = map(int, found.groups())
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    return _PLAIN.get(plain, pa.string())


def bare(text: str) -> str:
    """`Nullable(Int64)` → `Int64`."""
    return text[9:-1] if text.startswith("Nullable(") else text


def widest(one: str, other: str) -> str:
    """The engine's type that the values of both can be turned into: one of them, or text."""
    return next((wide for wide, narrow in ((one, other), (other, one)) if widens(wide, narrow)), "Nullable(String)")


def widens(wide: str, narrow: str) -> bool:
    """Whether values of `narrow` can be turned into `wide` where they are: what it holds, and anything into text."""
    if holds(wide, narrow):
        return True
    if "Array(" in wide or "Array(" in narrow:
        return False
    return bare(wide) == "String" or (bare(wide) == "Float64" and bool(_WHOLE.fullmatch(bare(narrow))))


def holds(wide: str, narrow: str) -> bool:
    """Whether every value of the engine's type `narrow` can be kept, unchanged, as `wide`."""
    wide, narrow = bare(wide), bare(narrow)
    if wide == narrow or (wide, narrow) == ("Float64", "Float32"):
        return True
    whole, number = _WHOLE.fullmatch(narrow), _DECIMAL.fullmatch(wide)
    if whole and number:
        return int(number[1]) - int(number[2]) >= _DIGITS[whole[2]]
    if whole and (larger := _WHOLE.fullmatch(wide)):
        same = whole[1] == larger[1] and int(larger[2]) >= int(whole[2])
        return same or (whole[1] == "U" and larger[1] == "" and int(larger[2]) > int(whole[2]))
    if (was := _DECIMAL.fullmatch(narrow)) and number:
        return int(number[2]) >= int(was[2]) and int(number[1]) - int(number[2]) >= int(was[1]) - int(was[2])
    return False
