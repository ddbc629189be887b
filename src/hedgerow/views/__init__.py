"""Saved queries: views that every query can read as tables, their lineage, and the joins saved beside them."""

from hedgerow.views.memory import ViewMemory
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.opening import Backends, Views, open_views
from hedgerow.views.shelf import taken

__all__ = ["Backends", "Neighbours", "ViewMemory", "Views", "open_views", "taken"]
