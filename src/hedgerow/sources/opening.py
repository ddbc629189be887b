"""Puts the room together from what is open."""

from dataclasses import dataclass, replace

from hedgerow.checks import Checks
from hedgerow.connectors import Connectors
from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom
from hedgerow.materialize import Tables
from hedgerow.sources.changing import Changing
from hedgerow.sources.creating import Creating
from hedgerow.sources.editing import Editing
from hedgerow.sources.reading import Reading
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.revenue import Revenue, Switch
from hedgerow.sources.scheduling import DISCOVER, SYNC, Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync.loading import Loading
from hedgerow.sources.sync.running import POLICY, Syncing
from hedgerow.store import Secrets, Store
from hedgerow.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Backends:
    """What the room stands on."""

    store: Store
    secrets: Secrets
    connectors: Connectors
    jobs: JobRoom
    warehouse: Warehouse
    tables: Tables
    engine: Engine
    checks: Checks
    switch: Switch


@dataclass(frozen=True, slots=True)
class Sources:
    """The room: `close` after the last request and the last job."""

    remotes: Remotes
    reading: Reading
    creating: Creating
    changing: Changing
    editing: Editing
    revenue: Revenue

    async def close(self) -> None:
        """Let the threads go that ask remotes."""
        await self.remotes.close()


def open_sources(backends: Backends) -> Sources:
    """Everything sources need, bound together."""
    store, shelf, remotes = backends.store, Shelf(backends.secrets), Remotes(backends.connectors)
    scheduling, synced = Scheduling(backends.jobs, shelf), backends.warehouse.synced
    reading = Reading(store, shelf, synced, backends.jobs.jobs)
    backends.warehouse.owners.append(reading.owned)
    revenue = Revenue(shelf, backends.switch)
    creating = Creating(store, shelf, remotes, scheduling, revenue)
    changing = Changing(store, shelf, remotes, scheduling, synced, backends.tables, revenue)
    loading = Loading(backends.engine, backends.tables)
    syncing = Syncing(store, shelf, remotes, synced, backends.tables, backends.checks, loading, scheduling)
    backends.jobs.kinds.register(SYNC, syncing.run, replace(POLICY, on_failure=syncing.died))
    backends.jobs.kinds.register(DISCOVER, changing.look)
    return Sources(remotes, reading, creating, changing, Editing(changing), revenue)
