"""The shelves of webhooks and of their events: reads and writes within the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hedgerow.connectors.webhooks import Event, RowChange
from hedgerow.kit.clock import now
from hedgerow.sources.events.records import (
    APPLIED,
    FAILED,
    PASSED,
    WAITING,
    KeptEvent,
    Newest,
    Webhook,
    digest,
    written,
)
from hedgerow.sources.records import Schema
from hedgerow.sources.rows import EventRow, WebhookRow
from hedgerow.store import Secrets

_WEBHOOK = tuple(field.name for field in fields(Webhook))
_EVENT = tuple(getattr(EventRow, field.name) for field in fields(KeptEvent))
_KEPT = timedelta(days=30)
"""A remote may send an event again for so long, when its user asks for that."""
_TRIMMED = 100
_MOST_EVENTS, _MOST_BYTES = 2_000, 32 << 20


class WebhookShelf:
    """Rows of webhooks; their secrets leave it decrypted, and only by `inputs` and `farewell`."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def of_source(self, session: Session, source_id: UUID) -> Webhook | None:
        """The one that a source has."""
        chosen = select(WebhookRow).where(WebhookRow.source_id == source_id, WebhookRow.leaving.is_(False))
        row = session.scalar(chosen.execution_options(populate_existing=True))
        return _webhook(row) if row is not None else None

    def get(self, session: Session, webhook_id: UUID) -> Webhook | None:
        """One, also when it is leaving."""
        row = session.get(WebhookRow, webhook_id, populate_existing=True)
        return _webhook(row) if row is not None else None

    def add(self, session: Session, project_id: int, source_id: UUID) -> Webhook:
        """A new one that nobody knows of yet."""
        empty = {"inputs": self._sealed({}), "farewell": self._sealed({})}
        row = WebhookRow(id=uuid4(), source_id=source_id, project_id=project_id, **empty)
        session.add(row)
        session.flush()
        return _webhook(row)

    def change(
        self,
        session: Session,
        webhook_id: UUID,
        values: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
    ) -> Webhook:
        """Set some values; `inputs` are set over those that are kept."""
        row = session.get_one(WebhookRow, webhook_id, populate_existing=True)
        for name, value in values.items():
            setattr(row, name, value)
        if inputs:
            row.inputs = self._sealed({**self._opened(row.inputs), **inputs})
        session.flush()
        return _webhook(row)

    def inputs(self, session: Session, webhook_id: UUID) -> dict[str, str]:
        """What proves its deliveries, in plain text: for connectors alone."""
        return self._opened(session.get_one(WebhookRow, webhook_id, populate_existing=True).inputs)

    def leave(self, session: Session, webhook_id: UUID, said: Mapping[str, Any]) -> None:
        """Take no more deliveries, and keep what its source connects with until the remote has removed it."""
        row = session.get_one(WebhookRow, webhook_id, populate_existing=True)
        row.leaving, row.inputs, row.farewell = True, self._sealed({}), self._sealed(said)
        session.flush()

    def farewell(self, session: Session, webhook_id: UUID) -> dict[str, Any]:
        """What `leave` kept."""
        return self._opened(session.get_one(WebhookRow, webhook_id, populate_existing=True).farewell)

    def forget(self, session: Session, webhook_id: UUID) -> None:
        """Remove one, and what was kept with it."""
        session.execute(delete(WebhookRow).where(WebhookRow.id == webhook_id))

    def _sealed(self, values: Mapping[str, Any]) -> str:
        return self._secrets.encrypt(orjson.dumps(dict(values)).decode())

    def _opened(self, stored: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._secrets.decrypt(stored))
        return found


class EventShelf:
    """Rows of events."""

    def keep(self, session: Session, schema: Schema, event: Event, place: int, change: RowChange) -> bool:
        """Keep what an event tells of a row; whether it is new here."""
        values = {
            "schema_id": schema.id,
            "event_id": event.id[:255],
            "place": place,
            "kind": event.kind[:100],
            "at": event.at,
            "row_key": digest(change.key),
            "gone": change.row is None,
            "sure": change.sure,
            "body": written({"key": change.key, "row": change.row}),
            "digest": digest(change.row),
            "state": WAITING,
            "received_at": now(),
        }
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        made = insert(EventRow).values(values).on_conflict_do_nothing().returning(EventRow.id)
        return session.execute(made).scalar() is not None

    def waiting(self, session: Session, schema_id: UUID) -> tuple[list[KeptEvent], bool]:
        """The first that wait, in the order of arrival, as many as are applied at once; whether there may be more."""
        chosen = select(*_EVENT).where(EventRow.schema_id == schema_id, EventRow.state == WAITING)
        found, size = [], 0
        for row in session.execute(chosen.order_by(EventRow.id).limit(_MOST_EVENTS).execution_options(yield_per=100)):
            event = KeptEvent(*row)
            found.append(event)
            size += len(event.body)
            if size > _MOST_BYTES:
                break
        return found, size > _MOST_BYTES or len(found) == _MOST_EVENTS

    def any_waiting(self, session: Session, schema_id: UUID) -> bool:
        """Whether there is one."""
        chosen = select(EventRow.id).where(EventRow.schema_id == schema_id, EventRow.state == WAITING)
        return session.execute(chosen.limit(1)).first() is not None

    def newest(self, session: Session, schema_id: UUID, keys: Iterable[str]) -> dict[str, Newest]:
        """The newest that is in the table, of each of those rows that any event told of."""
        rules = (EventRow.schema_id == schema_id, EventRow.state == APPLIED, EventRow.row_key.in_(list(keys)))
        chosen = select(EventRow.row_key, EventRow.at, EventRow.digest).where(*rules)
        return {
            key: Newest(at, digest) for key, at, digest in session.execute(chosen.order_by(EventRow.at, EventRow.id))
        }

    def settle(
        self, session: Session, applied: Mapping[int, str], passed: Sequence[int], failed: Mapping[int, str]
    ) -> None:
        """Say what became of events: those applied by their digests, those that failed by their errors."""
        done = [{"id": each, "state": APPLIED, "body": "", "digest": mark} for each, mark in applied.items()]
        late = [{"id": each, "state": PASSED, "body": ""} for each in passed]
        wrong = [{"id": each, "state": FAILED, "body": "", "error": error} for each, error in failed.items()]
        for changes in filter(None, (done, late, wrong)):
            session.execute(update(EventRow), changes)

    def expire(self, session: Session, schema_id: UUID, covered: int) -> None:
        """Forget what is in the table by a whole read."""
        session.execute(delete(EventRow).where(EventRow.schema_id == schema_id, EventRow.at < covered))

    def trim(self, session: Session, schema_id: UUID) -> None:
        """Forget what no remote sends again: the oldest, some at a time, so that it costs little each time."""
        for state in (APPLIED, PASSED, FAILED):
            mine = (EventRow.schema_id == schema_id, EventRow.state == state)
            oldest = select(EventRow.id).where(*mine).order_by(EventRow.id).limit(_TRIMMED)
            rules = (EventRow.id.in_(oldest.scalar_subquery()), EventRow.received_at < now() - _KEPT)
            session.execute(delete(EventRow).where(*rules).execution_options(synchronize_session=False))

    def forget(self, session: Session, schema_ids: Iterable[UUID]) -> None:
        """Forget all of those schemas."""
        session.execute(delete(EventRow).where(EventRow.schema_id.in_(list(schema_ids))))

    def figures(self, session: Session, schema_ids: Iterable[UUID]) -> tuple[dict[str, int], Any, str | None]:
        """How many there are by state, when the last one came, and the last error."""
        mine = EventRow.schema_id.in_(list(schema_ids))
        counted = select(EventRow.state, func.count()).where(mine).group_by(EventRow.state)
        last = select(EventRow.received_at).where(mine).order_by(EventRow.id.desc()).limit(1)
        error = select(EventRow.error).where(mine, EventRow.state == FAILED).order_by(EventRow.id.desc()).limit(1)
        by_state = {row[0]: int(row[1]) for row in session.execute(counted)}
        return by_state, session.scalar(last), session.scalar(error)


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(**{name: getattr(row, name) for name in _WEBHOOK})
