"""The handler that follows a source's log: what it brings is published together with how far it was read."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from hedgerow.connectors import SourceError
from hedgerow.connectors.changes import ChangeSource, LogLost, LogState, change_source
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.errors import NotFound
from hedgerow.sources import ledger
from hedgerow.sources.changes.gathering import Followed, Gatherer, Portion
from hedgerow.sources.changes.reader import LogReader
from hedgerow.sources.changes.wave import Live, Wave, Waves, followed
from hedgerow.sources.logs.keeping import LogKeeping, loss
from hedgerow.sources.logs.lagging import TooFarBehind, warning
from hedgerow.sources.logs.records import ChangeLog, read_cursor
from hedgerow.sources.records import COMPLETED, CONSOLIDATED, FAILED, Schema, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.store import Store

T = TypeVar("T")
_LEG_SECONDS = 300.0
"""How long one job follows; the next takes over. What it brought is noted in the history then."""
_PACK_SECONDS = 1800.0
"""How much longer it may take where a table is being packed."""
_QUIET_SECONDS = 10.0
"""How often a log in which nothing concerns us is confirmed, so that the remote need not keep it."""
LAG_SECONDS = 5.0
"""How often it is seen to how much the remote keeps. That ends the reading too where the remote is to stop, which waits
for whoever reads its log."""
_SETTINGS = (
    "should_sync",
    "sync_type",
    "sync_frequency",
    "primary_key_columns",
    "enabled_columns",
    "evolution",
    "reset",
    "cursor",
    "table_id",
    "history_id",
    "cdc_table_mode",
)
_log = structlog.get_logger("hedgerow.sources")


class Moved(Exception):
    """A schema was changed, or another began to follow: begin anew from what is published."""


def may_pass(fault: BaseException) -> bool:
    """Whether a fault is of what is away and will be back."""
    return not isinstance(fault, SourceError) or fault.retryable


POLICY = Policy(
    tries=10,
    first_wait=timedelta(seconds=1),
    longest_wait=timedelta(minutes=1),
    standing=True,
    keep=20,
    is_outage=may_pass,
)


@dataclass(slots=True)
class Leg:
    """What one reading of the log goes by."""

    source: Source
    log: ChangeLog
    config: dict[str, Any]
    changes: ChangeSource
    live: dict[UUID, Live]
    begun: float = field(default_factory=time.monotonic)
    confirmed_at: float = field(default_factory=time.monotonic)
    looked_at: float = 0.0
    system: str | None = None

    @property
    def packing(self) -> bool:
        """Whether a table is being packed, which would be lost."""
        return any(parts.pack is not None for each in self.live.values() for parts in each.parts.values())


@dataclass(frozen=True, slots=True)
class Following:
    """The handler of `FOLLOW`."""

    store: Store
    remotes: Remotes
    keeping: LogKeeping
    scheduling: Scheduling
    waves: Waves

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Follow until there is nothing to follow, or for the time of a leg."""
        end, rows = time.monotonic() + _LEG_SECONDS, 0
        while time.monotonic() < end:
            leg = await self._write(lambda session: self._begin(session, job, control))
            if leg is None:
                break
            if not leg.live:
                await self._lead(leg, control, end)
                break
            try:
                await self._lead(leg, control, end)
            finally:
                rows += sum(each.rows for each in leg.live.values())
                await asyncio.shield(self._write(partial(self._note, leg)))
        return {"rows": rows}

    # --- inside

    async def _lead(self, leg: Leg, control: Control, end: float) -> None:
        try:
            await self._follow(leg, control, end)
        except Moved:
            return
        except TooFarBehind as fault:
            text = str(fault)
            await self.remotes.work(lambda: leg.changes.close_place(leg.config, leg.log.place))
            await self._write(lambda session: self._lose(session, control, leg, text))
        except LogLost as fault:
            text = fault.text
            await self._write(lambda session: self._lose(session, control, leg, text))
        except SourceError as fault:
            text, final = fault.text, not fault.retryable
            await self._write(lambda session: self._tell(session, control, leg, text, final=final))
            raise

    def _begin(self, session: Session, job: Job, control: Control) -> Leg | None:
        control.confirm(session)
        source_id = UUID(job.payload["source"])
        log = self.keeping.logs.get(session, source_id)
        try:
            source = self.keeping.shelf.get(session, job.project_id or 0, source_id)
        except NotFound:
            return None
        changes = change_source(self.remotes.connector(source.source_type))
        following = [schema for schema in self.keeping.shelf.schemas(session, [source]) if schema.following]
        if log is None or not log.enabled or changes is None:
            return None
        if not following:  # a log that nobody reads fills the remote's disk
            if not log.managed or self._read(session, source):
                return Leg(source, log, self.keeping.shelf.config(session, source), changes, {})
            self.scheduling.tidy_log(session, source.project_id, source.id)
            return None
        ids = {table_id for s in following for table_id in (s.table_id, s.history_id) if table_id is not None}
        tables = self.waves.synced.by_ids(session, source.project_id, ids)
        found = {schema.id: followed(schema, tables) for schema in following}
        live = {schema_id: each for schema_id, each in found.items() if each is not None}
        # The slot was dropped while nobody followed it, or a table was taken away.
        lost = following if log.position is None else [s for s in following if s.id not in live]
        for schema in lost:
            self.keeping.shelf.change_schema(session, schema.id, {"cursor": None, "reset": True})
            self.scheduling.trigger(session, schema)
        if lost:
            return None
        return Leg(source, log, self.keeping.shelf.config(session, source), changes, live)

    def _read(self, session: Session, source: Source) -> bool:
        """Whether a table is being read whole, for which the log is kept."""
        schemas = self.keeping.shelf.schemas(session, [source])
        return any(self.scheduling.reading(session, schema) for schema in schemas)

    def _unwanted(self, leg: Leg) -> bool:
        """Whether nobody wants what the log holds; whoever does later begins where it stands then. Blocking."""
        with self.store.write() as session:
            log = self.keeping.logs.get(session, leg.source.id, lock=True)
            schemas = self.keeping.shelf.schemas(session, [leg.source])
            if log is None or not log.enabled or any(s.following for s in schemas) or self._read(session, leg.source):
                return False
            self.keeping.logs.set(session, leg.source.project_id, leg.source.id, {"position": None, "system": None})
            return True

    async def _follow(self, leg: Leg, control: Control, end: float) -> None:
        start = leg.log.position or 0
        state = await self.remotes.work(lambda: leg.changes.state(leg.config, leg.log.place))
        if (lost := loss(leg.log, state)) is not None:
            raise LogLost(lost)
        await self._look(leg, control, state)
        if not leg.live:
            if not leg.log.managed:
                unwanted = partial(self._unwanted, leg)
                await self.remotes.work(lambda: leg.changes.advance(leg.config, leg.log.place, unwanted))
            return
        published = await self.remotes.work(lambda: leg.changes.logged(leg.config, leg.log.place))
        await self.waves.hold(leg.live)
        wave = Wave(faults=_absent(leg, published))
        gatherer = Gatherer([_followed(each.schema) for each in leg.live.values()], start)
        try:
            async with LogReader(lambda: leg.changes.read_log(leg.config, leg.log.place, start), gatherer) as reader:
                async for portion in reader.portions():
                    await self._portion(leg, control, reader, wave, portion)
                    if time.monotonic() > (end + _PACK_SECONDS if leg.packing else end) and not wave:
                        return
        finally:
            await asyncio.shield(self.waves.drop(wave, leg.live))

    async def _look(self, leg: Leg, control: Control, state: LogState) -> None:
        """See how much the remote keeps; raises `TooFarBehind` when that is to end."""
        leg.looked_at = time.monotonic()
        told = warning(leg.log, state)
        if told != leg.log.warning:
            leg.log = await self._write(lambda session: self._warn(session, control, leg, told))

    def _warn(self, session: Session, control: Control, leg: Leg, told: str | None) -> ChangeLog:
        control.confirm(session)
        if told is not None:
            _log.warning("log is far behind", source=str(leg.source.id), reason=told)
        return self.keeping.logs.set(session, leg.source.project_id, leg.source.id, {"warning": told})

    async def _portion(self, leg: Leg, control: Control, reader: LogReader, wave: Wave, portion: Portion) -> None:
        if leg.log.system not in (None, reader.system):
            raise LogLost("This is another server than the one that was followed.")
        if leg.system is None:
            await self._write(lambda session: self._recovered(session, control, leg))
        leg.system = reader.system
        if time.monotonic() - leg.looked_at > LAG_SECONDS:
            state = await self.remotes.work(lambda: leg.changes.state(leg.config, leg.log.place))
            await self._look(leg, control, state)
        if not wave:
            await self.waves.repack(wave, leg.live)
        await self.waves.apply(wave, leg.live, portion)
        if portion.end is None:
            return
        position = portion.end
        if wave:
            await self.waves.finish(wave)
            held = await self._write(lambda session: self._publish(session, control, leg, wave, position))
            self.waves.synced.catalogs.forget(leg.source.project_id)
            changed = bool(wave.anew or wave.faults)
            if not held:
                reader.confirm(position)
            if changed:
                wave.working.clear()
                raise Moved
            await self.waves.tend(wave, leg.live)
            wave.working.clear()
            return
        if not await self._write(lambda session: self._idle(session, control, leg, position)):
            reader.confirm(position)

    def _publish(self, session: Session, control: Control, leg: Leg, wave: Wave, end: int) -> bool:
        """Rows and position in one transaction; whether the log is held for a table that is being read."""
        held = self._checked(session, control, leg)
        leg.live = self.waves.publish(session, wave, leg.live, end)
        if not held:
            self._move(session, leg, end)
        return held

    def _idle(self, session: Session, control: Control, leg: Leg, end: int) -> bool:
        """Nothing happened: whether the log is held, or was moved too lately to do so again."""
        held = self._checked(session, control, leg)
        late = time.monotonic() - leg.confirmed_at > _QUIET_SECONDS
        if not held and late and end > (leg.log.position or 0):
            self._move(session, leg, end)
            return False
        return True

    def _move(self, session: Session, leg: Leg, end: int) -> None:
        values = {"position": end, "system": leg.system}
        leg.log = self.keeping.logs.set(session, leg.source.project_id, leg.source.id, values)
        leg.confirmed_at = time.monotonic()

    def _checked(self, session: Session, control: Control, leg: Leg) -> bool:
        """Raises `Moved` when the tables are not those that are followed; whether the log is held for another one."""
        control.confirm(session)
        log = self.keeping.logs.get(session, leg.source.id, lock=True)
        if log is None or not log.enabled or log.position is None or log.position != leg.log.position:
            raise Moved
        leg.log = log  # its thresholds may be others
        schemas = self.keeping.shelf.schemas(session, [leg.source])
        now = {schema.id: schema for schema in schemas if schema.following}
        if now.keys() != leg.live.keys():
            raise Moved
        for schema_id, each in leg.live.items():
            if any(getattr(now[schema_id], name) != getattr(each.schema, name) for name in _SETTINGS):
                raise Moved
        return any(self.scheduling.reading(session, schema) for schema in schemas)

    def _recovered(self, session: Session, control: Control, leg: Leg) -> None:
        """The log is read again: what was told of it does not hold any more."""
        control.confirm(session)
        for each in leg.live.values():
            if each.schema.latest_error is not None or each.schema.status != COMPLETED:
                told = {"status": COMPLETED, "latest_error": None}
                each.schema = self.keeping.shelf.change_schema(session, each.schema.id, told)

    def _note(self, leg: Leg, session: Session) -> None:
        """What the leg brought, in the history."""
        for each in leg.live.values():
            if each.rows:
                run_id = self.keeping.note(session, each.schema)
                ledger.end(session, run_id, COMPLETED, {"rows_synced": each.rows, "error": None})
                each.rows = 0

    def _lose(self, session: Session, control: Control, leg: Leg, text: str) -> None:
        control.confirm(session)
        _log.warning("log lost", source=str(leg.source.id), reason=text)
        for schema in self.keeping.shelf.schemas(session, [leg.source]):
            if self.scheduling.reading(session, schema):  # what it reads cannot be followed
                self.scheduling.stop(session, schema)
                self.keeping.halt(session, schema, text)
        self.keeping.lose(session, leg.source, text)

    def _tell(self, session: Session, control: Control, leg: Leg, text: str, *, final: bool) -> None:
        """Why the log cannot be read just now; the tables stay as they are, and go on from there."""
        control.confirm(session)
        for each in leg.live.values():
            told = {"latest_error": text, **({"status": FAILED} if final else {})}
            self.keeping.shelf.change_schema(session, each.schema.id, told)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _followed(schema: Schema) -> Followed:
    history = schema.table_mode != CONSOLIDATED
    return Followed(schema.id, schema.name, tuple(schema.key), read_cursor(schema.cursor or {}), history)


def _absent(leg: Leg, published: dict[str, int]) -> dict[UUID, str]:
    """Tables whose changes are not in the log any more."""
    names = {number: name for name, number in published.items()}
    told = {}
    for schema_id, each in leg.live.items():
        name, number = each.schema.name, read_cursor(each.schema.cursor or {}).number
        now = names.get(number)
        if now is None:
            told[schema_id] = f"Table {name} is gone, or is not published any more: its changes are missing. Resync it."
        elif now != name:
            told[schema_id] = f"Table {name} is called {now} now. Refresh the source's tables."
    return told
