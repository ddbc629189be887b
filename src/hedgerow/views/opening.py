"""Puts the room together from what is open."""

from dataclasses import dataclass

from hedgerow.engine.base import Engine
from hedgerow.kit.settings import Settings
from hedgerow.store import Store
from hedgerow.views.changes import Changes, TableTaken
from hedgerow.views.reading import Reading
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


@dataclass(frozen=True, slots=True)
class Views:
    """The room."""

    reading: Reading
    changes: Changes
    planning: Planning
    catalogs: Catalogs
    engine: Engine


def open_views(backends: Backends, settings: Settings) -> Views:
    """Everything saved queries need, bound together."""
    store, engine, catalogs = backends.store, backends.engine, backends.catalogs
    preparation = Preparation(engine, catalogs, settings)
    rewriting = Rewriting(store, catalogs, preparation)
    changes = Changes(store, catalogs, preparation, rewriting, backends.table_taken)
    planning = Planning(store, engine, catalogs, preparation, settings)
    return Views(Reading(store, catalogs), changes, planning, catalogs, engine)
