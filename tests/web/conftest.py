"""A small application with real middleware and a gate over people kept in a dictionary."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, Field
from starlette.requests import Request

from hedgerow.cache.memory import MemoryCache
from hedgerow.kit.rates import Rate
from hedgerow.kit.settings import Settings
from hedgerow.web.access import Access, Principal
from hedgerow.web.application import create, include, mount
from hedgerow.web.gate import KeyGate
from hedgerow.web.limits.refusals import Refusals
from hedgerow.web.limits.throttles import Throttles
from hedgerow.web.telemetry import logs
from hedgerow.web.telemetry.metrics import Metrics
from tests.support.in_process import InProcess, running

HOME_ORGANIZATION, OTHER_ORGANIZATION = UUID(int=1), UUID(int=2)
PROJECTS = {1: HOME_ORGANIZATION, 2: HOME_ORGANIZATION, 3: OTHER_ORGANIZATION}


class People:
    """Keys and projects without a store: what the gate asks, answered from dictionaries."""

    def __init__(self) -> None:
        self.keys: dict[str, Principal] = {}
        self.asked = 0

    def add(self, key: str, **limits: Any) -> str:
        known: dict[str, Any] = {
            "user_id": 7,
            "key_id": key,
            "scopes": None,
            "current_project": 1,
            "member_projects": frozenset({1, 2}),
        }
        self.keys[key] = Principal(**known | limits)
        return key

    def recall(self, key: str) -> Principal | None:
        return None

    def recaller(self, key: str) -> Callable[[], Principal | None]:
        return lambda: self.keys.get(key)

    async def authenticate(self, key: str) -> Principal | None:
        return self.keys.get(key)

    async def organization_of(self, project_id: int) -> UUID | None:
        self.asked += 1
        return PROJECTS.get(project_id)


class Thing(BaseModel):
    name: str = Field(max_length=5)
    size: int = 1


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    logs.configure("info", "console")


@pytest.fixture
def people() -> People:
    return People()


MakeApp = Callable[..., InProcess]


@pytest.fixture
def make_app(people: People) -> Iterator[MakeApp]:
    """`make_app(rates={...}, **settings)` runs an application with a few routes under both mounts."""
    with ExitStack() as stack:

        def make(rates: dict[str, list[Rate]] | None = None, **settings: Any) -> InProcess:
            cache, chosen = MemoryCache(), Settings(**settings)
            refusals = Refusals(cache, Rate.parse(chosen.throttle_refused))
            app = _app(KeyGate(people, people, Throttles(cache, rates or {}), refusals), chosen)
            return stack.enter_context(running(app))

        yield make


@pytest.fixture
def web(make_app: MakeApp) -> InProcess:
    return make_app()


def _app(gate: KeyGate, settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        mount(app, _things(gate), "thing")
        include(app, _outside(gate), "user")
        yield

    return create(settings, Metrics(), lifespan)


def _things(gate: KeyGate) -> APIRouter:
    routes = APIRouter()

    @routes.get("/things")
    async def list_things(access: Annotated[Access, Depends(gate.project("thing:read"))]) -> dict[str, int]:
        return {"project": access.project_id}

    @routes.post("/things", status_code=201)
    def create_thing(access: Annotated[Access, Depends(gate.project("thing:write"))], thing: Thing) -> dict[str, Any]:
        return {"project": access.project_id, **thing.model_dump()}

    @routes.get("/things/{thing_id}")
    def read_thing(access: Annotated[Access, Depends(gate.project("thing:read"))], thing_id: UUID) -> dict[str, str]:
        return {"id": str(thing_id)}

    @routes.post("/things/raw")
    async def raw_thing(request: Request, access: Annotated[Access, Depends(gate.project("thing:read"))]) -> Any:
        return {"length": len(await request.body())}

    @routes.get("/closed")
    async def closed(access: Annotated[Access, Depends(gate.project(None))]) -> None:
        return None

    @routes.get("/queries")
    async def query(access: Annotated[Access, Depends(gate.project("query:read", bucket="query"))]) -> None:
        return None

    return routes


def _outside(gate: KeyGate) -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/users/@me")
    async def me(principal: Annotated[Principal, Depends(gate.user("user:read"))]) -> dict[str, int]:
        return {"id": principal.user_id}

    @routes.get("/api/organizations")
    async def organizations(principal: Annotated[Principal, Depends(gate.user("organization:read"))]) -> list[str]:
        return []

    @routes.get("/boom")
    async def boom() -> None:
        raise RuntimeError("the secret inside")

    return routes
