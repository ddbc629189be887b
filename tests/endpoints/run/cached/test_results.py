"""Results as they lie in the cache."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.cache.memory import MemoryCache
from hedgerow.endpoints.run.cached.results import MOST_BYTES, Facts, Result, Results

FACTS = Facts(1_700_000_000.25, "inline", None, None, 3, 10, 20, 0.001)
NUMBERS = st.floats(0, 4e9, allow_nan=False)
COUNTS = st.integers(0, 2**63 - 1)


@given(
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.builds(Facts, NUMBERS, st.text(), st.none() | st.text(), st.none() | NUMBERS, COUNTS, COUNTS, COUNTS, NUMBERS),
)
def test_what_is_kept_is_what_is_found(rows: bytes, members: bytes, facts: Facts) -> None:
    async def there_and_back() -> Result | None:
        results = Results(MemoryCache())
        await results.keep("k", Result(rows, members, facts), 60)
        return await results.find("k")

    assert anyio.run(there_and_back) == Result(rows, members, facts, kept=True)


@pytest.mark.anyio
async def test_what_another_release_kept_is_not_there() -> None:
    cache = MemoryCache()
    for content in (b"", b"hg", b'{"results": []}', b"hgr0" + bytes(20)):
        await cache.set("k", content, 60)
        assert await Results(cache).find("k") is None


@pytest.mark.anyio
async def test_a_large_result_is_not_kept() -> None:
    cache = MemoryCache()
    results = Results(cache)
    await results.keep("small", Result(b"[]", b"", FACTS), 60)
    await results.keep("large", Result(bytes(MOST_BYTES), b'"hasMore":false', FACTS), 60)
    assert await results.find("small") is not None
    assert await results.find("large") is None


@pytest.mark.anyio
async def test_a_result_lives_as_long_as_it_is_kept() -> None:
    clock = [0.0]
    results = Results(MemoryCache(clock=lambda: clock[0]))
    await results.keep("k", Result(b"[]", b"", FACTS), 60)
    clock[0] = 61.0
    assert await results.find("k") is None
