"""Puts the room together from what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgerow.engine.base import Engine
from hedgerow.files import Files
from hedgerow.kit.outgoing import OutgoingGuard
from hedgerow.kit.settings import Settings
from hedgerow.store import Secrets, Store
from hedgerow.warehouse.catalog import Catalogs, Contributor
from hedgerow.warehouse.linked import LinkedTables
from hedgerow.warehouse.names import Taken
from hedgerow.warehouse.shapes import Owners
from hedgerow.warehouse.shelf import Shelf
from hedgerow.warehouse.synced import SyncedTables
from hedgerow.warehouse.tables import Tables
from hedgerow.warehouse.uploads import Keeping, Retirement, Staging, Uploads


@dataclass(frozen=True, slots=True)
class Backends:
    """What the room stands on."""

    store: Store
    secrets: Secrets
    engine: Engine
    files: Files


@dataclass(frozen=True, slots=True)
class Warehouse:
    """The room: `start` before the first request, `close` after the last. `owners` tell of tables that they keep."""

    tables: Tables
    uploads: Uploads
    staging: Staging
    catalogs: Catalogs
    retirement: Retirement
    synced: SyncedTables
    upload_max_bytes: int
    owners: list[Owners]

    async def start(self) -> None:
        """Take away what an earlier process left half-done."""
        await self.retirement.sweep()

    async def close(self) -> None:
        """Take away replaced tables that still had a grace."""
        await self.retirement.close()


def open_warehouse(
    backends: Backends,
    settings: Settings,
    taken: Sequence[Taken] = (),
    contributors: Sequence[Contributor] = (),
    guard: OutgoingGuard | None = None,
) -> Warehouse:
    """`taken` are other rooms' claims on names, `contributors` their tables for the catalog."""
    guard = guard or OutgoingGuard(settings.allow_private_hosts)
    incoming: Path = settings.home_path / "incoming"
    shelf = Shelf(backends.secrets, taken)
    catalogs = Catalogs(backends.store, shelf, guard, contributors)
    retirement = Retirement(backends.store, shelf, backends.engine, backends.files, incoming)
    keeping = Keeping(backends.files, incoming)
    uploads = Uploads(backends.store, shelf, catalogs, backends.engine, keeping, retirement)
    staging = Staging(keeping, uploads)
    linked = LinkedTables(backends.engine, guard)
    tables = Tables(backends.store, shelf, catalogs, linked, uploads, retirement)
    synced = SyncedTables(shelf, catalogs, tables.farewells)
    return Warehouse(tables, uploads, staging, catalogs, retirement, synced, settings.upload_max_bytes, [])
