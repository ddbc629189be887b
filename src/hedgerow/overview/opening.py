"""What the overview stands on."""

from dataclasses import dataclass

from hedgerow.accounts import Accounts
from hedgerow.jobs import Jobs
from hedgerow.queries.routes import QueryDesk
from hedgerow.store import Store
from hedgerow.warehouse import Catalogs


@dataclass(frozen=True, slots=True)
class Overview:
    """The room; it keeps nothing of its own."""

    store: Store
    accounts: Accounts
    jobs: Jobs
    catalogs: Catalogs
    queries: QueryDesk
