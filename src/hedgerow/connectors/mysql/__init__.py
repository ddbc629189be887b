"""MySQL and MariaDB, and what speaks their protocol."""

from hedgerow.connectors.mysql.connector import MySqlConnector

__all__ = ["MySqlConnector"]
