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
from hedgerow.sources.changes.history import Histories
from hedgerow.sources.changes.packing import Packing
from hedgerow.sources.changes.wave import Waves
from hedgerow.sources.changing import Changing
from hedgerow.sources.creating import Creating
from hedgerow.sources.direct.connections import Connections
from hedgerow.sources.direct.fetching import Fetching
from hedgerow.sources.editing import Editing
from hedgerow.sources.events.shelf import EventShelf, WebhookShelf
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.leaving import Leaving
from hedgerow.sources.logs.marks import Seeding
from hedgerow.sources.logs.settling import Settling
from hedgerow.sources.logs.shelf import LogShelf
from hedgerow.sources.parked.credentials import FORGET, Parked
from hedgerow.sources.reading import Reading
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.revenue import Revenue, Switch
from hedgerow.sources.scheduling import APPLY, DISCOVER, FOLLOW, SYNC, TIDY, UNHOOK, Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.sources.sync.checkpoints import Checkpoints
from hedgerow.sources.sync.loading import Loading
from hedgerow.sources.sync.running import POLICY, Syncing
from hedgerow.sources.sync.snapshots import Snapshots
from hedgerow.sources.sync.stepping import Memory
from hedgerow.sources.webhooks.applying import POLICY as APPLYING
from hedgerow.sources.webhooks.applying import EventApplying
from hedgerow.sources.webhooks.arranging import Arranging
from hedgerow.sources.webhooks.leaving import Unhooking
from hedgerow.sources.webhooks.receiving import Receiving
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
    arranging: Arranging
    receiving: Receiving
    connections: Connections

    async def close(self) -> None:
        """Let the threads go that ask remotes."""
        await self.remotes.close()


def open_sources(backends: Backends, most_rows: int, seconds: float) -> Sources:
    """Everything sources need, bound together. A query may have `most_rows` of a remote's table; `seconds` pass between
    two places of a long read."""
    store, shelf, remotes = backends.store, Shelf(backends.secrets), Remotes(backends.connectors)
    scheduling, synced = Scheduling(backends.jobs, shelf), backends.warehouse.synced
    logs, hooks, events = LogShelf(backends.secrets), WebhookShelf(backends.secrets), EventShelf()
    reading = Reading(store, shelf, synced, backends.jobs.jobs, logs)
    backends.warehouse.owners.append(reading.owned)
    revenue = Revenue(shelf, backends.switch)
    settling = Settling(store, LogKeeping(shelf, logs), remotes, scheduling)
    parked = Parked(store, backends.secrets, remotes, backends.jobs.jobs)
    backends.jobs.kinds.register(FORGET, parked.forget)
    creating = Creating(store, shelf, remotes, scheduling, revenue, settling, parked)
    changing = Changing(store, shelf, remotes, scheduling, synced, backends.tables, revenue, logs, hooks, events)
    _register(backends, settling, changing, seconds)
    pushing = (store, shelf, hooks, events, remotes, scheduling)
    made = (reading, creating, changing, Editing(changing), revenue, settling)
    fetching = Fetching(backends.engine, backends.tables, most_rows)
    connections = Connections(store, shelf, remotes, backends.warehouse.catalogs, fetching)
    return Sources(remotes, *made, Arranging(*pushing), Receiving(*pushing), connections)


def _register(backends: Backends, settling: Settling, changing: Changing, seconds: float) -> None:
    """What the room does in the background."""
    store, keeping, kinds = backends.store, settling.keeping, backends.jobs.kinds
    remotes, scheduling, synced = settling.remotes, settling.scheduling, changing.synced
    memory = Memory(store, Checkpoints(backends.tables), seconds)
    loading, snapshots = Loading(backends.engine, backends.tables, memory), Snapshots(store, keeping, scheduling)
    seeding = Seeding(backends.engine, backends.tables)
    serving = synced, backends.tables, backends.checks
    doing = loading, snapshots, scheduling, seeding, changing.events
    syncing = Syncing(store, keeping.shelf, remotes, *(*serving, *doing))
    kinds.register(SYNC, syncing.run, replace(POLICY, on_failure=syncing.died))
    kinds.register(DISCOVER, changing.look)
    applying = Applying(backends.engine, backends.tables)
    applied = applying, Histories(applying), Packing(applying)
    waves = Waves(*applied, backends.tables, synced, backends.checks, keeping, scheduling)
    kinds.register(FOLLOW, Following(store, remotes, keeping, scheduling, waves).run, FOLLOWING)
    leaving = Leaving(store, keeping, remotes, scheduling)
    kinds.register(TIDY, leaving.run, leaving.policy)
    kept = (store, keeping.shelf, changing.hooks, changing.events, remotes)
    pushed = EventApplying(*kept, *serving, applying, scheduling)
    kinds.register(APPLY, pushed.run, APPLYING)
    unhooking = Unhooking(store, changing.hooks, remotes)
    kinds.register(UNHOOK, unhooking.run, unhooking.policy)
