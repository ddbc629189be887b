"""The registry of connectors."""

import subprocess
import sys
from pathlib import Path

import pytest

from hedgerow.connectors import Connectors
from hedgerow.connectors.sqlite import SqliteConnector


def test_connectors_are_found_by_their_type(tmp_path: Path) -> None:
    registry = Connectors({"SQLite": lambda: SqliteConnector(tmp_path)})
    one = registry.get("SQLite")
    assert one is not None
    assert one.declaration.source_type == "SQLite"
    assert registry.get("Postgres") is None
    assert list(registry) == [one]
    assert registry.types == ["SQLite"]


def test_a_connector_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    made: list[SqliteConnector] = []

    def make() -> SqliteConnector:
        made.append(SqliteConnector(tmp_path))
        return made[-1]

    registry = Connectors({"SQLite": make})
    assert registry.types == ["SQLite"]
    assert not made
    assert registry.get("SQLite") is registry.get("SQLite") is made[0]
    assert len(made) == 1


def test_a_type_has_a_connector_of_its_own_type(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MySQL is one of SQLite"):
        Connectors({"MySQL": lambda: SqliteConnector(tmp_path)}).get("MySQL")


def test_no_driver_is_loaded_before_a_source_needs_it() -> None:
    drivers = ("alembic", "asyncssh", "boto3", "deltalake", "psycopg", "pyiceberg", "pymysql", "httpx")
    script = f"import sys, hedgerow.app; print([name for name in {drivers} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
