"""Refused credentials of one address do not stop good ones of the same."""

from tests.support.apps import MakeApi


def test_a_good_key_in_memory_goes_on(make_app: MakeApi) -> None:
    api = make_app(throttle=True, throttle_refused="2/minute")
    assert api.get("/endpoints").status_code == 200
    assert [api.with_key("phx_bad").get("/endpoints").status_code for _ in range(3)] == [401, 401, 429]
    assert api.get("/endpoints").status_code == 200
