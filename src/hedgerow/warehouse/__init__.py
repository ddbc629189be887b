"""The warehouse: what tables exist and what backs each of them."""

from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.opening import Backends, Warehouse, open_warehouse

__all__ = ["Backends", "Catalogs", "Warehouse", "open_warehouse"]
