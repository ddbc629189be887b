"""The metadata store: sessions, migrations, revisions and secrets, on SQLite or PostgreSQL."""

from hedgerow.store.secrets import Secrets, open_secrets
from hedgerow.store.sessions import Store

__all__ = ["Secrets", "Store", "open_secrets"]
