"""PostgreSQL's binary rows into Arrow, a column of all rows at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hedgerow.connectors.postgres.copying import Lines

Wire: TypeAlias = Literal[
    "bool", "int2", "int4", "int8", "uint4", "float4", "float8", "date", "timestamp", "numeric", "uuid", "jsonb",
    "text", "bytes",
]  # fmt: skip
"""How a value comes: PostgreSQL's own binary forms, of those that are read here."""

Numbers: TypeAlias = NDArray[Any]
_PADDING = 32
_EPOCH_DAYS = 10_957  # from 1970 to 2000, where PostgreSQL's days begin
_DAY = 86_400_000_000
# What the engine's types hold; infinity is the nearest of it.
_FIRST_DAY, _LAST_DAY = (int(np.datetime64(day, "D").astype(np.int64)) for day in ("1900-01-01", "2299-12-31"))
_GROUP = 4  # a numeric comes as groups of four digits
_POWERS = np.array([10**power for power in range(19)], np.int64)
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), "V2")
_UUID_GROUPS = ((0, 4, 0), (4, 6, 9), (6, 8, 14), (8, 10, 19), (10, 16, 24))


class Unreadable(ValueError):
    """The bytes are not what they should be."""


@dataclass(frozen=True)
class Cells:
    """One column: where each value begins in `content`, and how long it is; less than 0 is null.

    `content` ends with padding, so that reading a null reads some bytes, whatever they are.
    """

    content: Numbers
    at: Numbers
    sizes: Numbers

    @cached_property
    def nulls(self) -> Numbers | None:
        """Which values are null; `None` when none is."""
        found: Numbers = self.sizes < 0
        return found if found.any() else None

    def values(self, kind: str, behind: int = 0) -> Numbers:
        """A number from each value, `behind` its begin; big-endian as it came."""
        found: Numbers = _anywhere(self.content, kind)[self.at + behind]
        return found

    def must_be(self, size: int) -> None:
        """Raise unless all values have that size."""
        if not ((self.sizes == size) | (self.sizes < 0)).all():
            raise Unreadable(f"a value of another size than {size} bytes")

    def array(self, values: Numbers, kind: pa.DataType, also_null: Numbers | None = None) -> pa.Array:
        """The numbers of a kind whose values Arrow keeps as they are here, each of a fixed width."""
        validity = _validity(self.nulls if also_null is None else (self.sizes < 0) | also_null)
        return pa.Array.from_buffers(kind, len(self.at), [validity, pa.py_buffer(values)])

    def bytes(self, skip: int = 0) -> pa.Array:
        """The values without their first bytes, as binary."""
        sizes = np.maximum(self.sizes - skip, 0)
        bounds = np.empty(2 * len(self.at), np.int32)
        np.add(self.at, skip, out=bounds[0::2], casting="unsafe")
        np.add(bounds[0::2], sizes, out=bounds[1::2], casting="unsafe")
        # To Arrow the content is one column: every other value is ours, those between are what lies between.
        whole = pa.Array.from_buffers(
            pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(self.content)]
        )
        ours = np.arange(0, len(bounds), 2, dtype=np.int32)
        return whole.take(pa.array(ours, mask=self.nulls))


def cells(lines: Lines, columns: int) -> Iterator[Cells]:
    """The columns of these rows in order; raises `Unreadable` when rows are not of so many."""
    sizes = np.array(lines.sizes, np.int64)
    ends = np.cumsum(sizes)
    lines.content.extend(bytes(_PADDING))
    content = np.frombuffer(lines.content, np.uint8)
    at = ends - sizes
    if (_anywhere(content, ">i2")[at] != columns).any():
        raise Unreadable("a row of another number of values")
    at += 2
    for _ in range(columns):
        widths = _anywhere(content, ">i4")[at].astype(np.int64)
        here = at + 4
        at = here + np.maximum(widths, 0)
        if (at > ends).any():
            raise Unreadable("a value that is longer than its row")
        yield Cells(content, here, widths)
    if (at != ends).any():
        raise Unreadable("a row that is longer than its values")


def column(found: Cells, wire: Wire, kind: pa.DataType) -> pa.Array:
    """The values that came as `wire`, as that type of Arrow's: text and bytes as string and binary."""
    return _READ[wire](found, kind)


def _anywhere(content: Numbers, kind: str) -> Numbers:
    """The numbers of a kind that begin at each byte."""
    width = np.dtype(kind).itemsize
    return np.ndarray((len(content) - width + 1,), kind, buffer=content, strides=(1,))


def _validity(nulls: Numbers | None) -> pa.Buffer | None:
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))


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
    count, weight, sign = (found.values(">i2", place).astype(np.int64) for place in (0, 2, 4))
    missing = found.sizes < 0
    count[missing] = 0
    if (found.sizes[~missing] != 8 + 2 * count[~missing]).any():
        raise Unreadable("a number of another size than its digits")
    total = np.zeros(len(count), np.int64)
    for group in range(int(count.max(initial=0))):
        here = count > group
        digits = np.where(here, _anywhere(found.content, ">i2")[np.where(here, found.at + 8 + 2 * group, 0)], 0)
        power = _GROUP * (weight - group) + kind.scale
        total += digits * _POWERS[np.clip(power, 0, 18)] // _POWERS[np.clip(-power, 0, 18)]
    negative, positive = sign == 0x4000, sign == 0
    halves = np.empty((len(total), 2), np.int64)
    halves[:, 0] = np.where(negative, -total, total)
    halves[:, 1] = halves[:, 0] >> 63
    return found.array(halves, kind, also_null=~(negative | positive))


def _uuid(found: Cells, kind: pa.DataType) -> pa.Array:
    found.must_be(16)
    raw = found.values("V16").view(np.uint8).reshape(-1, 16)
    text = np.full((len(raw), 36), ord("-"), np.uint8)
    for begin, end, to in _UUID_GROUPS:
        written = _HEX[raw[:, begin:end]].view(np.uint8).reshape(len(raw), -1)
        text[:, to : to + 2 * (end - begin)] = written
    bounds = pa.py_buffer(np.arange(0, 36 * len(raw) + 1, 36, dtype=np.int32))
    return pa.Array.from_buffers(kind, len(raw), [_validity(found.nulls), bounds, pa.py_buffer(text)])


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
