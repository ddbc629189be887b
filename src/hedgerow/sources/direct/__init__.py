"""Sources that are queried directly: their tables are read at the remote while a query runs."""
