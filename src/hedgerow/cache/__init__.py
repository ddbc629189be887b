"""Short-lived shared state: a protocol, in-process memory and Redis."""

from hedgerow.cache.base import Cache, Tally
from hedgerow.cache.opening import open_cache

__all__ = ["Cache", "Tally", "open_cache"]
