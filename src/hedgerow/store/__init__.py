"""The metadata store: sessions, migrations, revisions and secrets, on SQLite or PostgreSQL."""

from hedgerow.store.secrets import Secrets, open_secrets
from hedgerow.store.sessions import Store, StoreFull

__all__ = ["Secrets", "Store", "StoreFull", "open_secrets"]
