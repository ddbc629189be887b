"""The one protocol that all caches keep: short-lived values and counters, bytes in and bytes out."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter's value, and the seconds until it starts anew."""

    count: int
    seconds_left: float


class Cache(Protocol):
    """Keeps values for a while. Losing one is never an error: whoever reads must be able to do without.

    Keys are text below 1 KB. Safe to call from many tasks, and from more than one event loop.
    """

    remote: bool
    """Whether asking costs a way over the network."""

    async def get(self, key: str) -> bytes | None:
        """The value, or `None` when there is none (any more)."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep `value` for `ttl` seconds, in place of what was there."""
        ...

    async def delete(self, key: str) -> None:
        """Forget the value and the counter of that key."""
        ...

    async def increment(self, key: str, ttl: float) -> int:
        """Count one up from 0; the counter is forgotten `ttl` seconds after its first count."""
        ...

    async def tally(self, key: str, ttl: float, amount: int = 1) -> Tally:
        """As `increment`, by `amount`, saying also when the counter starts anew."""
        ...

    async def acquire(self, key: str, slot: str, limit: int, ttl: float) -> bool:
        """Whether `slot` became one of at most `limit` that are held at once under `key`.

        It is given back by `release`, or after `ttl` seconds, when whoever held it is gone; whoever is not acquires
        it again before that. A cache that does not answer lets everybody in.
        """
        ...

    async def release(self, key: str, slot: str) -> None:
        """Give a slot back; one that is not held is no error."""
        ...

    async def ready(self) -> bool:
        """Whether it answers at all."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
