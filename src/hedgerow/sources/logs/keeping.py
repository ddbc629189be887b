"""Whether a log still has all that its tables have not seen; and what becomes of them when it has not."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.connectors.changes import LogState
from hedgerow.kit.ids import uuid7
from hedgerow.sources import ledger
from hedgerow.sources.logs.records import ChangeLog
from hedgerow.sources.logs.shelf import LogShelf
from hedgerow.sources.records import FAILED, Schema, Source
from hedgerow.sources.shelf import Shelf

_RESYNC = "Resync its tables to read them anew: until then they stay as they are."


def loss(log: ChangeLog, state: LogState, system: str | None = None) -> str | None:
    """Why changes are missing, if they are."""
    if log.position is None:
        return None
    slot = f'The replication slot "{log.slot_name}"'
    if not state.slot_exists:
        return f"{slot} is gone, and with it the changes since the last ones that were read."
    if not state.usable:
        return f"{slot} was given up by the server, which no longer has the changes that come next."
    if state.confirmed is not None and state.confirmed > log.position:
        return f"{slot} was read by somebody else, or made anew: the changes that come next are missing."
    if system is not None and log.system not in (None, system):
        return "This is another server than the one that was followed."
    return None


@dataclass(frozen=True, slots=True)
class LogKeeping:
    """What is done to a log and its tables; within the caller's transaction."""

    shelf: Shelf
    logs: LogShelf

    def lose(self, session: Session, source: Source, text: str) -> None:
        """No table of the log can go on: each says so, and is read anew only when somebody asks."""
        text = f"{text} {_RESYNC}"
        none = {"position": None, "system": None, "warning": None}
        self.logs.set(session, source.project_id, source.id, none)
        for schema in self.shelf.schemas(session, [source]):
            if schema.following:
                self.halt(session, schema, text)

    def halt(self, session: Session, schema: Schema, text: str) -> Schema:
        """One table cannot go on."""
        run_id = self.note(session, schema)
        ledger.end(session, run_id, FAILED, {"error": text})
        values = {"cursor": None, "reset": True, "status": FAILED, "latest_error": text}
        return self.shelf.change_schema(session, schema.id, values)

    def note(self, session: Session, schema: Schema) -> UUID:
        """A run of its own in the history."""
        run_id = uuid7()
        ledger.begin(session, schema, run_id)
        return run_id
