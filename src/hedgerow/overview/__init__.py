"""The overview: numbers of syncs and of runs of views side by side, as the data warehouse's dashboard asks for them."""

from hedgerow.overview.opening import Overview

__all__ = ["Overview"]
