"""Puts the room together from what is open."""

from dataclasses import dataclass

from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom
from hedgerow.kit.settings import Settings
from hedgerow.materialize import Tables
from hedgerow.store import Store
from hedgerow.views.changes import Changes, TableTaken
from hedgerow.views.reading import Reading
from hedgerow.views.runs.materializing import Materializing
from hedgerow.views.runs.running import POLICY, Running
from hedgerow.views.runs.waves import RUN, WAVE, Waves
from hedgerow.views.texts.planning import Planning
from hedgerow.views.texts.preparing import Preparation
from hedgerow.views.texts.rewriting import Rewriting
from hedgerow.warehouse.catalog import Catalogs


@dataclass(frozen=True, slots=True)
class Backends:
    """What the room stands on. `table_taken` asks the warehouse whether a table has a name."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    table_taken: TableTaken
    tables: Tables
    jobs: JobRoom


@dataclass(frozen=True, slots=True)
class Views:
    """The room."""

    reading: Reading
    changes: Changes
    planning: Planning
    materializing: Materializing
    catalogs: Catalogs
    engine: Engine


def open_views(backends: Backends, settings: Settings) -> Views:
    """Everything saved queries need, bound together."""
    store, engine, catalogs = backends.store, backends.engine, backends.catalogs
    preparation = Preparation(engine, catalogs, settings)
    rewriting = Rewriting(store, catalogs, preparation)
    waves = Waves(backends.jobs.jobs)
    running = Running(store, catalogs, preparation, backends.tables, waves, settings)
    backends.jobs.kinds.register(RUN, running.run, POLICY)
    backends.jobs.kinds.register(WAVE, running.wave)
    materializing = Materializing(store, catalogs, backends.tables, backends.jobs, waves)
    changes = Changes(store, catalogs, preparation, rewriting, materializing, backends.table_taken)
    planning = Planning(store, engine, catalogs, preparation, settings)
    return Views(Reading(store, catalogs), changes, planning, materializing, catalogs, engine)
