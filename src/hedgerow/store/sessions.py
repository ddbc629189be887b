"""Sessions: one transaction each, on SQLite in a file or on PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from hedgerow.kit.errors import HedgerowError, Unavailable
from hedgerow.store import upgrading

_BUSY_SECONDS = 30
_POOL = 10
_OVERFLOW = 20
_DISK_FULL = "53100"  # PostgreSQL's code


class StoreUrlWrong(HedgerowError):
    """`HEDGEROW_DATABASE_URL` names no store there is."""


class StoreFull(Unavailable):
    """Nothing more can be written; what is there can be read."""

    code = "no_space"
    default_detail = "The metadata store has no disk space left."


class Store:
    """The metadata store. Its sessions are synchronous: call from threads, never from the event loop."""

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self.engine = _sqlite(self._url) if self._url.get_backend_name() == "sqlite" else _postgresql(self._url)

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed at exit and rolled back by an exception. Raises `StoreFull`."""
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                if self.is_sqlite:
                    # Writers queue here; a lock taken later could fail half-way through.
                    session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
        except OperationalError as error:
            if _is_full(error.orig):
                raise StoreFull() from error
            raise

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction for reading; nothing done in it is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema up to date; one process at a time, the others wait."""
        upgrading.upgrade(self.engine, self._lock_file())

    def ready(self) -> bool:
        """Whether the store answers."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except Exception:
            return False
        return True

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _lock_file(self) -> Path | None:
        return Path(self._url.database + ".migrating") if self.is_sqlite and self._url.database else None


def _is_full(error: BaseException | None) -> bool:
    return getattr(error, "sqlstate", None) == _DISK_FULL or "disk is full" in str(error)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database:
        return parsed
    raise StoreUrlWrong("HEDGEROW_DATABASE_URL must be sqlite:///path or postgresql://user:password@host/database")


def _postgresql(url: URL) -> Engine:
    return create_engine(url, pool_size=_POOL, max_overflow=_OVERFLOW, pool_pre_ping=True)


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    if not path.exists():
        # Before SQLite makes it: the file holds hashes and encrypted credentials.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        url,
        # Python's own transaction handling is off: `write` begins each one as it needs.
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        pool_size=_POOL,
        max_overflow=_OVERFLOW,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
