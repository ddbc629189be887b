"""Puts the room together from what is open."""

import asyncio
from dataclasses import dataclass

from hedgerow.accounts.signing import SigningKeys
from hedgerow.cache import Cache
from hedgerow.endpoints.changes import Changes
from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.journal.routes import Logs
from hedgerow.endpoints.journal.shelf import Log
from hedgerow.endpoints.journal.sweeping import Sweeper
from hedgerow.endpoints.materialized import hibernating
from hedgerow.endpoints.materialized.growing import Growing
from hedgerow.endpoints.materialized.hibernating import Hibernation
from hedgerow.endpoints.materialized.planning import Obstacle, Planner
from hedgerow.endpoints.materialized.refreshing import POLICY, Refresh
from hedgerow.endpoints.materialized.switching import KIND, Switch
from hedgerow.endpoints.materialized.wishes import Materializing
from hedgerow.endpoints.preparing import Preparation
from hedgerow.endpoints.reading import Reading
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run.cached.keys import Keys
from hedgerow.endpoints.run.cached.results import Results
from hedgerow.endpoints.run.formats.exporting import Exports
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.endpoints.run.paths import Paths
from hedgerow.endpoints.run.plans import Plans
from hedgerow.endpoints.run.running import Runs
from hedgerow.endpoints.run.serving import Serving
from hedgerow.endpoints.run.usage import Usage
from hedgerow.endpoints.tokens import Tokens
from hedgerow.endpoints.versions.aliases import Aliases
from hedgerow.endpoints.versions.comparing import Backend, Diffs
from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom, Policy
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.settings import Settings
from hedgerow.materialize import Tables
from hedgerow.queries.kinds import Kinds
from hedgerow.store import Store
from hedgerow.variables import Variables
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.web.limits.slots import Slots


@dataclass(frozen=True, slots=True)
class Backends:
    """What the room stands on."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    variables: Variables
    kinds: Kinds
    signing: SigningKeys
    slots: Slots
    jobs: JobRoom
    tables: Tables
    cache: Cache


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The room: `close` after the last request."""

    reading: Reading
    changes: Changes
    runs: Runs
    usage: Usage
    tokens: Tokens
    planner: Planner
    aliases: Aliases
    diffs: Diffs
    logs: Logs
    sweeper: Sweeper
    exports: Exports
    hibernation: Hibernation

    async def start(self) -> None:
        """Begin what goes on in the background."""
        await asyncio.to_thread(self.hibernation.plan)
        self.sweeper.start()

    async def obstacle(self, endpoint: Endpoint) -> str | None:
        """Why the shown version cannot be made into tables, if it cannot and is none."""
        if endpoint.version.materialization is not None:
            return None
        name = f"{endpoint.name}_v{endpoint.version.number}"
        try:
            await self.planner.plan(endpoint.project_id, name, endpoint.version.query, {})
        except Obstacle as obstacle:
            return obstacle.reason
        except HedgerowError as error:
            return error.detail
        return None

    async def close(self) -> None:
        """End what nobody waits for, write what is only in memory yet."""
        await self.exports.close()
        await self.runs.serving.close()
        await self.usage.close()
        await self.sweeper.close()
        await self.logs.recorder.close()


def open_endpoints(backends: Backends, settings: Settings) -> Endpoints:
    """Everything endpoints need, bound together."""
    store = backends.store
    switch = Switch(backends.jobs, backends.tables)
    usage = Usage(store, switch.wake)
    definitions = Definitions(store, backends.variables)
    preparation = Preparation(store, backends.engine, backends.kinds, backends.catalogs, backends.variables, settings)
    plans = Plans(settings.query_max_rows)
    serving = Serving(Paths(plans), Keys(plans), Results(backends.cache), backends.engine, backends.slots, settings)
    sweeper = Sweeper(store, settings.run_log_days, settings.run_log_rows, settings.run_usage_days)
    recorder = Recorder(Log(store), hear=sweeper.hear)
    runs = Runs(definitions, backends.catalogs, serving, usage, recorder, backends.kinds)
    tokens = Tokens(store, definitions, backends.signing, settings.token_max_seconds)
    planner = Planner(store, backends.engine, backends.catalogs, backends.variables, settings)
    hibernation = Hibernation(store, switch, backends.jobs, settings.hibernate_days)
    backends.jobs.kinds.register(hibernating.KIND, hibernation, Policy(tries=3))
    backends.jobs.kinds.register(
        KIND, Refresh(store, planner, backends.tables, Growing(backends.engine, backends.tables)), POLICY
    )
    changes = Changes(store, preparation, definitions, Materializing(planner, switch))
    reading = Reading(store, preparation, usage)
    running = Backend(definitions, backends.catalogs, backends.engine, backends.slots, settings, backends.kinds)
    diffs = Diffs(reading, running)
    aliases, logs, exports = Aliases(store, definitions), Logs(store, recorder), Exports(runs)
    seen = (logs, sweeper, exports, hibernation)
    return Endpoints(reading, changes, runs, usage, tokens, planner, aliases, diffs, *seen)
