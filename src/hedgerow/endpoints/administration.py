"""What the command line does with endpoints, straight on the metadata store, whether a server runs or not."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.accounts.tokens import GrantClaim
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.endpoints.tokens import GrantBody, Grants
from hedgerow.store import Store
from hedgerow.variables import Variables


def grant(
    store: Store, project: int, name: str, values: Mapping[str, Any], versions: Sequence[int] | None
) -> GrantClaim:
    """What a token allows on an endpoint that is there; raises `NotFound` and `InvalidInput`."""
    said = GrantBody(variables=dict(values), versions=list(versions) if versions else None)
    return asyncio.run(Grants(Definitions(store, Variables())).checked(project, name, said))
