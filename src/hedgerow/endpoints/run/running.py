"""A run: checks in the documented order, values bound, the order served, its result in the envelope."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgerow.endpoints.bodies import ALIAS, NAME
from hedgerow.endpoints.errors import bad_parameter, no_alias, no_endpoint, no_version, unknown_variables
from hedgerow.endpoints.journal.entries import Noted
from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run import binding, envelope, paths, querying
from hedgerow.endpoints.run.bodies import RunBody, parsed
from hedgerow.endpoints.run.envelope import Debug
from hedgerow.endpoints.run.memory import Definition, Definitions
from hedgerow.endpoints.run.orders import Orders
from hedgerow.endpoints.run.paths import Asked
from hedgerow.endpoints.run.plans import Page
from hedgerow.endpoints.run.replying import Reply
from hedgerow.endpoints.run.serving import QUERY, Order, Served, Serving
from hedgerow.endpoints.run.usage import Usage
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError, InvalidInput, NotFound
from hedgerow.kit.ids import uuid_label
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import Value
from hedgerow.queries.kinds import Kinds
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.web.access import Access, Grant

_MOST_PAGE = 2**31 - 1
_LARGE_BODY = 50_000
"""From this many bytes a body is worked on in a thread: it would hold up everybody else's run."""


Known = tuple[Definition, Catalog, Grant | None]
"""The endpoint's current definition, the project's tables, and what the caller is tied to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run's request, read: the body, and `version`, `limit`, `offset` from body or query string."""

    body: RunBody
    version: int | str | None
    page: Page


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs endpoints."""

    definitions: Definitions
    catalogs: Catalogs
    serving: Serving
    usage: Usage
    recorder: Recorder
    kinds: Kinds
    orders: Orders = field(default_factory=Orders)

    async def run(self, access: Access, name: str, raw: bytes | None, query_string: Mapping[str, str]) -> Reply:
        """The answer; `raw` is the request's body, `None` that of a GET. Raises `HedgerowError` for what is wrong."""
        known = await self.entered(access, name)
        with self.recorder.begin(access.principal, known[0].endpoint) as noted:
            order = await self.counted(access, known, raw, query_string, noted)
            version = order.definition.endpoint.version
            noted.asks(version, order.asked.values, direct=order.mode == "direct")
            served = await self.serving.serve(order)
            debug = Debug(await self._hogql(order), served.key, served.result.facts) if order.debug else None
            content = self.told(order, served, noted, debug)
            # Who asks for a new result each time must not get the browser's own.
            return Reply(content, version, served.result, served.until if order.mode == "cache" else 0.0)

    def told(self, order: Order, served: Served, noted: Noted, debug: Debug | None = None) -> bytes:
        """The answer's JSON, with an id of its own; the run is noted where runs are."""
        execution_id, result = uuid_label(), served.result
        noted.answer = execution_id, result.noted, result.kept
        self.usage.note(order.definition.endpoint, now())
        return envelope.body(order.memory.beginning(served), execution_id, order.definition, debug)

    async def entered(self, access: Access, name: str) -> Known:
        """What a run begins with; whoever asks for an endpoint there is not is counted. Raises `HedgerowError`."""
        grant = binding.grant_of(access.principal, name)
        try:
            current = await self._active(access.project_id, name)
        except NotFound:
            await access.admit(QUERY, ())
            raise
        return current, await self.catalogs.fetch(access.project_id), grant

    async def counted(
        self, access: Access, known: Known, raw: bytes | None, query_string: Mapping[str, str], noted: Noted
    ) -> Order:
        """What was asked, once the request is counted, also when it is wrong: by the rates of runs that are answered
        from tables, or by those of queries. Raises `HedgerowError`."""
        current, catalog, grant = known
        plain, body = grant is None and not query_string, raw or b""
        order = self.orders.find(current, catalog, body) if plain else None
        large = len(body) > _LARGE_BODY
        if large:  # before anybody works on it
            await access.admit(QUERY, current.charges)
        if order is None:
            try:
                order = await self._ordered(known, raw, query_string, noted)
            except HedgerowError:
                if not large:
                    await access.admit(QUERY, current.charges)
                raise
            if plain:
                self.orders.keep(current, body, order)
        if not large:
            await access.admit(await self.serving.bucket(order), current.charges)
        return order

    async def _ordered(self, known: Known, raw: bytes | None, query_string: Mapping[str, str], noted: Noted) -> Order:
        """What was asked, checked in the documented order. Raises `HedgerowError`."""
        current, catalog, grant = known
        large = len(raw or b"") > _LARGE_BODY
        body = await _body(raw, query_string)
        wanted = read(body, query_string)
        given: Mapping[str, Any] = querying.texts(query_string) if raw is None else body.variables or {}
        noted.values = given
        binding.check_body(grant, body)
        number = binding.version_of(grant, _meant(current.endpoint, wanted))
        definition = await self._version(catalog.project_id, current, number)
        # A store may hold kinds that this release does not run.
        self.kinds.find(definition.endpoint.version.query.get("kind"), publishable=True)
        _refuse_unsupported(body)
        version, debug = definition.endpoint.version, bool(body.debug)
        paths.check_mode(version, direct=body.mode() == "direct")
        if raw is None:
            given = querying.values(query_string, definition, given)
        given = binding.tied(grant, version.number, definition.values, given)
        noted.version, noted.values = version, given
        values = bound(definition, given)
        paths.check_required(version, definition.values, given)
        asked = Asked(values, wanted.page, large or debug)
        return Order(definition, catalog, asked, body.mode(), body.client_query_id, debug)

    async def _hogql(self, order: Order) -> str:
        """The query with this run's values in it."""
        version, direct = order.definition.endpoint.version, order.mode == "direct"
        way = await self.serving.paths.choose(version, order.catalog, order.asked, direct=direct)
        return way.compiled.hogql

    async def _active(self, project_id: int, name: str) -> Definition:
        """The endpoint's current definition; one that is switched off is not there."""
        found = await self.definitions.find(project_id, name, None) if NAME.match(name) else None
        if found is None or not found.endpoint.is_active:
            raise no_endpoint(name)
        return found

    async def _version(self, project_id: int, current: Definition, number: int | None) -> Definition:
        endpoint, found = current.endpoint, current
        number = endpoint.default_version if number is None else number
        if number != endpoint.current_version:
            other = None
            if 1 <= number <= endpoint.current_version:
                other = await self.definitions.find(project_id, endpoint.name, number)
            if other is None:
                raise no_version(number, endpoint.current_version)
            found = other
        if not found.endpoint.version.is_active:
            raise InvalidInput(f"Version {found.endpoint.version.number} of this endpoint is inactive.", attr="version")
        return found


async def _body(raw: bytes | None, query_string: Mapping[str, str]) -> RunBody:
    if raw is None:
        return querying.options(query_string)
    return await asyncio.to_thread(parsed, raw) if len(raw) > _LARGE_BODY else parsed(raw)


def read(body: RunBody, query_string: Mapping[str, str]) -> Wanted:
    """`version`, `limit` and `offset` of the body, else of the query string; raises in the hand-made shape."""
    version = body.version if body.version is not None else _reference(query_string)
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


def _reference(query_string: Mapping[str, str]) -> int | str | None:
    text = query_string.get("version")
    return text if text is not None and ALIAS.match(text) else _number("version", None, query_string)


def _meant(endpoint: Endpoint, wanted: Wanted) -> int | None:
    """The number of the wanted version, which need not exist."""
    if wanted.version is None:
        return None
    number = endpoint.number_of(wanted.version)
    if number is None:
        fault = no_alias(str(wanted.version))
        raise fault if wanted.body.version is not None else bad_parameter(f"Invalid version parameter: {fault.detail}")
    return number


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


def bound(definition: Definition, given: Mapping[str, Any]) -> Mapping[str, Value]:
    """The values of all variables: the caller's over the endpoint's own, each of its variable's type."""
    if not given:
        return definition.values
    values = {**definition.values, **given}
    if len(values) > len(definition.values):
        raise unknown_variables([name for name in given if name not in definition.values], definition.values)
    for name, value in given.items():
        kind = definition.types[name]
        if type(value) not in kind.plain:
            values[name] = kind.fitted(name, value)
    return values
