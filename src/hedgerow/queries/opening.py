"""Opens the query API: its kinds, their handlers, and the background."""

from collections.abc import Iterable
from dataclasses import dataclass

from hedgerow.cache import Cache
from hedgerow.engine.base import Engine
from hedgerow.kit.settings import Settings
from hedgerow.queries.background import Background
from hedgerow.queries.inspecting import DatabaseSchemaQuery, HogQLMetadata, Inspector
from hedgerow.queries.kinds import HOGQL, Kind, Kinds
from hedgerow.queries.live import Connections
from hedgerow.queries.routes import QueryDesk
from hedgerow.queries.running import Handler, Runners, SqlRunner
from hedgerow.queries.statuses import Statuses
from hedgerow.store import Store
from hedgerow.warehouse import Catalogs
from hedgerow.web.limits.slots import Slots


@dataclass(frozen=True, slots=True)
class Backends:
    """What queries are made with."""

    store: Store
    catalogs: Catalogs
    engine: Engine
    cache: Cache
    slots: Slots


def open_queries(
    backends: Backends, settings: Settings, more: Iterable[tuple[Kind, Handler]] = ()
) -> tuple[QueryDesk, Background]:
    """The desk that the routes use, and the background that has to be closed. `more`: other rooms' kinds."""
    connections = Connections(backends.engine, backends.cache)
    sql = SqlRunner(backends.store, backends.catalogs, backends.engine, connections, settings)
    inspector = Inspector(backends.catalogs, connections, settings)
    handled: list[tuple[Kind, Handler]] = [
        (HOGQL, sql.answer),
        (Kind("HogQLMetadata", HogQLMetadata), inspector.metadata),
        (Kind("DatabaseSchemaQuery", DatabaseSchemaQuery), inspector.schema),
        *more,
    ]
    kinds = Kinds(kind for kind, _ in handled)
    runners = Runners({kind.name: handler for kind, handler in handled})
    background = Background(runners, Statuses(backends.cache), backends.engine, connections)
    return QueryDesk(kinds, runners, background, backends.slots, settings, connections), background
