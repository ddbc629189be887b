"""PostgreSQL, and whatever speaks its protocol and its catalog."""

from hedgerow.connectors.postgres.connector import PostgresConnector

__all__ = ["PostgresConnector"]
