"""The messages of `pgoutput`, version 1, and of the replication protocol around them."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hedgerow.connectors.changes import UNCHANGED, Texts, Unchanged

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN, _COMMIT, _STATUS = struct.Struct(">QqI"), struct.Struct(">BQQq"), struct.Struct(">cQQQqB")
_SHORT, _LONG = struct.Struct(">h"), struct.Struct(">I")
_COLUMN = struct.Struct(">Ii")
_NULL, _SAME, _TEXT = b"nut"


@dataclass(frozen=True, slots=True)
class WireBegin:
    lsn: int
    at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class WireCommit:
    end: int


@dataclass(frozen=True, slots=True)
class WireColumn:
    """`modifier` is what `format_type` takes."""

    name: str
    identity: bool
    type: int
    modifier: int


@dataclass(frozen=True, slots=True)
class WireRelation:
    """What later messages mean by `number`."""

    number: int
    schema: str
    name: str
    columns: tuple[WireColumn, ...]


@dataclass(frozen=True, slots=True)
class WireChange:
    """`whole`: `old` is all of the old row, not its key alone."""

    number: int
    old: Texts | None
    new: Texts | None
    whole: bool = False
    inserted: bool = False


@dataclass(frozen=True, slots=True)
class WireTruncate:
    numbers: tuple[int, ...]


Message = WireBegin | WireCommit | WireRelation | WireChange | WireTruncate


def lsn_of(text: str) -> int:
    """`0/16B3748` as a number."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(lsn: int) -> str:
    """The number as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def status(flushed: int, now: datetime) -> bytes:
    """What a reader tells the server: all before `flushed` is safe."""
    clock = (now - _EPOCH) // timedelta(microseconds=1)
    return _STATUS.pack(b"r", flushed, flushed, flushed, clock, 0)


def decode(data: bytes) -> Message | None:
    """A message; `None` for one that says nothing of rows."""
    kind = data[:1]
    if kind == b"I":
        return WireChange(_LONG.unpack_from(data, 1)[0], None, _tuple(data, 6)[0], inserted=True)
    if kind == b"U":
        return _update(data)
    if kind == b"D":
        old, _ = _tuple(data, 6)
        return WireChange(_LONG.unpack_from(data, 1)[0], old, None, data[5:6] == b"O")
    if kind == b"B":
        lsn, at, xid = _BEGIN.unpack_from(data, 1)
        return WireBegin(lsn, _EPOCH + timedelta(microseconds=at), xid)
    if kind == b"C":
        return WireCommit(_COMMIT.unpack_from(data, 1)[2])
    if kind == b"R":
        return _relation(data)
    if kind == b"T":
        (count,) = _LONG.unpack_from(data, 1)
        return WireTruncate(struct.unpack_from(f">{count}I", data, 6))
    return None


def _update(data: bytes) -> WireChange:
    number, mark = _LONG.unpack_from(data, 1)[0], data[5:6]
    if mark == b"N":
        return WireChange(number, None, _tuple(data, 6)[0])
    old, at = _tuple(data, 6)
    return WireChange(number, old, _tuple(data, at + 1)[0], mark == b"O")


def _tuple(data: bytes, at: int) -> tuple[Texts, int]:
    (count,) = _SHORT.unpack_from(data, at)
    at += 2
    values: list[str | Unchanged | None] = []
    for _ in range(count):
        kind = data[at]
        at += 1
        if kind == _TEXT:
            end = at + 4 + _LONG.unpack_from(data, at)[0]
            values.append(data[at + 4 : end].decode())
            at = end
        elif kind == _NULL:
            values.append(None)
        elif kind == _SAME:
            values.append(UNCHANGED)
        else:
            raise ValueError(f"a value of the unknown kind {kind}")
    return tuple(values), at


def _relation(data: bytes) -> WireRelation:
    (number,) = _LONG.unpack_from(data, 1)
    schema, at = _name(data, 5)
    name, at = _name(data, at)
    (count,) = _SHORT.unpack_from(data, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        identity = bool(data[at] & 1)
        column, at = _name(data, at + 1)
        kind, modifier = _COLUMN.unpack_from(data, at)
        at += 8
        columns.append(WireColumn(column, identity, kind, modifier))
    return WireRelation(number, schema or "pg_catalog", name, tuple(columns))


def _name(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
