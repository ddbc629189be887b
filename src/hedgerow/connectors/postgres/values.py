"""The forms in which PostgreSQL sends values, each into Arrow, a column of all rows at a time."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.postgres.cells import Cells, Numbers, Unreadable, validity

Wire: TypeAlias = Literal[
    "bool", "int2", "int4", "int8", "uint4", "float4", "float8", "date", "timestamp", "numeric", "uuid", "jsonb",
    "text", "bytes",
]  # fmt: skip
"""How a value comes: PostgreSQL's own binary forms, of those that are read here."""

FIXED: Mapping[Wire, int] = {
    "bool": 1, "int2": 2, "int4": 4, "int8": 8, "uint4": 4, "float4": 4, "float8": 8, "date": 4, "timestamp": 8,
    "uuid": 16,
}  # fmt: skip
"""How many bytes a value takes, of those that all take the same."""
_EPOCH_DAYS = 10_957  # from 1970 to 2000, where PostgreSQL's days begin
_DAY = 86_400_000_000
# What the engine's types hold; infinity is the nearest of it.
_FIRST_DAY, _LAST_DAY = (int(np.datetime64(day, "D").astype(np.int64)) for day in ("1900-01-01", "2299-12-31"))
_NUMERIC_LEAD = 8
_GROUP = 4  # a numeric comes as groups of four digits
_MOST_GROUPS = 8  # of a number that is read here; its type lets it have fewer
_POWERS = np.array([10**power for power in range(19)], np.int64)
_UUID_GROUPS = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))


def column(found: Cells, wire: Wire, kind: pa.DataType) -> pa.Array:
    """The values that came as `wire`, as that type of Arrow's: text and bytes as string and binary."""
    return _READ[wire](found, kind)


def _fixed(wire: str, native: str) -> Callable[[Cells, pa.DataType], pa.Array]:
    width = np.dtype(wire).itemsize

    def read(found: Cells, kind: pa.DataType) -> pa.Array:
        found.must_be(width)
        return found.array(found.values(wire).astype(native), kind)

    return read


def _bool(found: Cells, kind: pa.DataType) -> pa.Array:
    found.must_be(1)
    return found.array(np.packbits(found.values("u1") != 0, bitorder="little"), kind)


def _date(found: Cells, kind: pa.DataType) -> pa.Array:
    found.must_be(4)
    days = found.values(">i4").astype(np.int64) + _EPOCH_DAYS
    return found.array(np.clip(days, _FIRST_DAY, _LAST_DAY).astype(np.int32), kind)


def _timestamp(found: Cells, kind: pa.DataType) -> pa.Array:
    found.must_be(8)
    since = _EPOCH_DAYS * _DAY
    first, last = _FIRST_DAY * _DAY - since, (_LAST_DAY + 1) * _DAY - 1 - since
    return found.array(np.clip(found.values(">i8").astype(np.int64), first, last) + since, kind)


def _numeric(found: Cells, kind: pa.DataType) -> pa.Array:
    """Numerics of at most 18 digits, of which `kind` has as many behind the point; NaN and infinity are null."""
    size = int(found.sizes.max(initial=_NUMERIC_LEAD))
    if size > _NUMERIC_LEAD + 2 * _MOST_GROUPS:
        raise Unreadable("a number of more digits than its type has")
    parts = found.pieces(size + size % 2).view(">i2").astype(np.int64)
    count, weight, sign = (parts[:, place] for place in range(3))
    missing = found.sizes < 0
    count[missing] = 0
    if ((found.sizes != _NUMERIC_LEAD + 2 * count) & ~missing).any():
        raise Unreadable("a number of another size than its digits")
    total = np.zeros(len(count), np.int64)
    for group in range(int(count.max(initial=0))):
        digits = np.where(count > group, parts[:, _NUMERIC_LEAD // 2 + group], 0)
        power = _GROUP * (weight - group) + kind.scale
        digits *= _POWERS[np.clip(power, 0, 18)]
        total += digits if power.min() >= 0 else digits // _POWERS[np.clip(-power, 0, 18)]
    negative, positive = sign == 0x4000, sign == 0
    halves = np.empty((len(total), 2), np.int64)
    halves[:, 0] = np.where(negative, -total, total)
    halves[:, 1] = halves[:, 0] >> 63
    return found.array(halves, kind, also_null=~(negative | positive))


def _hex() -> Numbers:
    """What each two bytes are written as, by the number that they make here."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    pairs = np.arange(65_536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    written = np.stack(
        [digits[pairs[:, 0] >> 4], digits[pairs[:, 0] & 15], digits[pairs[:, 1] >> 4], digits[pairs[:, 1] & 15]], axis=1
    )
    return written.view(np.uint32)[:, 0]


_HEX = _hex()


def _uuid(found: Cells, kind: pa.DataType) -> pa.Array:
    found.must_be(16)
    pairs = np.ascontiguousarray(found.pieces(16)).view(np.uint16)
    written = _HEX[pairs].view(np.uint8)
    text = np.full((len(pairs), 36), ord("-"), np.uint8)
    for begin, end, to in _UUID_GROUPS:
        text[:, to : to + end - begin] = written[:, begin:end]
    bounds = pa.py_buffer(np.arange(0, 36 * len(pairs) + 1, 36, dtype=np.int32))
    return pa.Array.from_buffers(kind, len(pairs), [validity(found.nulls), bounds, pa.py_buffer(text)])


def _jsonb(found: Cells, kind: pa.DataType) -> pa.Array:
    if not ((found.values("u1") == 1) | (found.sizes < 0)).all():
        raise Unreadable("jsonb of a version that is not known here")
    return pc.cast(found.bytes(skip=1), kind)


def _text(found: Cells, kind: pa.DataType) -> pa.Array:
    return pc.cast(found.bytes(), kind)  # looks whether it is UTF-8


def _bytes(found: Cells, kind: pa.DataType) -> pa.Array:
    return found.bytes()


_READ: dict[Wire, Callable[[Cells, pa.DataType], pa.Array]] = {
    "bool": _bool,
    "int2": _fixed(">i2", "i2"),
    "int4": _fixed(">i4", "i4"),
    "int8": _fixed(">i8", "i8"),
    "uint4": _fixed(">u4", "i8"),
    "float4": _fixed(">f4", "f4"),
    "float8": _fixed(">f8", "f8"),
    "date": _date,
    "timestamp": _timestamp,
    "numeric": _numeric,
    "uuid": _uuid,
    "jsonb": _jsonb,
    "text": _text,
    "bytes": _bytes,
}
