"""Sources: remote systems whose tables are synced into the warehouse."""

from hedgerow.sources.opening import Backends, Sources, open_sources

__all__ = ["Backends", "Sources", "open_sources"]
