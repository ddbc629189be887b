"""Who lives: workers count their beats in the store, and each watches the others by its own steady clock.

Nobody compares wall clocks, so that neither a clock that jumps nor one that differs from machine to machine makes the
living look dead.
"""

import time

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hedgerow.jobs.moments import now_in_sql
from hedgerow.jobs.rows import WorkerRow


def enter(session: Session, worker: str, *, alone: bool) -> None:
    """Begin to live; `alone`: no other worker can be alive, so that whatever is there is dead."""
    if alone:
        session.execute(delete(WorkerRow))
    session.add(WorkerRow(id=worker, beat=0, started_at=now_in_sql(session)))
    session.flush()  # claims read the table by a statement of their own, past what the session has yet to write


def beat(session: Session, worker: str) -> bool:
    """Show that it lives; `False` when it was taken for dead."""
    done = session.execute(update(WorkerRow).where(WorkerRow.id == worker).values(beat=WorkerRow.beat + 1))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def leave(session: Session, worker: str) -> None:
    """End in order."""
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker))


class Watch:
    """One worker's view of the others: dead is whose beat has not moved for `lease` seconds while it was watched."""

    def __init__(self, worker: str, lease: float) -> None:
        self._worker, self._lease = worker, lease
        self._seen: dict[str, tuple[int, float]] = {}

    def bury(self, session: Session) -> list[str]:
        """Take the dead off the list; their ids."""
        now, seen = time.monotonic(), {}
        for other, count in session.execute(select(WorkerRow.id, WorkerRow.beat)):
            known = self._seen.get(other)
            seen[other] = known if known and known[0] == count else (count, now)
        self._seen = seen
        silent = [(o, c) for o, (c, since) in seen.items() if o != self._worker and now - since >= self._lease]
        return [other for other, count in silent if _bury(session, other, count)]


def _bury(session: Session, worker: str, count: int) -> bool:
    done = session.execute(delete(WorkerRow).where(WorkerRow.id == worker, WorkerRow.beat == count))
    return bool(done.rowcount)  # type: ignore[attr-defined]
