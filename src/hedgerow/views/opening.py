"""Puts the room together from what is open."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from hedgerow.checks import Checks
from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom
from hedgerow.kit.settings import Settings
from hedgerow.materialize import Tables
from hedgerow.store import Store
from hedgerow.views import links
from hedgerow.views.changes import Changes, Texts
from hedgerow.views.folders.keeping import Folders
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.reading import Reading
from hedgerow.views.runs.composing import Composing
from hedgerow.views.runs.inputs import Inputs
from hedgerow.views.runs.making import Making
from hedgerow.views.runs.materializing import Materializing
from hedgerow.views.runs.running import POLICY, Running
from hedgerow.views.runs.waves import RUN, WAVE, Waves
from hedgerow.views.texts.increments import Eligibility
from hedgerow.views.texts.managed import ManagedViews
from hedgerow.views.texts.planning import Planning
from hedgerow.views.texts.preparing import Preparation
from hedgerow.views.texts.rewriting import Rewriting
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.records import TableRecord


@dataclass(frozen=True, slots=True)
class Backends:
    """What the room stands on."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    tables: Tables
    jobs: JobRoom
    checks: Checks
    neighbours: Neighbours


@dataclass(frozen=True, slots=True)
class Views:
    """The room."""

    reading: Reading
    changes: Changes
    planning: Planning
    materializing: Materializing
    catalogs: Catalogs
    engine: Engine
    checks: Checks
    eligibility: Eligibility
    managed: ManagedViews
    folders: Folders

    def table_gone(self, session: Session, table: TableRecord) -> None:
        """Forget the saved joins and the checks of a warehouse table that is deleted, in that transaction."""
        links.drop_of(session, table.project_id, table.name)
        self.checks.drop_of(session, table.project_id, table.id)


def open_views(backends: Backends, settings: Settings) -> Views:
    """Everything saved queries need, bound together."""
    store, engine, catalogs = backends.store, backends.engine, backends.catalogs
    preparation = Preparation(engine, catalogs, settings)
    rewriting = Rewriting(store, catalogs, preparation)
    waves = Waves(backends.jobs.jobs)
    inputs = Inputs(store, catalogs, backends.checks)
    composing = Composing(engine, backends.tables)
    making = Making(store, engine, catalogs, preparation, backends.tables, composing, inputs, settings)
    running = Running(store, catalogs, making, backends.tables, waves, backends.checks, inputs)
    backends.jobs.kinds.register(RUN, running.run, POLICY)
    backends.jobs.kinds.register(WAVE, running.wave)
    materializing = Materializing(store, catalogs, backends.tables, backends.jobs, waves)
    neighbours = backends.neighbours
    eligibility = Eligibility(preparation, catalogs)
    texts = Texts(preparation, rewriting, eligibility)
    changes = Changes(store, catalogs, texts, materializing, neighbours, backends.checks)
    planning = Planning(store, engine, catalogs, preparation, neighbours, settings)
    reading = Reading(store, catalogs, neighbours)
    rooms = (reading, changes, planning, materializing, catalogs, engine, backends.checks)
    return Views(*rooms, eligibility, ManagedViews(neighbours), Folders(store, changes))
