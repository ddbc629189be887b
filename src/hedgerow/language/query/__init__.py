"""HogQL to ClickHouse: a catalog and a tree go in, guarded text and bound parameters come out."""
