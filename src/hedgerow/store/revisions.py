"""Revisions: a number per subject that grows with every change, so that memories elsewhere know they are old."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sqlalchemy import BigInteger, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hedgerow.store.base import Base

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RevisionRow(Base):
    """`subject` is such as `catalog:1` or `endpoints:1`."""

    __tablename__ = "revisions"

    subject: Mapped[str] = mapped_column(String(200), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, default=0)


def bump(session: Session, subject: str) -> None:
    """Count a change of `subject`, in the caller's transaction."""
    done = session.execute(
        update(RevisionRow).where(RevisionRow.subject == subject).values(number=RevisionRow.number + 1)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        session.add(RevisionRow(subject=subject, number=1))


def current(session: Session, subject: str) -> int:
    """How often `subject` has changed."""
    return session.scalar(select(RevisionRow.number).where(RevisionRow.subject == subject)) or 0


class Remembered(Generic[K, V]):
    """A memory of values by key: checked against their revision at most once a second, loaded anew when it moved.

    `revision(key)` must be cheap; `load(key)` may be slow. `forget(key)` makes a writer's own process see its write.
    """

    def __init__(self, revision: Callable[[K], int], load: Callable[[K], V], seconds: float = 1.0) -> None:
        self._revision, self._load, self._seconds = revision, load, seconds
        self._entries: dict[K, tuple[int, float, V]] = {}
        self._lock = threading.Lock()

    def peek(self, key: K) -> V | None:
        """The value when it is fresh enough to use without asking the store; else `None`."""
        entry = self._entries.get(key)
        return entry[2] if entry and time.monotonic() - entry[1] < self._seconds else None

    def get(self, key: K) -> V:
        """The value, at most `seconds` behind the store."""
        if (value := self.peek(key)) is not None:
            return value
        with self._lock:
            if (value := self.peek(key)) is not None:
                return value
            number = self._revision(key)
            entry = self._entries.get(key)
            value = entry[2] if entry and entry[0] == number else self._load(key)
            self._entries[key] = (number, time.monotonic(), value)
            return value

    async def fetch(self, key: K) -> V:
        """As `get`, without blocking the event loop when the store has to be asked."""
        value = self.peek(key)
        return value if value is not None else await asyncio.to_thread(self.get, key)

    def forget(self, key: K) -> None:
        """Load `key` anew at its next use."""
        with self._lock:
            self._entries.pop(key, None)
