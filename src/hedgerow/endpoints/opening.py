"""Puts the room together from what is open."""

from dataclasses import dataclass

from hedgerow.accounts.signing import SigningKeys
from hedgerow.endpoints.changes import Changes
from hedgerow.endpoints.preparing import Preparation
from hedgerow.endpoints.reading import Reading
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.endpoints.run.plans import Plans
from hedgerow.endpoints.run.running import Runs
from hedgerow.endpoints.run.usage import Usage
from hedgerow.endpoints.tokens import Tokens
from hedgerow.engine.base import Engine
from hedgerow.kit.settings import Settings
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


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The room: `close` after the last request."""

    reading: Reading
    changes: Changes
    runs: Runs
    usage: Usage
    tokens: Tokens

    async def close(self) -> None:
        """Write what is only in memory yet."""
        await self.usage.close()


def open_endpoints(backends: Backends, settings: Settings) -> Endpoints:
    """Everything endpoints need, bound together."""
    store = backends.store
    usage = Usage(store)
    definitions = Definitions(store, backends.variables)
    preparation = Preparation(store, backends.engine, backends.kinds, backends.catalogs, backends.variables, settings)
    plans = Plans(settings.query_max_rows)
    runs = Runs(definitions, plans, backends.catalogs, backends.engine, usage, backends.slots, settings)
    tokens = Tokens(store, definitions, backends.signing, settings.token_max_seconds)
    changes = Changes(store, preparation, definitions)
    return Endpoints(Reading(store, preparation, usage), changes, runs, usage, tokens)
