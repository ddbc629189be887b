"""The express lane takes what Starlette's own route would take, and answers as the rest of the application does."""

import string
from typing import Any

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from hedgerow.kit.errors import InvalidInput, ServerFault
from hedgerow.web.application import mount
from hedgerow.web.bodies import whole
from hedgerow.web.express import ROUTE, Lanes
from tests.support.in_process import InProcess
from tests.web.conftest import MakeApp

_WORDS = st.sampled_from(["api", "things", "run", "a", "%", "ключ", ""]) | st.text(string.printable, max_size=3).filter(
    lambda word: "/" not in word and "\n" not in word
)
_TEMPLATES = ("/api/things/{id}/run", "/api/{kind}/{id}/run", "/api/run", "/{x}/a")


async def _endpoint(_: Request) -> Response:
    return Response()


@given(st.sampled_from(_TEMPLATES), st.lists(_WORDS, min_size=1, max_size=4), st.sampled_from(["GET", "POST", "PUT"]))
def test_a_lane_takes_what_a_route_takes(template: str, words: list[str], method: str) -> None:
    lanes, route = Lanes(), Route(template, _endpoint, methods=["GET", "POST"])
    lanes.add(template, route.methods or (), _endpoint)
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/" + "/".join(words)}
    match, child = route.matches(dict(scope))
    found = lanes.find(scope)
    assert (found is _endpoint) == (match is Match.FULL)
    if found is not None:
        assert scope["path_params"] == child["path_params"]
        assert scope[ROUTE] == template


def test_lanes_that_end_alike_are_told_apart() -> None:
    async def other(_: Request) -> Response:
        return Response()

    lanes = Lanes()
    lanes.add("/a/{id}/run", ["GET"], _endpoint)
    lanes.add("/b/{id}/run", ["GET"], other)
    scopes = [{"type": "http", "method": "GET", "path": path} for path in ("/a/1/run", "/b/1/run", "/c/1/run")]
    assert [lanes.find(scope) for scope in scopes] == [_endpoint, other, None]


def test_a_path_with_an_open_end_has_no_lane() -> None:
    with pytest.raises(ValueError, match="fixed word"):
        Lanes().add("/things/{id}", ["GET"], _endpoint)


def _room() -> APIRouter:
    room = APIRouter()
    faults: dict[str, Exception] = {
        "ours": InvalidInput("Not so.", attr="thing"),
        "fault": ServerFault("The disk is on fire."),
        "framework": HTTPException(413, "Too much."),
        "gone": ClientDisconnect(),
        "bug": RuntimeError("the secret inside"),
    }

    async def echo(request: Request) -> Response:
        if (fault := faults.get(request.path_params["name"])) is not None:
            raise fault
        return JSONResponse({"length": len(await whole(request)), "of": request.app.title, **request.path_params})

    room.add_route("/fast/{name}/run", echo, methods=["GET", "POST"])
    return room


@pytest.fixture
def fast(make_app: MakeApp) -> InProcess:
    web = make_app(upload_max_bytes=1 << 20)
    mount(web.app, _room(), "room")
    return web


def test_it_answers_with_the_frame_around_it(fast: InProcess) -> None:
    answer = fast.request("POST", "/api/environments/7/fast/x/run/", content=b"[1, 2]", headers={"X-Request-Id": "i"})
    assert answer.json() == {"length": 6, "of": "Hedgerow", "project_id": "7", "name": "x"}
    assert answer.headers["x-request-id"] == "i"
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = fast.app.state.metrics.page().decode()
    route = 'route="/api/environments/{project_id}/fast/{name}/run"'
    assert f'hedgerow_http_requests_total{{method="POST",{route},status="200"}} 1.0' in page


def test_its_errors_are_those_of_all_routes(fast: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {name: fast.request("GET", f"/api/projects/1/fast/{name}/run") for name in ("ours", "framework", "bug")}
    assert [answer.status_code for answer in answers.values()] == [400, 413, 500]
    assert [(answer.json()["detail"], answer.json()["attr"]) for answer in answers.values()] == [
        ("Not so.", "thing"),
        ("Too much.", None),
        ("A server error occurred.", None),
    ]
    assert all(answer.headers["x-frame-options"] == "DENY" for answer in answers.values())
    assert "RuntimeError" in "".join(capsys.readouterr())


def test_a_fault_is_logged(fast: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert fast.request("GET", "/api/projects/1/fast/fault/run").status_code == 500
    assert "The disk is on fire." in "".join(capsys.readouterr())


def test_a_client_that_hangs_up_is_no_bug(fast: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):  # the transport misses the answer that nobody waits for
        fast.request("GET", "/api/projects/1/fast/gone/run")
    log = "".join(capsys.readouterr())
    assert "status=499" in log
    assert "Traceback" not in log


def test_an_upload_that_is_too_large_is_refused_while_it_is_read(fast: InProcess) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield bytes(100_000)

    headers = {"Content-Type": "application/octet-stream"}
    answer = fast.request("POST", "/api/projects/1/fast/x/run", content=chunks(), headers=headers)
    assert answer.status_code == 413


def test_a_method_it_has_not_is_told(fast: InProcess) -> None:
    answer = fast.request("DELETE", "/api/projects/1/fast/x/run")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
