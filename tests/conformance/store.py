"""What every metadata store must do: inherited by SQLite and PostgreSQL."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, text

import hedgerow.accounts.rows
import hedgerow.endpoints.rows
import hedgerow.jobs.rows
import hedgerow.materialize.rows
import hedgerow.variables.rows
import hedgerow.views.rows
import hedgerow.warehouse.rows  # noqa: F401  (every room's rows, so that the metadata is whole)
from hedgerow.accounts.rows import UserRow
from hedgerow.store import Store
from hedgerow.store.base import Base
from hedgerow.store.migrating import scripts
from hedgerow.store.revisions import Remembered, bump, current
from hedgerow.store.upgrading import MIGRATIONS, StoreIsNewer, revisions


class StoreConformance:
    """Subclasses bring a fixture `store`: fresh and migrated."""

    def test_migrations_make_what_the_rows_say(self, store: Store) -> None:
        with store.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            differences = compare_metadata(context, Base.metadata)
        assert not differences

    def test_a_second_migration_only_looks(self, store: Store) -> None:
        said: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *told: said.append(told[2].split()[0]))
        store.migrate()
        assert said
        assert set(said) <= {"SELECT", "PRAGMA"}

    def test_a_store_that_is_behind_is_brought_up_to_date(self, store: Store) -> None:
        newest, before = list(scripts(MIGRATIONS).walk_revisions())[:2]
        with store.engine.begin() as connection:
            context = MigrationContext.configure(connection)
            with Operations.context(context):
                newest.module.downgrade()
            connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": before.revision})
        store.migrate()
        with store.engine.connect() as connection:
            assert not compare_metadata(MigrationContext.configure(connection), Base.metadata)

    def test_files_are_named_after_their_revisions(self) -> None:
        walked = [script.revision for script in scripts(MIGRATIONS).walk_revisions()]
        assert walked[::-1] == revisions()

    def test_a_newer_store_is_refused(self, store: Store) -> None:
        with store.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreIsNewer, match="9999"):
            store.migrate()

    def test_an_exception_undoes_a_transaction(self, store: Store) -> None:
        def fail_half_way() -> None:
            with store.write() as session:
                bump(session, "thing")
                session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_half_way()
        with store.read() as session:
            assert current(session, "thing") == 0

    def test_concurrent_writers_lose_nothing(self, store: Store) -> None:
        with store.write() as session:
            bump(session, "thing")

        def count() -> None:
            for _ in range(25):
                with store.write() as session:
                    bump(session, "thing")

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as session:
            assert current(session, "thing") == 201

    def test_instants_come_back_aware(self, store: Store) -> None:
        moment = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
        with store.write() as session:
            session.add(UserRow(distinct_id="x", email="x@example.com", created_at=moment))
        with store.read() as session:
            found = session.query(UserRow).one().created_at
        assert found == moment
        assert found.utcoffset() == timedelta(0)
        assert found.tzinfo is not None
        assert found.astimezone(UTC).hour == 7

    def test_memories_see_their_own_writes_and_others_within_a_second(self, store: Store) -> None:
        loads: list[str] = []

        def revision(key: str) -> int:
            with store.read() as session:
                return current(session, key)

        memory = Remembered[str, int](revision, lambda key: loads.append(key) or len(loads), seconds=0.2)
        assert (memory.get("a"), memory.get("a")) == (1, 1)
        with store.write() as session:
            bump(session, "a")
        assert memory.get("a") == 1, "within its time it asks nobody"
        memory.forget("a")
        assert memory.get("a") == 2
        with store.write() as session:
            bump(session, "a")
        time.sleep(0.25)
        assert memory.get("a") == 3
        time.sleep(0.25)
        assert memory.get("a") == 3, "unchanged is not loaded anew"

    def test_it_is_ready(self, store: Store) -> None:
        assert store.ready()
