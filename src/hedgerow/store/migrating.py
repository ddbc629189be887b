"""Runs migrations with Alembic."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def scripts(folder: Path) -> ScriptDirectory:
    """The migrations in a folder."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def migrate(connection: Connection, folder: Path) -> None:
    """Run, in one transaction, those of the folder that come after what the store has."""
    directory = scripts(folder)
    with EnvironmentContext(
        Config(), directory, fn=lambda revision, _context: directory._upgrade_revs("head", revision)
    ) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with environment.begin_transaction():
            environment.run_migrations()
        connection.commit()
