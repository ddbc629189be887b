"""How often and how long to try again: what the remote asks for, else longer each time, and never without end."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_RESETS = ("x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset")
_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining")
_EPOCH_SECONDS = 1_000_000_000  # a smaller number is a span, a larger one an instant


@dataclass(frozen=True, slots=True)
class Patience:
    """`attempts` for one request; no wait is longer than `longest` seconds: then the whole read ends and is retried."""

    attempts: int = 6
    first: float = 0.5
    longest: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def wait(self, attempt: int, headers: Mapping[str, str]) -> float | None:
        """Seconds before the next try of a request that failed `attempt` times; `None`: give up."""
        if attempt >= self.attempts:
            return None
        asked = asked_wait(headers, self.clock())
        if asked is not None:
            return asked if asked <= self.longest else None
        return random.uniform(0.5, 1.0) * min(self.longest, self.first * 2.0**attempt)


def may_pass(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a failure is one that trying again may mend."""
    if status in _TRANSIENT:
        return True
    # Some APIs tell of their limit by 403.
    return status == 403 and ("retry-after" in headers or _spent(headers))


def is_limit(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a failure is a rate limit's."""
    return status == 429 or (status == 403 and may_pass(status, headers))


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the remote asks to wait; `None` where it does not say."""
    after = headers.get("retry-after")
    if after is not None:
        try:
            return max(0.0, float(after))
        except ValueError:
            try:
                return max(0.0, parsedate_to_datetime(after).timestamp() - now)
            except ValueError:
                pass
    if _spent(headers):
        for name in _RESETS:
            try:
                reset = float(headers[name])
            except (KeyError, ValueError):
                continue
            return max(0.0, reset - now if reset > _EPOCH_SECONDS else reset)
    return None


def _spent(headers: Mapping[str, str]) -> bool:
    return any(headers.get(name) == "0" for name in _REMAINING)
