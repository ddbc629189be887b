"""Opens the cache that a URL names."""

from hedgerow.cache.base import Cache
from hedgerow.cache.memory import MemoryCache


def open_cache(url: str, max_bytes: int = 64 << 20) -> Cache:
    """`memory:` or `redis://[user:password@]host:port/db` (`rediss://` over TLS). Raises `ValueError` for others.

    `max_bytes` bounds the memory; Redis has a setting of its own.
    """
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return MemoryCache(max_bytes)
    if scheme in {"redis", "rediss", "unix"}:
        # The client takes 0.1 s to import: only who asks for it pays.
        from hedgerow.cache.redis import RedisCache

        return RedisCache(url)
    raise ValueError("the cache's URL must begin with memory: or redis://")
