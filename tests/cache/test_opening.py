"""Which cache a URL opens."""

import pytest

from hedgerow.cache import open_cache
from hedgerow.cache.memory import MemoryCache
from hedgerow.cache.redis import RedisCache


def test_memory_and_redis_by_scheme() -> None:
    assert isinstance(open_cache("memory:"), MemoryCache)
    assert isinstance(open_cache("redis://127.0.0.1:1/0"), RedisCache)


@pytest.mark.parametrize("url", ["", "memcached://x", "http://user:secret@host"])
def test_other_urls_are_refused_without_telling_them(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with") as refusal:
        open_cache(url)
    assert "secret" not in str(refusal.value)
