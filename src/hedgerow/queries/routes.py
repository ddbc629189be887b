"""The routes of the query API."""

import re
from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.settings import Settings
from hedgerow.queries.background import Background
from hedgerow.queries.identity import engine_id
from hedgerow.queries.kinds import Kinds, VariableUse
from hedgerow.queries.live import Connections
from hedgerow.queries.running import Asked, Runners
from hedgerow.queries.statuses import Name
from hedgerow.queries.values import Overrides
from hedgerow.web.access import Access, Gate
from hedgerow.web.hangup import until_hangup
from hedgerow.web.limits.slots import Slots

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}\Z")
_IN_BACKGROUND = frozenset({"async", "force_async", "async_except_on_cache_miss", "lazy_async"})
_AT_ONCE = frozenset({"blocking", "force_blocking", "force_cache"})
_WRAPPERS = frozenset({"DataVisualizationNode", "DataTableNode"})


class QueryRequest(BaseModel):
    """A query of any kind, and how to run it."""

    model_config = ConfigDict(extra="ignore")
    query: JsonValue = Field(description="An object with a `kind`, such as HogQLQuery.")
    refresh: bool | str | None = Field(None, description="blocking (default), async, force_blocking, force_async, …")
    client_query_id: str | None = Field(None, description="An id to ask for the status by, or to cancel by.")
    filters_override: dict[str, JsonValue] | None = None
    variables_override: dict[str, VariableUse] | None = None
    name: str | None = None
    is_async: bool | None = Field(None, alias="async")

    def in_background(self) -> bool:
        """Whether the answer is to be asked for later; raises `InvalidInput` for a `refresh` that is none."""
        if isinstance(self.refresh, str) and self.refresh not in _IN_BACKGROUND | _AT_ONCE:
            known = ", ".join(sorted(_IN_BACKGROUND | _AT_ONCE))
            text = f'"{self.refresh[:100]}" is not a valid choice. Choose one of {known}.'
            raise InvalidInput(text, attr="refresh", code="invalid_choice")
        return bool(self.is_async) or self.refresh in _IN_BACKGROUND


class QueryDesk:
    """What the routes need."""

    def __init__(
        self,
        kinds: Kinds,
        runners: Runners,
        background: Background,
        slots: Slots,
        settings: Settings,
        connections: Connections,
    ) -> None:
        self.kinds, self.runners, self.background = kinds, runners, background
        self.slots, self.settings, self.connections = slots, settings, connections

    async def run(self, asked: Asked) -> bytes:
        """The answer of a query that somebody waits for; one that reads rows needs a slot."""
        if not self.kinds.reads_rows(asked.query):
            return await self.runners.run(asked)
        async with self.slots.held("query", asked.project_id):
            return await self.runners.run(asked)


def router(desk: QueryDesk, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    may_query = Annotated[Access, Depends(gate.project("query:read", bucket="query"))]
    may_look = Annotated[Access, Depends(gate.project("query:read"))]

    @routes.post("/query")
    async def create_query(request: Request, access: may_query, body: QueryRequest) -> Response:
        """Run a query: at once, or in the background with `refresh: async`."""
        return await _answer(desk, request, access, body)

    @routes.post("/query/check_auth_for_async")
    async def check_auth_for_async(access: may_look) -> dict[str, str]:
        """Whether this key may query."""
        return {"user": "ok"}

    @routes.post("/query/upgrade")
    async def upgrade_query(access: may_look, body: dict[str, JsonValue]) -> dict[str, Any]:
        """A query in its newest form: all forms here are the newest."""
        if "query" not in body:
            raise InvalidInput("This field is required.", attr="query", code="required")
        return {"query": body["query"]}

    @routes.get("/query/{query_id}")
    async def retrieve_query(access: may_look, query_id: str) -> Response:
        """The status of a query in the background: 202 while it runs, 200 with its results when done."""
        found = await desk.background.status(Name(access.project_id, _checked(query_id)))
        if found is None:
            raise NotFound(f"Query {query_id} not found for team {access.project_id}")
        return _shown(*found)

    @routes.delete("/query/{query_id}")
    async def cancel_query(access: may_look, query_id: str) -> dict[str, str]:
        """Stop a query, whether it runs in the background or not."""
        if not await desk.background.cancel(Name(access.project_id, _checked(query_id))):
            raise NotFound(f"Query {query_id} not found for team {access.project_id}")
        return {"message": "Query cancelled"}

    return routes


async def _answer(desk: QueryDesk, request: Request, access: Access, body: QueryRequest) -> Response:
    later = body.in_background()
    client_id = _checked(body.client_query_id, attr="client_query_id") if body.client_query_id else str(uuid4())
    seconds = desk.settings.async_query_timeout if later else desk.settings.api_query_timeout
    asked = Asked(
        access.project_id,
        desk.kinds.read(_unwrapped(body.query)),
        engine_id(access.project_id, client_id),
        seconds,
        Overrides(body.variables_override or {}, body.filters_override),
    )
    if later:
        status = await desk.background.start(Name(access.project_id, client_id), asked)
        return _json(orjson.dumps({"query_status": status}), 202)
    return _json(await until_hangup(request, desk.run(asked)))


def _unwrapped(query: JsonValue) -> JsonValue:
    """The query inside a node that only says how to show it."""
    if isinstance(query, dict) and query.get("kind") in _WRAPPERS:
        if "source" not in query:
            raise InvalidInput("This field is required.", attr="query__source", code="required")
        return query["source"]
    return query


def _checked(query_id: str, attr: str | None = None) -> str:
    if not _ID.match(query_id):
        if attr is None:
            raise NotFound()
        raise InvalidInput("An id has at most 128 letters, digits and _ . : -", attr=attr)
    return query_id


def _shown(status: dict[str, Any], results: bytes, code: int) -> Response:
    """The status with its results spliced in."""
    body = orjson.dumps(status | {"results": None})
    body = body.replace(b'"results":null', b'"results":' + results, 1)
    return _json(b'{"query_status":' + body + b"}", code)


def _json(body: bytes, code: int = 200) -> Response:
    return Response(body, code, media_type="application/json")
