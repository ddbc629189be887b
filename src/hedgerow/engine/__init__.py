"""The query engine: one protocol, an embedded ClickHouse and a ClickHouse server or cluster."""
