"""ClickHouse servers and clusters, over HTTP."""

from hedgerow.connectors.clickhouse.connector import ClickHouseConnector

__all__ = ["ClickHouseConnector"]
