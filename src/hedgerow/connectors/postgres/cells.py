"""PostgreSQL's binary rows, found apart: where each value of a column lies, of all rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hedgerow.connectors.postgres.copying import Lines

Numbers: TypeAlias = NDArray[Any]
_PADDING = 64
_LEAD = 4  # the bytes before each value, that tell its size


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

    def pieces(self, size: int) -> Numbers:
        """So many bytes from the begin of each value: a row of bytes for each."""
        found: Numbers = _anywhere(self.content, f"V{size}")[self.at].view(np.uint8).reshape(-1, size)
        return found

    def must_be(self, size: int) -> None:
        """Raise unless all values have that size."""
        if not ((self.sizes == size) | (self.sizes < 0)).all():
            raise Unreadable(f"a value of another size than {size} bytes")

    def array(self, values: Numbers, kind: pa.DataType, also_null: Numbers | None = None) -> pa.Array:
        """The numbers of a kind whose values Arrow keeps as they are here, each of a fixed width."""
        valid = validity(self.nulls if also_null is None else (self.sizes < 0) | also_null)
        return pa.Array.from_buffers(kind, len(self.at), [valid, pa.py_buffer(values)])

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


@dataclass(frozen=True)
class Block(Cells):
    """A column of values of one size, none of them null, that were taken out of `content` together with others.

    `taken` has a row of bytes for each row; the values begin in it at `place` and take `width` of them.
    """

    taken: Numbers
    place: int
    width: int

    @property
    def nulls(self) -> Numbers | None:
        return None

    def values(self, kind: str, behind: int = 0) -> Numbers:
        found: Numbers = self.pieces(behind + np.dtype(kind).itemsize)[:, behind:].view(kind)[:, 0]
        return found

    def pieces(self, size: int) -> Numbers:
        return self.taken[:, self.place : self.place + size]

    def must_be(self, size: int) -> None:
        if size != self.width:
            raise Unreadable(f"a value of another size than {size} bytes")


def cells(lines: Lines, widths: Sequence[int | None]) -> Iterator[Cells]:
    """The columns of these rows in order; raises `Unreadable` when rows are not of so many.

    `widths`: what a value of each column takes where it is no null, `None` where that differs.
    """
    reading = _Reading(lines, sum(_LEAD + (width or 0) for width in widths))
    reading.begin(len(widths))
    column = 0
    while column < len(widths):
        fixed = next((n for n, width in enumerate(widths[column:]) if width is None), len(widths) - column)
        known = [width for width in widths[column : column + fixed] if width is not None]
        if fixed and (blocks := reading.together(known)) is not None:
            yield from blocks
        else:
            for _ in range(fixed):
                yield reading.one()
        column += fixed
        if column < len(widths):
            yield reading.one()
            column += 1
    reading.end()


class _Reading:
    """Goes along the rows, all of them at once; `_at` is where in `content` each of them has been read to."""

    def __init__(self, lines: Lines, padding: int) -> None:
        sizes = np.array(lines.sizes, np.int64)
        self._ends = np.cumsum(sizes)
        lines.content.extend(bytes(max(_PADDING, padding)))
        self._content = np.frombuffer(lines.content, np.uint8)
        self._at = self._ends - sizes

    def begin(self, columns: int) -> None:
        if (_anywhere(self._content, ">i2")[self._at] != columns).any():
            raise Unreadable("a row of another number of values")
        self._at += 2

    def one(self) -> Cells:
        """The next column."""
        widths = _anywhere(self._content, ">i4")[self._at].astype(np.int64)
        here = self._at + _LEAD
        self._go_to(here + np.maximum(widths, 0))
        return Cells(self._content, here, widths)

    def together(self, widths: Sequence[int]) -> list[Block] | None:
        """The next columns, of values of these sizes; `None` where one of them is null, or of another size."""
        whole = sum(widths) + _LEAD * len(widths)
        taken = Cells(self._content, self._at, self._at).pieces(whole)
        blocks, place = [], 0
        for width in widths:
            lead = taken[:, place : place + _LEAD].view("<u4")[:, 0]
            if (lead != int.from_bytes(width.to_bytes(_LEAD, "big"), "little")).any():
                return None
            place += _LEAD
            sizes = np.broadcast_to(width, len(taken))
            blocks.append(Block(self._content, self._at + place, sizes, taken, place, width))
            place += width
        self._go_to(self._at + whole)
        return blocks

    def end(self) -> None:
        if (self._at != self._ends).any():
            raise Unreadable("a row that is longer than its values")

    def _go_to(self, at: Numbers) -> None:
        if (at > self._ends).any():
            raise Unreadable("a value that is longer than its row")
        self._at = at


def _anywhere(content: Numbers, kind: str) -> Numbers:
    """The numbers of a kind that begin at each byte."""
    width = np.dtype(kind).itemsize
    return np.ndarray((len(content) - width + 1,), kind, buffer=content, strides=(1,))


def validity(nulls: Numbers | None) -> pa.Buffer | None:
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
