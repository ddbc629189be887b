"""Wakes workers when a transaction that concerns them is committed: here, and through PostgreSQL elsewhere."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import structlog
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from hedgerow.store import Store

if TYPE_CHECKING:
    import psycopg

_CHANNEL = "hedgerow_jobs"
_AGAIN_SECONDS = 1.0
_log = structlog.get_logger("hedgerow.jobs")

News = Literal["work", "cancel"]


class Bell:
    """`ring` in a transaction; once that is committed, `work` or `cancel` is set for whoever waits.

    Between processes PostgreSQL carries it. On SQLite other processes do not hear it and find out by looking.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.work, self.cancel = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ring(self, session: Session, news: News) -> None:
        """Tell the workers after the commit; nothing is told after a rollback."""
        told: set[str] = session.info.setdefault("hedgerow.jobs.told", set())
        if news in told:
            return
        told.add(news)
        event.listen(session, "after_commit", lambda _session: self.strike(news))
        if not self._store.is_sqlite:
            session.execute(text("SELECT pg_notify(:channel, :news)"), {"channel": _CHANNEL, "news": news})

    def strike(self, news: News) -> None:
        """Wake this process's worker at once; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe((self.work if news == "work" else self.cancel).set)

    def attach(self) -> None:
        """Wake whoever waits on this event loop."""
        self._loop = asyncio.get_running_loop()

    async def listen(self) -> None:
        """Hear other processes, until cancelled. A connection that breaks is made anew; meanwhile looking must do."""
        if self._store.is_sqlite:
            return
        import psycopg  # loaded by those who have such a store

        url = self._store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await _connected(url) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    self.work.set()
                    async for notice in connection.notifies():
                        (self.work if notice.payload == "work" else self.cancel).set()
            except psycopg.Error as error:
                _log.warning("not listening for jobs", reason=str(error).strip())
            await asyncio.sleep(_AGAIN_SECONDS)


async def _connected(url: str) -> "psycopg.AsyncConnection[Any]":
    """A connection; the library would leave one open that is cancelled when it is nearly there."""
    import psycopg

    connecting = asyncio.ensure_future(psycopg.AsyncConnection.connect(url, autocommit=True))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        with suppress(psycopg.Error):
            await (await asyncio.shield(connecting)).close()
        raise
