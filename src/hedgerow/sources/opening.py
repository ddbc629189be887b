"""Puts the room together from what is open."""

from dataclasses import dataclass, replace

from hedgerow.checks import Checks
from hedgerow.connectors import Connectors
from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom
from hedgerow.materialize import Tables
from hedgerow.sources.changes.applying import Applying
from hedgerow.sources.changes.following import POLICY as FOLLOWING
from hedgerow.sources.changes.following import Following
from hedgerow.sources.changes.wave import Waves
from hedgerow.sources.changing import Changing
from hedgerow.sources.creating import Creating
from hedgerow.sources.editing import Editing
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.leaving import Leaving
from hedgerow.sources.logs.settling import Settling
from hedgerow.sources.logs.shelf import LogShelf
from hedgerow.sources.reading import Reading
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.revenue import Revenue, Switch
from hedgerow.sources.scheduling import DISCOVER, FOLLOW, SYNC, TIDY, Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync.loading import Loading
from hedgerow.sources.sync.running import POLICY, Syncing
from hedgerow.sources.sync.snapshots import Snapshots
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
    settling: Settling

    async def close(self) -> None:
        """Let the threads go that ask remotes."""
        await self.remotes.close()


def open_sources(backends: Backends) -> Sources:
    """Everything sources need, bound together."""
    store, shelf, remotes = backends.store, Shelf(backends.secrets), Remotes(backends.connectors)
    scheduling, synced = Scheduling(backends.jobs, shelf), backends.warehouse.synced
    logs = LogShelf(backends.secrets)
    reading = Reading(store, shelf, synced, backends.jobs.jobs, logs)
    backends.warehouse.owners.append(reading.owned)
    revenue = Revenue(shelf, backends.switch)
    settling = Settling(store, LogKeeping(shelf, logs), remotes, scheduling)
    creating = Creating(store, shelf, remotes, scheduling, revenue, settling)
    changing = Changing(store, shelf, remotes, scheduling, synced, backends.tables, revenue, logs)
    _register(backends, settling, changing)
    return Sources(remotes, reading, creating, changing, Editing(changing), revenue, settling)


def _register(backends: Backends, settling: Settling, changing: Changing) -> None:
    """What the room does in the background."""
    store, keeping, kinds = backends.store, settling.keeping, backends.jobs.kinds
    remotes, scheduling, synced = settling.remotes, settling.scheduling, changing.synced
    loading, snapshots = Loading(backends.engine, backends.tables), Snapshots(store, keeping)
    serving = synced, backends.tables, backends.checks
    syncing = Syncing(store, keeping.shelf, remotes, *serving, loading, snapshots, scheduling)
    kinds.register(SYNC, syncing.run, replace(POLICY, on_failure=syncing.died))
    kinds.register(DISCOVER, changing.look)
    waves = Waves(Applying(backends.engine, backends.tables), backends.tables, synced, keeping, scheduling)
    kinds.register(FOLLOW, Following(store, remotes, keeping, scheduling, waves).run, FOLLOWING)
    leaving = Leaving(store, keeping, remotes, scheduling)
    kinds.register(TIDY, leaving.run, leaving.policy)
