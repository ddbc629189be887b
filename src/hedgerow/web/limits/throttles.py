"""Counts the requests of projects, keys and tokens, and refuses those over their rates."""

import math
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from hedgerow.cache.base import Cache, Tally
from hedgerow.kit.errors import Throttled
from hedgerow.kit.rates import Charge, Rate
from hedgerow.web.access import Kind, Principal

_PARTS = 200
"""Of a rate counted over the network a process takes a 200th at a time: at worst so much of it is lost per process."""
_MOST_LEASES = 10_000
_MOST_KNOWN = 10_000
Rates = Mapping[str, Sequence[Rate]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands with the rates it was counted for; the figures are of the one nearest to its limit."""

    charges: tuple[Charge, ...]
    nearest: Charge
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """As clients know them, and as the IETF's newest draft writes them."""
        limit, name = self.nearest.rate.count, self.nearest.name
        return {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Policy": ", ".join([each.policy for each in self.charges]),
        }


class Throttles:
    """Rates by bucket name. A bucket without rates lets everything pass.

    Personal keys share the counts of their project. A secret key has counts of its own, and all secret keys and
    tokens of a project share `together` (the bucket's own rates, unless told). A token has the rate it was made with.
    """

    def __init__(self, cache: Cache, rates: Rates, together: Rates | None = None) -> None:
        self._counter = Counter(cache)
        self._rates = {bucket: tuple(each) for bucket, each in rates.items()}
        shared = {bucket: tuple(each) for bucket, each in (together or {}).items() if each}
        self._together = self._rates | shared
        self._known: dict[tuple[str, int | None, Hashable], tuple[Charge, ...]] = {}

    @property
    def remote(self) -> bool:
        """Whether counting may have to wait for another machine."""
        return self._counter.remote

    async def count(
        self, bucket: str, principal: Principal, project_id: int | None, own: Sequence[Charge] = ()
    ) -> Standing | None:
        """Count one request, also for charges of the caller's `own`; raises `Throttled` when a rate is used up."""
        bounds = principal.bounds
        counted: Hashable = (principal.kind, principal.user_id or principal.key_id)
        if bounds is not None:
            counted = (bounds.subject, bounds.rate)
        key = (bucket, project_id, counted)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._charges(bucket, project_id, principal)
        charges = (*own, *found) if own else found
        return await self.charge(charges) if charges else None

    def _charges(self, bucket: str, project_id: int | None, principal: Principal) -> tuple[Charge, ...]:
        rates = self._rates.get(bucket, ())
        if principal.kind is Kind.PERSON:
            subject = f"u{principal.user_id}" if project_id is None else f"p{project_id}"
            return _charges(rates, bucket, subject)
        shared = _charges(self._together.get(bucket, ()), bucket, f"s{project_id}", "project-")
        return (*_own(principal, rates, bucket), *shared)

    async def charge(self, charges: tuple[Charge, ...]) -> Standing:
        """Count one for each; the first that is used up refuses, and those after it are not counted."""
        nearest, least, left = charges[0], math.inf, 0.0
        for charge in charges:
            tally = await self._counter.count(charge.key, charge.rate)
            remaining = charge.rate.count - tally.count
            if remaining < least:
                nearest, least, left = charge, remaining, tally.seconds_left
            if remaining < 0:
                break
        # The end of a window minus now may be a hair over its length.
        wait = min(max(1, math.ceil(left)), nearest.rate.seconds)
        standing = Standing(charges, nearest, max(0, int(least)), wait)
        if least < 0:
            refusal = Throttled(wait)
            refusal.headers.update(standing.headers())
            raise refusal
        return standing


def _charges(rates: Sequence[Rate], bucket: str, subject: str, prefix: str = "") -> tuple[Charge, ...]:
    """The first rate of a bucket is for bursts, what follows is sustained."""
    return tuple(
        Charge(f"{prefix}{'sustained' if place else 'burst'}", rate, f"throttle:{bucket}:{rate.seconds}:{subject}")
        for place, rate in enumerate(rates)
    )


def _own(principal: Principal, rates: Sequence[Rate], bucket: str) -> tuple[Charge, ...]:
    if principal.bounds is None:
        return _charges(rates, bucket, f"k{principal.key_id}", "key-")
    rate = principal.bounds.rate
    if rate is None:
        return ()
    return (Charge("token", rate, f"throttle:token:{rate.seconds}:{principal.bounds.subject}"),)


@dataclass(slots=True)
class _Lease:
    """A part of a counter taken at once: `left` counts below `top` may be spent until `until`."""

    top: int
    left: int
    until: float
    used_up: bool


class Counter:
    """Counts in a cache. Where that is far away, a part of a large rate is taken at once and spent here."""

    def __init__(self, cache: Cache) -> None:
        self._cache, self.remote = cache, cache.remote
        self._leases: dict[str, _Lease] = {}

    async def count(self, key: str, rate: Rate) -> Tally:
        """Count one."""
        if not self.remote:
            return await self._cache.tally(key, rate.seconds)
        now = time.monotonic()
        lease = self._leases.get(key)
        if lease is not None and lease.until > now and (lease.left or lease.used_up):
            lease.left -= not lease.used_up
            return Tally(lease.top - lease.left, lease.until - now)
        amount = max(1, rate.count // _PARTS)
        tally = await self._cache.tally(key, rate.seconds, amount)
        if len(self._leases) >= _MOST_LEASES:
            self._leases.clear()
        # What is over the rate stays over it until the window ends: nobody has to be asked again.
        used_up = tally.count - amount >= rate.count
        left = 0 if used_up else amount - 1
        self._leases[key] = _Lease(tally.count, left, now + tally.seconds_left, used_up)
        return Tally(tally.count - left, tally.seconds_left)
