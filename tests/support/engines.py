"""Fixtures for the query engines."""

import asyncio
from collections.abc import Iterator

import pytest

from hedgerow.engine.chdb import ChdbEngine


@pytest.fixture(scope="session")
def chdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """The embedded engine. One process opens one folder: all tests share it and part by database."""
    engine = ChdbEngine(tmp_path_factory.mktemp("engine"))
    yield engine
    asyncio.run(engine.close())
