"""CORS: runs for the origins of the setting, nothing for anybody else, nothing on other routes."""

from typing import Any

import pytest

from hedgerow.kit.settings import SettingsWrong, load
from tests.endpoints.conftest import hogql
from tests.support.apps import Api, MakeApi

ORIGIN = "https://app.example"
RUN = "/endpoints/e/run"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


def _api(make_app: MakeApi, origins: str) -> Api:
    api = make_app(cors_origins=origins)
    assert api.post("/endpoints", json={"name": "e", "query": hogql("select 1")}).status_code == 201
    return api


def _cors(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("origins", [ORIGIN, f"https://other.example, {ORIGIN}", "https://APP.example"])
def test_a_page_of_an_allowed_origin_runs_endpoints(make_app: MakeApi, origins: str) -> None:
    api = _api(make_app, origins)
    for path in (RUN, RUN + "/", f"/api/environments/@current{RUN}"):
        asked = api.with_key(None).request("OPTIONS", path, headers={"Origin": ORIGIN, **PREFLIGHT})
        assert asked.status_code == 200, asked.text
        assert asked.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "authorization" in asked.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in asked.headers
    answer = api.post(RUN, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "Origin" in answer.headers["vary"]
    assert "RateLimit" in answer.headers["access-control-expose-headers"]
    # A page has to see why it was refused, too.
    refused = api.with_key("a.b.c").post(RUN, headers={"Origin": ORIGIN})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)


def test_nobody_is_allowed_unless_the_setting_says_so(make_app: MakeApi) -> None:
    api = _api(make_app, "")
    assert _cors(api.post(RUN, headers={"Origin": ORIGIN}).headers) == {}
    asked = api.request("OPTIONS", RUN, headers={"Origin": ORIGIN, **PREFLIGHT})
    assert (asked.status_code, _cors(asked.headers)) == (405, {})


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "https://app.example.evil", "null"])
def test_other_origins_are_refused(make_app: MakeApi, origin: str) -> None:
    api = _api(make_app, ORIGIN)
    asked = api.request("OPTIONS", RUN, headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in api.post(RUN, headers={"Origin": origin}).headers


def test_routes_other_than_runs_stay_closed(make_app: MakeApi) -> None:
    api = _api(make_app, "*")
    assert api.post(RUN, headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == "*"
    for path in ("/endpoints", "/endpoints/e", "/activity_log", "/api/users/@me"):
        assert _cors(api.get(path, headers={"Origin": ORIGIN}).headers) == {}
        assert api.request("OPTIONS", path, headers={"Origin": ORIGIN, **PREFLIGHT}).status_code == 405


@pytest.mark.parametrize("origins", ["app.example", "https://app.example/", "https://app.example/path", "ftp://x"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(SettingsWrong, match="HEDGEROW_CORS_ORIGINS"):
        load({"cors_origins": origins})
