"""A run's result as bytes: kept in the cache as it is, and spliced into every answer made of it."""

import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from hedgerow.cache import Cache

_HEAD = struct.Struct(">4sIIIdd")
_MARK = b"hgr1"
_SMALL, _MOST_DECODED = 4_096, 5_000
"""Results of so few bytes are kept decoded as well, so many of them: their parts are copies."""
MOST_BYTES = 8 << 20
"""A larger result is not kept: it would push out thousands of small ones."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a result beside its rows, for logs and `debug`; `seconds` is the engine's time."""

    path: str
    reason: str | None
    row_count: int
    rows_read: int
    bytes_read: int
    seconds: float


class Result(NamedTuple):
    """`rows` is a JSON array; `members` and `dated` are members of a JSON object, without its braces.

    `dated` tells when it was made, so that `rows` and `members` are the same as long as the data is; `noted` are its
    `facts`. Times are seconds since 1970: `made`, when the engine gave it; `tables_at`, when the tables it was read
    from were made, 0 where it was none.
    """

    rows: bytes
    members: bytes
    dated: bytes
    noted: bytes
    made: float
    tables_at: float = 0.0
    kept: bool = False
    """Whether it was made for somebody else."""

    @property
    def facts(self) -> Facts:
        """Decoded only where they are wanted: a cached answer is made without."""
        return Facts(**orjson.loads(self.noted))


class Results:
    """Results by key in the shared cache, and how often one was there."""

    def __init__(self, cache: Cache) -> None:
        self._cache, self.remote = cache, cache.remote
        self._decoded: OrderedDict[str, tuple[bytes, Result]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    async def find(self, key: str) -> Result | None:
        """The result, if it is there: the same object as long as the cache gives the same bytes."""
        found = await self._cache.get(key)
        if found is None:
            return None
        known = self._decoded.get(key)
        if known is not None and known[0] is found:
            return known[1]
        return self._keep_decoded(key, found)

    def _keep_decoded(self, key: str, content: bytes) -> Result | None:
        result = _decoded(content)
        if result is not None and len(content) <= _SMALL:
            self._decoded[key] = content, result
            if len(self._decoded) > _MOST_DECODED:
                self._decoded.popitem(last=False)
        return result

    def count(self, *, hit: bool) -> None:
        """Count an answer that was made from a kept result, or was not."""
        self.hits += hit
        self.misses += not hit

    async def keep(self, key: str, result: Result, seconds: float) -> None:
        """Keep it for so long; a large one is not kept."""
        if len(result.rows) + len(result.members) <= MOST_BYTES:
            await self._cache.set(key, _encoded(result), seconds)


def noted(facts: Facts) -> bytes:
    """The facts as a result holds them."""
    return orjson.dumps(facts)


def shared(result: Result) -> Result:
    """The same result, for somebody it was not made for."""
    return result._replace(kept=True)


def _encoded(result: Result) -> bytes:
    sizes = len(result.noted), len(result.dated), len(result.members)
    head = _HEAD.pack(_MARK, *sizes, result.made, result.tables_at)
    return b"".join((head, result.noted, result.dated, result.members, result.rows))


def _decoded(content: bytes) -> Result | None:
    """`None` for what another release has kept."""
    if len(content) < _HEAD.size or not content.startswith(_MARK):
        return None
    _, noted, dated, members, made, tables_at = _HEAD.unpack_from(content)
    first = _HEAD.size + noted
    second = first + dated
    third = second + members
    parts = content[third:], content[second:third], content[first:second], content[_HEAD.size : first]
    return Result(*parts, made, tables_at, kept=True)
