"""PostgreSQL's log of changes: logical replication by the server's own `pgoutput`."""
