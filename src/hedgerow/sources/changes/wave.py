"""One wave: portions applied to working tables, until they are published together with where the log stands."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.checks import Checks
from hedgerow.connectors import Refused
from hedgerow.kit.clock import now
from hedgerow.materialize import Tables
from hedgerow.sources.changes.applying import Applying, RowMissing, Working
from hedgerow.sources.changes.gathering import Portion, TableChanges
from hedgerow.sources.changes.history import Histories
from hedgerow.sources.changes.packing import Packing, Parts
from hedgerow.sources.changes.shaping import Frozen, ReadAnew, shape
from hedgerow.sources.logs import marks
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.records import read_cursor
from hedgerow.sources.records import COMPLETED, CONSOLIDATED, HISTORY, Schema
from hedgerow.sources.scheduling import Scheduling
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.synced import Synced, SyncedTables
from hedgerow.warehouse.types import kept


class Lane(Enum):
    """What a log is made into: the table as it is, and one of all its changes."""

    TABLE = "table"
    HISTORY = "history"


Place: TypeAlias = tuple[UUID, Lane]
"""A table of a schema."""


@dataclass(slots=True)
class Live:
    """What follows its log, as it is served. `rows` were changed since its last run was noted."""

    schema: Schema
    served: dict[Lane, TableRecord]
    rows: int = 0
    parts: dict[Lane, Parts] = field(default_factory=lambda: {lane: Parts() for lane in Lane})


def followed(schema: Schema, tables: Mapping[UUID, TableRecord]) -> Live | None:
    """A schema with the tables that it is to have; `None` when one of them is missing."""
    ids = {Lane.TABLE: schema.main_id, Lane.HISTORY: schema.history_id}
    wanted = {CONSOLIDATED: [Lane.TABLE], HISTORY: [Lane.HISTORY]}.get(schema.table_mode, list(Lane))
    found = {lane: tables.get(table_id) for lane, table_id in ids.items() if lane in wanted and table_id is not None}
    served = {lane: table for lane, table in found.items() if table is not None}
    return Live(schema, served) if len(served) == len(wanted) else None


@dataclass(slots=True)
class Wave:
    """What has been applied and is not published. `anew` are tables to be read whole, `faults` those that stop."""

    working: dict[Place, Working] = field(default_factory=dict)
    anew: set[UUID] = field(default_factory=set)
    faults: dict[UUID, str] = field(default_factory=dict)
    figures: dict[Place, tuple[int, int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.working or self.anew or self.faults)


@dataclass(frozen=True, slots=True)
class Waves:
    """Applies and publishes waves."""

    applying: Applying
    histories: Histories
    packing: Packing
    tables: Tables
    synced: SyncedTables
    checks: Checks
    keeping: LogKeeping
    scheduling: Scheduling

    async def hold(self, live: dict[UUID, Live]) -> None:
        """Let no table be merged where it is served: the wave that takes its place would not have that."""
        for each in live.values():
            for record in each.served.values():
                await self.applying.hold(each.schema.project_id, record.physical or "")

    async def apply(self, wave: Wave, live: dict[UUID, Live], portion: Portion) -> None:
        """Apply a portion. A table that cannot go on stops alone."""
        wave.faults |= {schema_id: text for schema_id, text in portion.faults.items() if schema_id in live}
        for changes in portion.tables:
            schema_id = changes.followed.schema_id
            if schema_id not in live or schema_id in wave.anew or schema_id in wave.faults:
                continue
            try:
                for lane in live[schema_id].served:
                    await self._apply(wave, live[schema_id], lane, changes)
            except (ReadAnew, RowMissing):
                wave.anew.add(schema_id)
            except (Frozen, Refused) as fault:
                wave.faults[schema_id] = str(fault)
        for schema_id in (wave.anew | set(wave.faults)) & set(live):
            for lane, parts in live[schema_id].parts.items():
                await self.packing.drop(parts)
                if (schema_id, lane) in wave.working:
                    await self._discard(wave.working.pop((schema_id, lane)))

    async def finish(self, wave: Wave) -> None:
        """Count what is to be published."""
        for place, working in wave.working.items():
            wave.figures[place] = await self.applying.figures(working)

    async def drop(self, wave: Wave, live: dict[UUID, Live]) -> None:
        """Let go of what will not be published, and of what is made aside."""
        for working in wave.working.values():
            await asyncio.shield(self._discard(working))
        wave.working.clear()
        for each in live.values():
            for parts in each.parts.values():
                await self.packing.drop(parts)

    async def repack(self, wave: Wave, live: dict[UUID, Live]) -> None:
        """Tables whose packed copies are ready take their places, though nothing may have changed."""
        for schema_id, each in live.items():
            for lane in each.served:
                if each.parts[lane].ready and (schema_id, lane) not in wave.working:
                    logged = read_cursor(each.schema.cursor or {}).columns
                    packed = await self.packing.packed(each.parts[lane], logged)
                    if packed is not None:
                        wave.working[schema_id, lane] = packed

    async def tend(self, wave: Wave, live: dict[UUID, Live]) -> None:
        """After a wave was published: see to the parts that it left."""
        for (schema_id, lane), working in wave.working.items():
            if schema_id in live:
                count = wave.figures[schema_id, lane][2]
                await self.packing.tend(live[schema_id].parts[lane], working, count)

    def publish(self, session: Session, wave: Wave, live: dict[UUID, Live], end: int) -> dict[UUID, Live]:
        """Let the working tables be served; within the caller's transaction. The tables that go on following."""
        after = dict(live)
        for schema_id in {schema_id for schema_id, _ in wave.working}:
            after[schema_id] = self._serve(session, live[schema_id], wave, end)
        for schema_id, text in wave.faults.items():
            self.keeping.halt(session, after.pop(schema_id).schema, text)
        for schema_id in wave.anew - set(wave.faults):
            schema = after.pop(schema_id).schema
            self.keeping.shelf.change_schema(session, schema_id, {"cursor": None, "reset": True})
            self.scheduling.trigger(session, schema)
        return after

    # --- inside

    async def _apply(self, wave: Wave, each: Live, lane: Lane, changes: TableChanges) -> None:
        schema, place, parts = each.schema, (each.schema.id, lane), each.parts[lane]
        working, history = wave.working.get(place), lane is Lane.HISTORY
        served = [column.column for column in each.served[lane].columns]
        columns = working.columns if working else marks.physical(served) if history else served
        known = working.logged if working else read_cursor(schema.cursor or {}).columns
        there = {column.name: column.type for column in (marks.own(columns) if history else columns)}
        found = shape(schema, known, there, changes.table)
        emptied = changes.emptied is not None
        if emptied and working is not None and not history:
            await self._discard(wave.working.pop(place))
            working = None
        if emptied or found.reshaped:  # a copy that is made aside knows nothing of that
            await self.packing.drop(parts)
        if working is None:
            key = (*schema.key, marks.OPEN) if history else schema.key
            if emptied and not history:
                working = await self.applying.empty(schema.project_id, columns, key)
            else:
                present = each.served[lane]
                named = schema.project_id, present.physical or ""
                working = await self.applying.clone(*named, columns, key, present.row_count)
        wave.working[place] = working
        apply = self.histories.apply if history else self.applying.apply
        await apply(working, changes, found, parts.since)

    def _serve(self, session: Session, each: Live, wave: Wave, end: int) -> Live:
        schema, served, rows, logged = each.schema, dict(each.served), 0, None
        for lane, present in each.served.items():
            if (working := wave.working.get((schema.id, lane))) is None:
                continue
            self.tables.publish(session, [working.physical])
            self.tables.retire(session, [present.physical or ""])
            made = self._made(schema, lane, present, working, wave.figures[schema.id, lane])
            served[lane] = self.synced.publish(session, schema.project_id, present, made)
            self.checks.watching.published(session, schema.project_id, present.id)
            rows, logged = max(rows, working.count), working.logged
        cursor = replace(read_cursor(schema.cursor or {}), lsn=end, columns=logged or {})
        values = {"cursor": cursor.kept(), "last_synced_at": now(), "status": COMPLETED, "latest_error": None}
        changed = self.keeping.shelf.change_schema(session, schema.id, values)
        return Live(changed, served, each.rows + rows, each.parts)

    def _made(
        self, schema: Schema, lane: Lane, present: TableRecord, working: Working, figures: tuple[int, int, int]
    ) -> Synced:
        known = {column.column: column for column in present.columns}
        shown = [column for column in working.columns if column.name != marks.OPEN]
        columns = tuple(known.get(column) or kept((column,))[0] for column in shown)
        name = schema.history_name if lane is Lane.HISTORY else schema.table_name
        return Synced(schema.id, name, working.physical, columns, *figures[:2])

    async def _discard(self, working: Working) -> None:
        await self.tables.discard(working.project_id, working.physical)
