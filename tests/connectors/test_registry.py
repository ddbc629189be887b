"""The registry of connectors."""

from pathlib import Path

import pytest

from hedgerow.connectors import Connectors
from hedgerow.connectors.sqlite import SqliteConnector


def test_connectors_are_found_by_their_type(tmp_path: Path) -> None:
    one = SqliteConnector(tmp_path)
    registry = Connectors([one])
    assert registry.get("SQLite") is one
    assert registry.get("Postgres") is None
    assert list(registry) == [one]


def test_a_type_has_one_connector(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SQLite"):
        Connectors([SqliteConnector(tmp_path), SqliteConnector(tmp_path)])
