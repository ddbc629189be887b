"""The index finds each route, whatever made it, and says what a path has not."""

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from hedgerow.web.express import Lanes
from hedgerow.web.routing import Index, tell
from tests.support.in_process import InProcess
from tests.web.conftest import MakeApp

MOUNT = "/api/projects/{project_id}"


def _room() -> APIRouter:
    room = APIRouter()

    @tell(summary="Run it", x_scope="hot:read", responses={"200": {"description": "Ran"}})
    async def run(request: Request) -> Response:
        return JSONResponse({"ran": request.path_params})

    room.add_route("/hot/{name}/run", run, methods=["GET", "POST"])

    @room.get("/hot/{name}")
    async def retrieve(name: str) -> str:
        return f"one {name}"

    @room.delete("/hot/{name}")
    async def remove(name: str) -> str:
        return f"no {name}"

    nested, bare = APIRouter(prefix="/nested"), APIRouter()

    @nested.get("/a/{x}")
    async def deep(project_id: str, x: int) -> list[str]:
        return [project_id, str(x)]

    @bare.get("/left")
    async def left() -> str:
        return "left"

    @bare.get("/right")
    async def right() -> str:
        return "right"

    room.include_router(nested)
    room.include_router(bare)
    return room


@pytest.fixture
def indexed(make_app: MakeApp) -> InProcess:
    from hedgerow.web.application import mount

    web = make_app()
    mount(web.app, _room(), "room")
    return web


@pytest.mark.parametrize("start", ["/api/projects/7", "/api/environments/7"])
def test_every_kind_of_route_is_found(indexed: InProcess, start: str) -> None:
    def get(path: str, method: str = "GET") -> object:
        return indexed.request(method, start + path).json()

    assert get("/hot/x/run") == {"ran": {"project_id": "7", "name": "x"}}
    assert get("/hot/x/run/", "POST") == {"ran": {"project_id": "7", "name": "x"}}
    assert get("/hot/x") == "one x"
    assert get("/hot/x", "DELETE") == "no x"
    assert get("/nested/a/5") == ["7", "5"]
    assert (get("/left"), get("/right/")) == ("left", "right")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/hot/x/run", 405),
        ("PUT", "/hot/x", 405),
        ("POST", "/left", 405),
        ("GET", "/hot/x/other", 404),
        ("GET", "/hot", 404),
        ("GET", "/hotter", 404),
        ("GET", "", 404),
        ("GET", "/nested/a/x", 404),
    ],
)
def test_what_is_not_there(indexed: InProcess, method: str, path: str, status: int) -> None:
    answer = indexed.request(method, f"/api/projects/7{path}")
    assert answer.status_code == status
    assert answer.json()["type"] == "invalid_request"


def test_route_without_a_fixed_first_word_is_refused() -> None:
    room = APIRouter()
    room.add_api_route("/{anything}", lambda: None)
    with pytest.raises(ValueError, match="fixed word"):
        Index(MOUNT, Lanes()).add(room)


def test_rooms_may_share_a_word(make_app: MakeApp) -> None:
    from hedgerow.web.application import mount

    web = make_app()
    for name in ("one", "other"):
        room = APIRouter()
        room.add_api_route(f"/shared/{name}", lambda name=name: name)
        mount(web.app, room, name)
    assert web.request("GET", "/api/projects/1/shared/one").status_code == 200
    assert web.request("GET", "/api/projects/1/shared/other").status_code == 200


def test_plain_route_is_told_to_the_schema(indexed: InProcess) -> None:
    from hedgerow.web.schema import describe

    item = describe(indexed.app)["paths"]["/api/projects/{project_id}/hot/{name}/run"]
    assert set(item) == {"get", "post"}
    assert item["get"]["x-scope"] == "hot:read"
    assert item["get"]["operationId"] != item["post"]["operationId"]
    assert {each["name"] for each in item["post"]["parameters"]} == {"project_id", "name"}
    assert "default" in item["post"]["responses"]


@given(path=st.text(st.sampled_from("/apirojects1hotrun{}% "), max_size=40))
def test_odd_paths_never_break_it(path: str) -> None:
    index = Index(MOUNT, Lanes())
    index.add(_room())
    match, child = index.matches({"type": "http", "path": "/" + path, "method": "GET"})
    assert (match is Match.NONE) == (not child)
