"""Results as they lie in the cache."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.cache.memory import MemoryCache
from hedgerow.endpoints.run.cached.results import MOST_BYTES, Facts, Result, Results, noted

FACTS = Facts("inline", None, 3, 10, 20, 0.001)
SMALL = Result(b"[]", b'"hasMore":false', b"", noted(FACTS), 1_700_000_000.25)
NUMBERS = st.floats(0, 4e9, allow_nan=False)
COUNTS = st.integers(0, 2**63 - 1)


@given(
    st.builds(
        Result,
        rows=st.binary(max_size=300),
        members=st.binary(max_size=300),
        dated=st.binary(max_size=99),
        noted=st.builds(Facts, st.text(), st.none() | st.text(), COUNTS, COUNTS, COUNTS, NUMBERS).map(noted),
        made=NUMBERS,
        tables_at=NUMBERS,
        kept=st.just(True),
    )
)
def test_what_is_kept_is_what_is_found(result: Result) -> None:
    async def there_and_back() -> Result | None:
        results = Results(MemoryCache())
        await results.keep("k", result, 60)
        return await results.find("k")

    found = anyio.run(there_and_back)
    assert found == result
    assert found.facts == result.facts


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
    await results.keep("small", SMALL, 60)
    await results.keep("large", SMALL._replace(rows=bytes(MOST_BYTES)), 60)
    assert await results.find("small") is not None
    assert await results.find("large") is None


@pytest.mark.anyio
async def test_a_result_lives_as_long_as_it_is_kept() -> None:
    clock = [0.0]
    results = Results(MemoryCache(clock=lambda: clock[0]))
    await results.keep("k", SMALL, 60)
    clock[0] = 61.0
    assert await results.find("k") is None


@pytest.mark.anyio
async def test_a_result_kept_anew_is_another() -> None:
    results = Results(MemoryCache())
    await results.keep("k", SMALL, 60)
    first = await results.find("k")
    assert await results.find("k") is first
    await results.keep("k", SMALL._replace(rows=b"[[2]]"), 60)
    second = await results.find("k")
    assert second is not None
    assert second.rows == b"[[2]]"
