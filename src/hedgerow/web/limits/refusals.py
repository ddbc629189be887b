"""Stops whoever keeps asking with credentials that are not good, before each costs a look into the store."""

import ipaddress
import math
import time

from starlette.requests import Request

from hedgerow.cache.base import Cache
from hedgerow.kit.errors import Throttled
from hedgerow.kit.rates import Rate
from hedgerow.web.limits.throttles import Counter

_MOST_CLOSED = 10_000


class Refusals:
    """Counts refused credentials by client address; an IPv6 client is its network of 64 bits.

    Keys that are fresh in memory never come here: who shares an address with such a one is not stopped by it.
    """

    def __init__(self, cache: Cache, rate: Rate | None) -> None:
        self._counter, self._rate = Counter(cache), rate
        self._closed: dict[str, float] = {}

    def check(self, request: Request) -> None:
        """Raise `Throttled` when the client has been refused too often."""
        if self._closed:
            left = self._closed.get(_client(request), 0.0) - time.monotonic()
            if left > 0:
                raise Throttled(math.ceil(left))

    async def note(self, request: Request) -> None:
        """Count one refusal."""
        if self._rate is None:
            return
        client = _client(request)
        tally = await self._counter.count(f"refused:{self._rate.seconds}:{client}", self._rate)
        if tally.count >= self._rate.count:
            if len(self._closed) >= _MOST_CLOSED:
                self._closed.clear()
            self._closed[client] = time.monotonic() + tally.seconds_left


def _client(request: Request) -> str:
    host = request.client.host if request.client else ""
    if ":" in host:
        try:
            return str(ipaddress.ip_network(f"{host.partition('%')[0]}/64", strict=False))
        except ValueError:
            return host
    return host
