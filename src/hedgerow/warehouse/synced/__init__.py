"""Tables that sources keep: rows of the warehouse whose data and columns another room publishes."""

from hedgerow.warehouse.synced.tables import Synced, SyncedTables

__all__ = ["Synced", "SyncedTables"]
