"""A run's result as bytes: kept in the cache as it is, and spliced into every answer made of it."""

import struct
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson

from hedgerow.cache import Cache
from hedgerow.kit.clock import of_unix

_HEAD = struct.Struct(">4sII")
_MARK = b"hgr1"
MOST_BYTES = 8 << 20
"""A larger result is not kept: it would push out thousands of small ones."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a result beside its rows. Times are seconds since 1970; `seconds` is the engine's time."""

    made: float
    path: str
    reason: str | None
    tables_at: float | None
    row_count: int
    rows_read: int
    bytes_read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """`rows` is a JSON array; `members` are members of a JSON object, without its braces."""

    rows: bytes
    members: bytes
    facts: Facts
    kept: bool = False
    """Whether it was made for somebody else."""

    @property
    def made(self) -> datetime:
        """When the engine gave it."""
        return of_unix(self.facts.made)

    @property
    def tables_at(self) -> datetime | None:
        """When the tables it was read from were made."""
        return None if self.facts.tables_at is None else of_unix(self.facts.tables_at)


class Results:
    """Results by key in the shared cache, and how often one was there."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.hits = 0
        self.misses = 0

    async def find(self, key: str) -> Result | None:
        """The result, if it is there."""
        found = await self._cache.get(key)
        return None if found is None else _decoded(found)

    def count(self, *, hit: bool) -> None:
        """Count an answer that was made from a kept result, or was not."""
        self.hits += hit
        self.misses += not hit

    async def keep(self, key: str, result: Result, seconds: float) -> None:
        """Keep it for so long; a large one is not kept."""
        if len(result.rows) + len(result.members) <= MOST_BYTES:
            await self._cache.set(key, _encoded(result), seconds)


def _encoded(result: Result) -> bytes:
    facts = orjson.dumps(asdict(result.facts))
    return b"".join(
        (_HEAD.pack(_MARK, len(facts), len(result.members)), facts, result.members, result.rows),
    )


def _decoded(content: bytes) -> Result | None:
    """`None` for what another release has kept."""
    if len(content) < _HEAD.size or not content.startswith(_MARK):
        return None
    _, facts, members = _HEAD.unpack_from(content)
    begin = _HEAD.size + facts
    known = Facts(**orjson.loads(content[_HEAD.size : begin]))
    return Result(content[begin + members :], content[begin : begin + members], known, kept=True)


def shared(result: Result) -> Result:
    """The same result, for somebody it was not made for."""
    return replace(result, kept=True)
