"""Runs as files: a kept one while it is fresh, somebody else's, or a new one, sent while it is made."""

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import structlog

from hedgerow.endpoints.journal.entries import Noted
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run.cached.flights import Flights
from hedgerow.endpoints.run.cached.results import MOST_BYTES, Result
from hedgerow.endpoints.run.envelope import target
from hedgerow.endpoints.run.formats.choosing import Format
from hedgerow.endpoints.run.formats.growing import Growing, Head
from hedgerow.endpoints.run.formats.producing import Made, Production, head_of
from hedgerow.endpoints.run.paths import tables_name
from hedgerow.endpoints.run.running import Runs
from hedgerow.endpoints.run.serving import Order
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.ids import uuid_label
from hedgerow.web.access import Access

_QUICK_SECONDS = 0.05
"""What is whole so soon is answered whole, with its length and its tag."""
_log = structlog.get_logger("hedgerow.endpoints")


@dataclass(frozen=True, slots=True)
class File:
    """A run's answer: `whole`, or still `growing` while `task` makes it. `until`: when it is to be made anew."""

    endpoint: Endpoint
    chosen: Format
    head: Head
    until: float
    kept: bool
    whole: bytes | None
    growing: Growing
    task: asyncio.Task[None] | None = None
    execution_id: str = field(default_factory=uuid_label)
    noting: ExitStack = field(default_factory=ExitStack)
    """Notes the run, once it is sent."""

    def tell(self, noted: Noted) -> None:
        """Note what it came to."""
        if facts := self.growing.facts:
            noted.answer = self.execution_id, facts, self.kept

    def close(self) -> None:
        """End what makes it; nobody reads on."""
        if self.task is not None:
            self.task.cancel()


@dataclass(frozen=True, slots=True)
class Exports:
    """Runs endpoints in other formats than JSON. Each format is kept for itself, as long as a JSON result."""

    runs: Runs
    flights: Flights[Made] = field(default_factory=Flights)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(
        self, access: Access, name: str, raw: bytes | None, query_string: Mapping[str, str], chosen: Format
    ) -> File:
        """The file, begun: whatever is wrong until its first byte is raised as a `HedgerowError`."""
        known = await self.runs.entered(access, name)
        with ExitStack() as noting:
            noted = noting.enter_context(self.runs.recorder.begin(access.principal, known[0].endpoint))
            order = await self.runs.counted(access, known, raw, query_string, noted)
            endpoint = order.definition.endpoint
            noted.asks(endpoint.version, order.asked.values, direct=order.mode == "direct")
            file = await self._found(order, chosen)
            self.runs.usage.note(endpoint, now())
            noting.callback(file.tell, noted)
            return file if file.whole is not None else replace(file, noting=noting.pop_all())

    async def _found(self, order: Order, chosen: Format) -> File:
        serving, version = self.runs.serving, order.definition.endpoint.version
        tables = "" if order.mode == "direct" else tables_name(version)
        key = f"{await serving.keys.key(version, order.catalog, order.asked, tables)}:{chosen.name}"
        kept = await self._kept(key, order, chosen) if order.mode == "cache" else None
        serving.results.count(hit=kept is not None)
        return await self._new(key, order, chosen) if kept is None else _old(kept, order, chosen)

    async def close(self) -> None:
        """End all that is being made."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _kept(self, key: str, order: Order, chosen: Format) -> Result | None:
        """A kept file that may still be told; when its time is over, a new one is made meanwhile."""
        found, version = await self.runs.serving.results.find(key), order.definition.endpoint.version
        if found is None:
            return None
        late = now().timestamp() - target(found, version.data_freshness_seconds)
        if late >= version.stale_while_revalidate_seconds:
            return None
        if late >= 0 and not self.flights.aloft(key):
            self._begin(self._refresh(key, order, chosen))
        return found

    async def _new(self, key: str, order: Order, chosen: Format) -> File:
        # More than is kept: whoever makes what is small never waits for its reader.
        growing = Growing(2 * MOST_BYTES, self.runs.serving.settings.api_query_timeout)
        task = self._begin(self._make(key, order, chosen, growing))
        try:
            head = await growing.begun()
            whole = await growing.whole(_QUICK_SECONDS, MOST_BYTES)
        except BaseException:
            task.cancel()
            raise
        endpoint = order.definition.endpoint
        timed = Result(b"", b"", b"", b"", head.made, head.tables_at)
        # Who asks for a new one each time must not get the browser's own.
        until = target(timed, endpoint.version.data_freshness_seconds) if order.mode == "cache" else 0.0
        return File(endpoint, chosen, head, until, growing.shared, whole, growing, task)

    async def _make(self, key: str, order: Order, chosen: Format, growing: Growing) -> None:
        """Into `growing`; with those who ask for the same meanwhile, as long as it is small."""
        production = Production(self.runs.serving, order, chosen, key, growing)
        try:
            if order.mode != "cache" or order.client_query_id is not None:
                made, mine = await production.small(), True
            else:
                made, mine = await self.flights.join(key, production.small)
            if made.result is None:
                await production.rest()
            elif not mine:
                growing.shared = True
                growing.begin(head_of(made.result))
                await growing.add(made.result.rows)
                growing.end(facts=made.result.noted)
        except Exception as error:
            growing.end(error)  # whoever reads it is told
        finally:
            await production.close()

    async def _refresh(self, key: str, order: Order, chosen: Format) -> None:
        production = Production(self.runs.serving, order, chosen, key, Growing(sys.maxsize, 0))
        try:
            await self.flights.join(key, production.small)
        except HedgerowError as error:
            _log.warning("a stale file was not made anew", endpoint=order.definition.endpoint.name, code=error.code)
        finally:
            await production.close()

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


def _old(kept: Result, order: Order, chosen: Format) -> File:
    endpoint = order.definition.endpoint
    until = target(kept, endpoint.version.data_freshness_seconds)
    growing = Growing(sys.maxsize, 0)
    growing.end(facts=kept.noted)
    return File(endpoint, chosen, head_of(kept), until, True, kept.rows, growing)
