"""Counts the requests of each project and refuses those over its rates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hedgerow.cache.base import Cache
from hedgerow.kit.errors import Throttled
from hedgerow.kit.rates import Rate


@dataclass(frozen=True, slots=True)
class Standing:
    """How a project stands with the rate that is nearest to its limit."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """`RateLimit-*` as clients know them."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class Throttles:
    """Rates by bucket name; all keys of a project share its counts. A bucket without rates lets everything pass."""

    def __init__(self, cache: Cache, rates: Mapping[str, Sequence[Rate]]) -> None:
        self._cache = cache
        self._rates = {bucket: tuple(each) for bucket, each in rates.items()}

    async def count(self, bucket: str, subject: str) -> Standing | None:
        """Count one request of `subject` (such as `p1`); raises `Throttled` when a rate is used up."""
        nearest: Standing | None = None
        for rate in self._rates.get(bucket, ()):
            tally = await self._cache.tally(f"throttle:{bucket}:{rate.seconds}:{subject}", rate.seconds)
            wait = max(1, math.ceil(tally.seconds_left))
            standing = Standing(rate.count, max(0, rate.count - tally.count), wait)
            if tally.count > rate.count:
                refusal = Throttled(wait)
                refusal.headers.update(standing.headers())
                raise refusal
            if nearest is None or standing.remaining < nearest.remaining:
                nearest = standing
        return nearest
