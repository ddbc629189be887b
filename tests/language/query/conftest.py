"""The project the tests of queries ask."""

import pytest

from hedgerow.engine.chdb import ChdbEngine
from tests.language.query.catalogs import Asker
from tests.language.query.project import Project, open_project


@pytest.fixture(scope="session")
def project(chdb_engine: ChdbEngine) -> Project:
    """A project with tables, views and rows in the embedded engine."""
    return open_project(chdb_engine)


@pytest.fixture(scope="session")
def ask(chdb_engine: ChdbEngine) -> Asker:
    """Asks the shared catalog, whose tables hold a few rows in the embedded engine."""
    return Asker(chdb_engine)
