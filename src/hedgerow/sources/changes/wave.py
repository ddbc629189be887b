"""One wave: portions applied to working tables, until they are published together with where the log stands."""

import asyncio
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.connectors import Refused
from hedgerow.kit.clock import now
from hedgerow.materialize import Tables
from hedgerow.sources.changes.applying import Applying, RowMissing, Working
from hedgerow.sources.changes.gathering import Portion, TableChanges
from hedgerow.sources.changes.shaping import Frozen, ReadAnew, shape
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.records import read_cursor
from hedgerow.sources.records import COMPLETED, Schema
from hedgerow.sources.scheduling import Scheduling
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.synced import Synced, SyncedTables
from hedgerow.warehouse.types import kept


@dataclass(slots=True)
class Live:
    """A table that follows its log, as it is served. `rows` were changed since its last run was noted."""

    schema: Schema
    present: TableRecord
    rows: int = 0


@dataclass(slots=True)
class Wave:
    """What has been applied and is not published. `anew` are tables to be read whole, `faults` those that stop."""

    working: dict[UUID, Working] = field(default_factory=dict)
    anew: set[UUID] = field(default_factory=set)
    faults: dict[UUID, str] = field(default_factory=dict)
    figures: dict[UUID, tuple[int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.working or self.anew or self.faults)


@dataclass(frozen=True, slots=True)
class Waves:
    """Applies and publishes waves."""

    applying: Applying
    tables: Tables
    synced: SyncedTables
    keeping: LogKeeping
    scheduling: Scheduling

    async def apply(self, wave: Wave, live: dict[UUID, Live], portion: Portion) -> None:
        """Apply a portion. A table that cannot go on stops alone."""
        wave.faults |= {schema_id: text for schema_id, text in portion.faults.items() if schema_id in live}
        for changes in portion.tables:
            schema_id = changes.followed.schema_id
            if schema_id not in live or schema_id in wave.anew or schema_id in wave.faults:
                continue
            try:
                await self._apply(wave, live[schema_id], changes)
            except (ReadAnew, RowMissing):
                wave.anew.add(schema_id)
            except (Frozen, Refused) as fault:
                wave.faults[schema_id] = str(fault)
        for schema_id in (wave.anew | set(wave.faults)) & set(wave.working):
            await self._discard(wave.working.pop(schema_id))

    async def finish(self, wave: Wave) -> None:
        """Count what is to be published."""
        for schema_id, working in wave.working.items():
            wave.figures[schema_id] = await self.applying.rows(working)

    async def drop(self, wave: Wave) -> None:
        """Let go of what will not be published."""
        for working in wave.working.values():
            await asyncio.shield(self._discard(working))
        wave.working.clear()

    def publish(self, session: Session, wave: Wave, live: dict[UUID, Live], end: int) -> dict[UUID, Live]:
        """Let the working tables be served; within the caller's transaction. The tables that go on following."""
        after = dict(live)
        for schema_id, working in wave.working.items():
            after[schema_id] = self._serve(session, live[schema_id], working, wave.figures[schema_id], end)
        for schema_id, text in wave.faults.items():
            self.keeping.halt(session, after.pop(schema_id).schema, text)
        for schema_id in wave.anew - set(wave.faults):
            schema = after.pop(schema_id).schema
            self.keeping.shelf.change_schema(session, schema_id, {"cursor": None, "reset": True})
            self.scheduling.trigger(session, schema)
        return after

    # --- inside

    async def _apply(self, wave: Wave, each: Live, changes: TableChanges) -> None:
        schema, working = each.schema, wave.working.get(each.schema.id)
        served = [column.column for column in each.present.columns]
        known = working.logged if working else read_cursor(schema.cursor or {}).columns
        columns = working.columns if working else served
        found = shape(schema, known, {column.name: column.type for column in columns}, changes.table)
        if changes.emptied and working is not None:
            await self._discard(wave.working.pop(schema.id))
        if changes.emptied:
            working = await self.applying.empty(schema.project_id, columns, schema.key)
        elif working is None:
            working = await self.applying.clone(schema.project_id, each.present.physical or "", columns, schema.key)
        wave.working[schema.id] = working
        await self.applying.apply(working, changes, found)

    def _serve(self, session: Session, each: Live, working: Working, figures: tuple[int, int], end: int) -> Live:
        schema, present = each.schema, each.present
        self.tables.publish(session, [working.physical])
        if present.physical:
            self.tables.retire(session, [present.physical])
        columns = present.columns
        if len(working.columns) != len(columns):
            columns = (*columns, *kept(tuple(working.columns[len(columns) :])))
        made = Synced(schema.id, schema.table_name, working.physical, columns, *figures)
        cursor = replace(read_cursor(schema.cursor or {}), lsn=end, columns=working.logged)
        values = {"cursor": cursor.kept(), "last_synced_at": now(), "status": COMPLETED, "latest_error": None}
        changed = self.keeping.shelf.change_schema(session, schema.id, values)
        record = self.synced.publish(session, schema.project_id, present, made)
        return Live(changed, record, each.rows + working.count)

    async def _discard(self, working: Working) -> None:
        await self.tables.discard(working.project_id, working.physical)
