"""Puts the room together: what enqueues, what schedules, and what works."""

from dataclasses import dataclass

from hedgerow.jobs.bell import Bell
from hedgerow.jobs.jobs import Jobs
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.schedules import Schedules
from hedgerow.jobs.worker import Worker
from hedgerow.store import Store


@dataclass(frozen=True, slots=True)
class JobRoom:
    """Register kinds, then start the worker; close it before what its handlers use."""

    jobs: Jobs
    schedules: Schedules
    kinds: Kinds
    worker: Worker


def open_jobs(store: Store, slots: int, lease: float) -> JobRoom:
    """The room over a store. `slots`: jobs that run at once here, 0 for none. `lease`: seconds of silence after which a
    worker counts as dead."""
    kinds, bell = Kinds(), Bell(store)
    return JobRoom(Jobs(kinds, bell), Schedules(), kinds, Worker(store, kinds, bell, slots, lease))
