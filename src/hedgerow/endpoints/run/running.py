"""A run: checks in the documented order, values bound, the order served, its result in the envelope."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgerow.endpoints.bodies import NAME
from hedgerow.endpoints.errors import bad_parameter, no_endpoint, no_version
from hedgerow.endpoints.run import binding, envelope, paths
from hedgerow.endpoints.run.bodies import RunBody, parsed
from hedgerow.endpoints.run.envelope import Debug
from hedgerow.endpoints.run.memory import Definition, Definitions
from hedgerow.endpoints.run.paths import Asked
from hedgerow.endpoints.run.plans import Page
from hedgerow.endpoints.run.replying import Reply
from hedgerow.endpoints.run.serving import Order, Serving
from hedgerow.endpoints.run.usage import Usage
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.language.query.pipeline import Value
from hedgerow.queries.identity import engine_id
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.web.access import Access

_MOST_PAGE = 2**31 - 1
_LARGE_BODY = 50_000
"""From this many bytes a body is worked on in a thread: it would hold up everybody else's run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run's request, read: the body, and `version`, `limit`, `offset` from body or query string."""

    body: RunBody
    version: int | None
    page: Page


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs endpoints."""

    definitions: Definitions
    catalogs: Catalogs
    serving: Serving
    usage: Usage

    async def run(self, access: Access, name: str, raw: bytes, query_string: Mapping[str, str]) -> Reply:
        """The answer; `raw` is the request's body. Raises `HedgerowError` for whatever is wrong."""
        project_id, grant = access.project_id, binding.grant_of(access.principal, name)
        current = await self._admitted(access, name)
        large = len(raw) > _LARGE_BODY
        body = await asyncio.to_thread(parsed, raw) if large else parsed(raw)
        wanted = read(body, query_string)
        binding.check_body(grant, body)
        definition = await self._version(project_id, current, binding.version_of(grant, wanted.version))
        _refuse_unsupported(body)
        version, direct = definition.endpoint.version, body.mode() == "direct"
        paths.check_mode(version, direct=direct)
        given = binding.tied(grant, version.number, definition.values, body.variables or {})
        values = _bound(definition, given)
        paths.check_required(version, definition.values, given)
        catalog = await self.catalogs.fetch(project_id)
        asked = Asked(values, wanted.page, large or bool(body.debug))
        query_id = engine_id(project_id, body.client_query_id)
        order = Order(definition, catalog, asked, body.mode(), query_id, named=body.client_query_id is not None)
        served = await self.serving.serve(order)
        self.usage.note(definition.endpoint, now())
        debug = Debug(await self._hogql(order), served.key) if body.debug else None
        content = envelope.body(definition.endpoint, served.result, served.until, debug)
        return Reply(content, definition.endpoint.version, served.result, served.until)

    async def _hogql(self, order: Order) -> str:
        """The query with this run's values in it."""
        version, direct = order.definition.endpoint.version, order.mode == "direct"
        way = await self.serving.paths.choose(version, order.catalog, order.asked, direct=direct)
        return way.compiled.hogql

    async def _admitted(self, access: Access, name: str) -> Definition:
        """The endpoint's current definition, once the request is counted; also when there is no such endpoint."""
        try:
            current = await self._active(access.project_id, name)
        except NotFound:
            await access.admit("query", ())
            raise
        await access.admit("query", current.charges)
        return current

    async def _active(self, project_id: int, name: str) -> Definition:
        """The endpoint's current definition; one that is switched off is not there."""
        found = await self.definitions.find(project_id, name, None) if NAME.match(name) else None
        if found is None or not found.endpoint.is_active:
            raise no_endpoint(name)
        return found

    async def _version(self, project_id: int, current: Definition, number: int | None) -> Definition:
        endpoint, found = current.endpoint, current
        if number is not None and number != endpoint.current_version:
            other = None
            if 1 <= number <= endpoint.current_version:
                other = await self.definitions.find(project_id, endpoint.name, number)
            if other is None:
                raise no_version(number, endpoint.current_version)
            found = other
        if not found.endpoint.version.is_active:
            raise InvalidInput(f"Version {found.endpoint.version.number} of this endpoint is inactive.", attr="version")
        return found


def read(body: RunBody, query_string: Mapping[str, str]) -> Wanted:
    """`version`, `limit` and `offset` of the body, else of the query string; raises in the hand-made shape."""
    version = _number("version", body.version, query_string)
    limit = _number("limit", body.limit, query_string)
    offset = _number("offset", body.offset, query_string)
    if limit is not None and limit < 1:
        raise bad_parameter("limit must be a positive integer")
    if offset is not None and offset < 0:
        raise bad_parameter("offset must be a non-negative integer")
    if offset is not None and limit is None:
        raise bad_parameter("offset requires limit to be set")
    page = Page(None if limit is None else min(limit, _MOST_PAGE), None if offset is None else min(offset, _MOST_PAGE))
    return Wanted(body, version, page)


def _number(name: str, said: int | None, query_string: Mapping[str, str]) -> int | None:
    if said is not None or name not in query_string:
        return said
    text = query_string[name]
    plain = text.removeprefix("-")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 19):
        raise bad_parameter(f"Invalid {name} parameter: {text[:50]}")
    return int(text)


def _refuse_unsupported(body: RunBody) -> None:
    if body.query_override is not None:
        raise InvalidInput("query_override is not supported.", attr="query_override")
    if body.filters_override is not None:
        raise InvalidInput("Not allowed for HogQL endpoints. Use variables instead.", attr="filters_override")


def _bound(definition: Definition, given: Mapping[str, Any]) -> Mapping[str, Value]:
    """The values of all variables: the caller's over the endpoint's own."""
    if not given:
        return definition.values
    unknown = [name for name in given if name not in definition.values]
    if unknown:
        shown = ", ".join(name[:60] for name in unknown[:10])
        allowed = ", ".join(definition.values) or "none"
        raise InvalidInput(f"Unknown variable(s): {shown}. This endpoint's variables: {allowed}.", attr="variables")
    for name, value in given.items():
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict | list) for v in value)):
            text = f"The value of variable {name} must be a text, a number, a boolean, null, or a list of those."
            raise InvalidInput(text, attr="variables")
    return {**definition.values, **given}
