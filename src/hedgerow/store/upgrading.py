"""Brings a store's schema up to date, one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hedgerow.kit.errors import HedgerowError

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6865646765  # any number, the same in every process
_NOTED = "alembic_version"


class StoreIsNewer(HedgerowError):
    """The store was migrated by a later version of Hedgerow than this one."""


def revisions() -> list[str]:
    """What this version knows, oldest first: each file is named after its revision."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def upgrade(engine: Engine, lock_file: Path | None) -> None:
    """Run every migration that `engine` lacks; `lock_file` keeps processes on one SQLite file apart."""
    with _alone(lock_file), engine.connect() as connection:
        if lock_file is None:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
        try:
            _upgrade(connection)
        finally:
            if lock_file is None:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
                connection.commit()


def _upgrade(connection: Connection) -> None:
    present, known = _present(connection), revisions()
    if present is not None and present not in known:
        raise StoreIsNewer(f"The metadata is of a newer version of Hedgerow (revision {present}). Upgrade Hedgerow.")
    if present == known[-1]:
        return
    from hedgerow.store.migrating import migrate  # most starts have nothing to migrate, and Alembic is slow to load

    connection.rollback()
    migrate(connection, MIGRATIONS)


def _present(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_NOTED):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_NOTED}")).scalar()


@contextmanager
def _alone(lock_file: Path | None) -> Iterator[None]:
    if lock_file is None:
        yield
        return
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
