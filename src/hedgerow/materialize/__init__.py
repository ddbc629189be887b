"""Tables made from queries: built aside, published in the caller's transaction, cleaned up after any crash."""

from hedgerow.materialize.tables import BuildLost, Built, Tables

__all__ = ["BuildLost", "Built", "Tables"]
