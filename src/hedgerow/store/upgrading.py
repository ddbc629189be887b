"""Brings a store's schema up to date with Alembic, one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from hedgerow.kit.errors import HedgerowError

_ADVISORY_LOCK = 0x6865646765  # any number, the same in every process


class StoreIsNewer(HedgerowError):
    """The store was migrated by a later version of Hedgerow than this one."""


def scripts() -> ScriptDirectory:
    """The migrations that come with this version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(engine: Engine, lock_file: Path | None) -> None:
    """Run every migration that `engine` lacks; `lock_file` keeps processes on one SQLite file apart."""
    directory = scripts()
    with _alone(lock_file), engine.connect() as connection:
        if lock_file is None:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
        try:
            _upgrade(connection, directory)
        finally:
            if lock_file is None:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
                connection.commit()


def _upgrade(connection: Connection, directory: ScriptDirectory) -> None:
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in directory.walk_revisions()}
    if present is not None and present not in known:
        raise StoreIsNewer(f"The metadata is of a newer version of Hedgerow (revision {present}). Upgrade Hedgerow.")
    if present == directory.get_current_head():
        return
    config = Config()
    with EnvironmentContext(
        config, directory, fn=lambda revision, _context: directory._upgrade_revs("head", revision)
    ) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with environment.begin_transaction():
            environment.run_migrations()
        connection.commit()


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
