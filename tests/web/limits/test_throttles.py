"""Throttles: counts per project, the refusal's text and headers."""

from uuid import uuid4

import pytest

from hedgerow.cache import Tally
from hedgerow.cache.redis import RedisCache
from hedgerow.kit.rates import Rate
from hedgerow.web.limits.throttles import Counter
from tests.web.conftest import MakeApp, People


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_request_over_the_rate_is_refused(make_app: MakeApp, people: People) -> None:
    web = make_app({"default": [Rate(3, 60), Rate(100, 3600)]})
    headers = bearer(people.add("phx_a"))
    answers = [web.request("GET", "/api/projects/1/things", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    last = answers[-1]
    wait = int(last.headers["retry-after"])
    assert 55 < wait <= 60
    assert last.json() == {
        "type": "throttled_error",
        "code": "throttled",
        "detail": f"Request was throttled. Expected available in {wait} seconds.",
        "attr": None,
    }
    assert last.headers["ratelimit-limit"] == "3"
    assert int(last.headers["ratelimit-reset"]) == wait
    assert len(last.headers.get_list("ratelimit-limit")) == 1


def test_all_keys_of_a_project_share_its_rate_and_projects_do_not(make_app: MakeApp, people: People) -> None:
    web = make_app({"default": [Rate(1, 60)]})
    one, other = bearer(people.add("phx_a")), bearer(people.add("phx_b"))
    assert web.request("GET", "/api/projects/1/things", headers=one).status_code == 200
    assert web.request("GET", "/api/environments/@current/things/", headers=other).status_code == 429
    assert web.request("GET", "/api/projects/2/things", headers=other).status_code == 200


def test_buckets_are_apart_and_an_empty_one_lets_pass(make_app: MakeApp, people: People) -> None:
    web = make_app({"default": [Rate(1, 60)], "query": []})
    headers = bearer(people.add("phx_a"))
    assert web.request("GET", "/api/projects/1/things", headers=headers).status_code == 200
    answers = [web.request("GET", "/api/projects/1/queries", headers=headers) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit-limit" not in answers[0].headers


def test_refused_credentials_are_not_counted(make_app: MakeApp, people: People) -> None:
    web = make_app({"default": [Rate(1, 60)]})
    for _ in range(3):
        web.request("GET", "/api/projects/1/things")
        web.request("GET", "/api/projects/1/things", headers=bearer("phx_unknown"))
    assert web.request("GET", "/api/projects/1/things", headers=bearer(people.add("phx_a"))).status_code == 200


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("480/minute", Rate(480, 60)),
        (" 5 / hours ", Rate(5, 3600)),
        ("1/s", Rate(1, 1)),
        ("7/DAY", Rate(7, 86400)),
        ("", None),
        ("  ", None),
    ],
)
def test_rates_are_read(text: str, rate: Rate | None) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["480", "x/minute", "0/minute", "-1/hour", "5/fortnight", "5//hour", "5/minutely"])
def test_other_texts_are_not_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        Rate.parse(text)


@pytest.mark.anyio
async def test_over_the_network_a_large_rate_is_taken_in_parts_and_none_is_let_over(redis_url: str) -> None:
    prefix, rate = f"hedgerow-test:{uuid4().hex}:", Rate(1_000, 60)
    caches = [RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)]
    asked = 0

    async def counted(key: str, ttl: float, amount: int = 1) -> Tally:
        nonlocal asked
        asked += 1
        return await RedisCache.tally(caches[0], key, ttl, amount)

    caches[0].tally = counted  # type: ignore[method-assign]
    one, other = (Counter(cache) for cache in caches)
    let = [(await counter.count("k", rate)).count <= rate.count for _ in range(700) for counter in (one, other)]
    assert 1_000 - 2 * (rate.count // 200) <= sum(let) <= 1_000
    assert let[:900] == [True] * 900
    assert asked < 200
    for cache in caches:
        await cache.close()


@pytest.mark.anyio
async def test_over_the_network_a_small_rate_is_exact(redis_url: str) -> None:
    prefix = f"hedgerow-test:{uuid4().hex}:"
    caches = [RedisCache(redis_url, prefix), RedisCache(redis_url, prefix)]
    one, other = (Counter(cache) for cache in caches)
    counts = [(await counter.count("k", Rate(3, 60))).count for counter in (one, other, one, other, one, other)]
    assert [count <= 3 for count in counts] == [True] * 3 + [False] * 3
    for cache in caches:
        await cache.close()
