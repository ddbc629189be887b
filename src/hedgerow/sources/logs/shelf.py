"""The shelf of logs: reads and writes within the caller's transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hedgerow.sources.logs.records import ChangeLog
from hedgerow.sources.rows import LogRow
from hedgerow.store import Secrets

_LOG = tuple(field.name for field in fields(ChangeLog))


class LogShelf:
    """Rows of logs."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def get(self, session: Session, source_id: UUID, *, lock: bool = False) -> ChangeLog | None:
        """A source's log. `lock`: nobody else moves it before this transaction ends."""
        chosen = select(LogRow).where(LogRow.source_id == source_id).execution_options(populate_existing=True)
        row = session.scalar(chosen.with_for_update() if lock else chosen)
        return _log(row) if row is not None else None

    def by_ids(self, session: Session, ids: Iterable[UUID]) -> dict[UUID, ChangeLog]:
        """Those of several sources that have one."""
        return {row.source_id: _log(row) for row in session.scalars(select(LogRow).where(LogRow.source_id.in_(ids)))}

    def set(self, session: Session, project_id: int, source_id: UUID, values: Mapping[str, Any]) -> ChangeLog:
        """Make a log, or change it."""
        row = session.get(LogRow, source_id, populate_existing=True)
        if row is None:
            row = LogRow(source_id=source_id, project_id=project_id, farewell=self._secrets.encrypt("{}"))
            session.add(row)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return _log(row)

    def leave(self, session: Session, source_id: UUID, config: Mapping[str, Any]) -> None:
        """The source is gone: keep what it connected with until its slot is dropped."""
        row = session.get_one(LogRow, source_id, populate_existing=True)
        row.enabled, row.farewell = False, self._secrets.encrypt(orjson.dumps(dict(config)).decode())
        session.flush()

    def farewell(self, session: Session, source_id: UUID) -> dict[str, Any]:
        """What `leave` kept; empty while the source is there."""
        row = session.get_one(LogRow, source_id, populate_existing=True)
        found: dict[str, Any] = orjson.loads(self._secrets.decrypt(row.farewell))
        return found

    def forget(self, session: Session, source_id: UUID) -> None:
        """Remove a log, and what was kept with it."""
        session.execute(delete(LogRow).where(LogRow.source_id == source_id))


def _log(row: LogRow) -> ChangeLog:
    return ChangeLog(**{name: getattr(row, name) for name in _LOG})
