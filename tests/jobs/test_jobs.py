"""Jobs on both stores against the one suite."""

import pytest

from hedgerow.store import Store
from tests.conformance.jobs import JobsConformance

pytestmark = pytest.mark.anyio


class TestSqlite(JobsConformance):
    @pytest.fixture
    def store(self, sqlite_store: Store) -> Store:
        return sqlite_store


class TestPostgres(JobsConformance):
    @pytest.fixture
    def store(self, postgres_store: Store) -> Store:
        return postgres_store
