"""Whoever keeps asking with bad keys is stopped; whoever has a good one that is fresh in memory is not."""

import pytest

from hedgerow.web.access import Principal
from tests.web.conftest import MakeApp, People

THINGS = "/api/projects/1/things"


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_bad_keys_are_counted_and_then_not_looked_up(
    make_app: MakeApp, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, asked = make_app(throttle_refused="3/minute"), []

    async def authenticate(key: str) -> Principal | None:
        asked.append(key)
        return people.keys.get(key)

    monkeypatch.setattr(people, "authenticate", authenticate)
    answers = [web.request("GET", THINGS, headers=_bearer(f"phx_{number}")) for number in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert len(asked) == 3
    assert 55 < int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["type"] == "throttled_error"


def test_no_key_at_all_is_no_bad_key(make_app: MakeApp) -> None:
    web = make_app(throttle_refused="1/minute")
    assert {web.request("GET", THINGS).status_code for _ in range(4)} == {401}


def test_without_a_rate_nobody_is_stopped(make_app: MakeApp) -> None:
    web = make_app(throttle_refused="")
    assert {web.request("GET", THINGS, headers=_bearer("phx_x")).status_code for _ in range(4)} == {401}
