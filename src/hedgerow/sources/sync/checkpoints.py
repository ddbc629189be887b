"""How far reads of whole tables have come, written down, so that the next try goes on there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hedgerow.kit.clock import now
from hedgerow.materialize import Tables
from hedgerow.sources.records import Schema
from hedgerow.sources.rows import CheckpointRow
from hedgerow.sources.sync.planning import Plan

_LONGEST_REST = timedelta(days=1)
_LONGEST_READ = timedelta(days=7)


class Abandoned(Exception):
    """Somebody has let go what was read so far: begin anew."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What `CheckpointRow` says."""

    made_by: str
    place: Mapping[str, Any]
    pieces: tuple[str, ...]
    changed: str | None
    tally: Mapping[str, Any]
    begun_at: datetime
    at: datetime

    @property
    def physicals(self) -> tuple[str, ...]:
        """Every table that is kept for it."""
        return (*self.pieces, self.changed) if self.changed else self.pieces


def made_by(schema: Schema, plan: Plan, version: str) -> str:
    """Tells reads apart that cannot go on from each other: by what is read, how, and with which `version` of the
    source's values."""
    how = (schema.sync_type, schema.incremental_field, schema.primary_key_columns, schema.reset)
    told = [version, *how, plan.key, [(t.name, t.type, t.remote, t.lenient) for t in plan.targets]]
    return sha256(orjson.dumps(told)).hexdigest()


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """All within the caller's transaction."""

    tables: Tables

    def find(self, session: Session, schema_id: UUID) -> Checkpoint | None:
        """The one of a schema."""
        row = session.get(CheckpointRow, schema_id, populate_existing=True)
        if row is None:
            return None
        values = {field.name: getattr(row, field.name) for field in fields(Checkpoint)}
        return Checkpoint(**{**values, "pieces": tuple(row.pieces)})

    def unfit(self, session: Session, found: Checkpoint, maker: str) -> str | None:
        """Why a read cannot go on from there; `None` when it can."""
        if found.made_by != maker:
            return "the table, the source or how it is synced has changed"
        if now() - found.at > _LONGEST_REST or now() - found.begun_at > _LONGEST_READ:
            return "it is too long ago"
        return None if self.tables.are_kept(session, found.physicals) else "what was read is not there any more"

    def save(self, session: Session, schema: Schema, before: Checkpoint | None, after: Checkpoint) -> None:
        """Put one in the place of another, which this read has made or found; raises `Abandoned`."""
        there = self.find(session, schema.id)
        if (there and there.physicals) != (before and before.physicals):
            raise Abandoned
        self.tables.keep(session, after.physicals)
        if before is not None:
            self.tables.retire(session, sorted({*before.physicals} - {*after.physicals}))
        values = {field.name: getattr(after, field.name) for field in fields(Checkpoint)}
        row = CheckpointRow(schema_id=schema.id, project_id=schema.project_id, **{**values, "pieces": [*after.pieces]})
        session.merge(row)

    def forget(self, session: Session, schema_ids: Iterable[UUID]) -> None:
        """Let go what was read so far."""
        chosen = CheckpointRow.schema_id.in_(list(schema_ids))
        found = session.scalars(select(CheckpointRow).where(chosen)).all()
        for row in found:
            self.tables.retire(session, [*row.pieces, *([row.changed] if row.changed else [])])
        if found:
            session.execute(delete(CheckpointRow).where(chosen))
