"""Both stores against the one suite; what only one of them has; migrations by several processes at once."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hedgerow.store import Store
from hedgerow.store.sessions import StoreUrlWrong
from tests.conformance.store import StoreConformance

_MIGRATE = "import sys; from hedgerow.store import Store; Store(sys.argv[1]).migrate(); print('done')"


class TestSqlite(StoreConformance):
    @pytest.fixture
    def store(self, sqlite_store: Store) -> Store:
        return sqlite_store


class TestPostgres(StoreConformance):
    @pytest.fixture
    def store(self, postgres_store: Store) -> Store:
        return postgres_store


def _migrated_by_many(url: str) -> None:
    command = [sys.executable, "-c", _MIGRATE, url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        output, errors = process.communicate(timeout=60)
        assert output == "done\n", errors


def test_processes_migrate_one_sqlite_file_at_once(tmp_path: Path) -> None:
    _migrated_by_many(f"sqlite:///{tmp_path / 'metadata.sqlite'}")


def test_processes_migrate_one_postgres_database_at_once(postgres_url: str) -> None:
    _migrated_by_many(postgres_url)


def test_the_sqlite_file_is_its_owners(sqlite_store: Store, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "metadata.sqlite").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://", "not a url"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StoreUrlWrong, match="HEDGEROW_DATABASE_URL"):
        Store(url)


def test_a_store_that_is_gone_is_not_ready() -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/nothing")
    assert not store.ready()
    store.dispose()
