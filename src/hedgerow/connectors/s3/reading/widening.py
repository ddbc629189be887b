"""Types of columns over many files: those in use here, the narrowest that holds two of them, and values as it."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.rest.kinds import compact

Schema = Mapping[str, pa.DataType]
"""A file's columns in their order; of `pa.null()` where no value was seen."""

_INSTANT, _LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")
_BITS = (8, 16, 32, 64)
_WHOLE_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
# What the engine's types hold; what lies beyond is the nearest there is.
_LIMITS = (datetime(1900, 1, 1), datetime(2299, 12, 31, 23, 59, 59, 999999))
_BOUNDS = tuple(pa.scalar(each, _LOCAL).cast(pa.int64()) for each in _LIMITS)
_DAYS = tuple(pa.scalar(each.date()).cast(pa.int32()) for each in _LIMITS)


class Misfit(Exception):
    """A file has a column, or a value, that the table's columns do not hold: they must be looked at again."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def plain(kind: pa.DataType) -> pa.DataType:
    """The type in use here for a type of Arrow's."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.string() if str(kind.extension_name) == "arrow.uuid" else plain(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain(kind.value_type)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_date32(kind):
        return kind
    if pa.types.is_floating(kind):
        return pa.float64() if pa.types.is_float64(kind) else pa.float32()
    if pa.types.is_decimal(kind):
        return _decimal(kind.precision, kind.scale)
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind):
        return _INSTANT if kind.tz else _LOCAL
    if _is_bytes(kind):
        return pa.binary()
    return pa.list_(_element(kind.value_type)) if _is_list(kind) and _is_flat(kind.value_type) else pa.string()


def wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The narrowest type that holds the values of both; text at last."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if _is_number(one) and _is_number(other):
        return _wider_number(one, other)
    if {one, other} == {pa.date32(), _LOCAL}:
        return _LOCAL
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(wider(one.value_type, other.value_type))
    return pa.string()


def united(schemas: Sequence[Schema]) -> dict[str, pa.DataType]:
    """The columns of all files, in the order in which they come up."""
    columns: dict[str, pa.DataType] = {}
    for schema in schemas:
        for name, kind in schema.items():
            columns[name] = wider(columns.get(name, pa.null()), kind)
    return columns


def known(schema: Schema) -> dict[str, pa.DataType]:
    """Columns without any value are text."""
    return {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in schema.items()}


def fitting(array: pa.Array, kind: pa.DataType, column: str) -> pa.Array:
    """The values as that type; raises `Misfit` where they do not fit."""
    if isinstance(array, pa.ExtensionArray):
        if str(array.type.extension_name) == "arrow.uuid":
            return pa.array([None if each is None else str(each) for each in array.to_pylist()], pa.string())
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    elif pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    try:
        return _bounded(array if array.type == kind else _cast(array, kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise Misfit(column) from error


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    came = array.type
    if pa.types.is_null(came):
        return pa.nulls(len(array), kind)
    if kind == pa.string():
        return _as_text(array)
    if pa.types.is_timestamp(came) and pa.types.is_timestamp(kind):
        return pc.cast(array, kind, safe=False)  # nanoseconds go
    if _is_list(came) and pa.types.is_list(kind):
        if kind.value_type == pa.string() and not _is_text(came.value_type):
            return pa.array([None if v is None else [_text(e) for e in v] for v in array.to_pylist()], kind)
        return pc.cast(array, kind)
    if _is_text(came) and not _is_bytes(kind):
        raise pa.ArrowInvalid("text is no other type")
    return pc.cast(array, kind)


def _as_text(array: pa.Array) -> pa.Array:
    kind = array.type
    if _is_text(kind):
        return pc.cast(array, pa.string())
    if pa.types.is_nested(kind) or _is_bytes(kind) or pa.types.is_interval(kind):
        return pa.array([_text(value) for value in array.to_pylist()], pa.string())
    if pa.types.is_duration(kind):
        return pc.cast(pc.cast(array, pa.int64()), pa.string())
    if pa.types.is_timestamp(kind):
        array = pc.cast(array, _INSTANT if kind.tz else _LOCAL, safe=False)
        return pc.strftime(array, "%Y-%m-%dT%H:%M:%SZ" if kind.tz else "%Y-%m-%dT%H:%M:%S")
    return pc.cast(array, pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    told = _told(value)
    return told if isinstance(told, str) else compact(told)


def _told(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): _told(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        pairs = bool(value) and all(isinstance(each, tuple) and len(each) == 2 for each in value)
        return {str(name): _told(each) for name, each in value} if pairs else [_told(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None  # JSON knows no such numbers
    try:
        json.dumps(value)
    except TypeError:
        return str(value)
    return value


def _bounded(array: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(array.type):
        ticks, (low, high) = pa.int64(), _BOUNDS
    elif pa.types.is_date32(array.type):
        ticks, (low, high) = pa.int32(), _DAYS
    else:
        return array
    bare = array.view(ticks)
    return pc.min_element_wise(pc.max_element_wise(bare, low, skip_nulls=False), high, skip_nulls=False).view(
        array.type
    )


def _wider_number(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(one) or pa.types.is_floating(other):
        if pa.types.is_decimal(one) or pa.types.is_decimal(other):
            return pa.string()  # neither holds the other's values
        return pa.float64()
    if pa.types.is_decimal(one) or pa.types.is_decimal(other):
        (a, b), (c, d) = _digits(one), _digits(other)
        return _decimal(max(a, c) + max(b, d), max(b, d))
    signed = pa.types.is_signed_integer(one) or pa.types.is_signed_integer(other)
    unsigned = [each.bit_width for each in (one, other) if pa.types.is_unsigned_integer(each)]
    bits = max(one.bit_width, other.bit_width, *(2 * each for each in unsigned if signed))
    if bits > _BITS[-1]:
        return pa.decimal128(20, 0)
    made = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
    positive = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}
    return made[bits] if signed else positive[bits]


def _digits(kind: pa.DataType) -> tuple[int, int]:
    """Before the point, and behind it."""
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return _WHOLE_DIGITS[kind.bit_width], 0


def _decimal(precision: int, scale: int) -> pa.DataType:
    if scale < 0:
        precision, scale = precision - scale, 0
    if precision > 76:
        return pa.string()
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _element(kind: pa.DataType) -> pa.DataType:
    found = plain(kind)
    return found if pa.types.is_integer(found) or pa.types.is_floating(found) or found == pa.bool_() else pa.string()


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_flat(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
