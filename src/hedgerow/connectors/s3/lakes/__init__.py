"""Delta and Iceberg tables: one snapshot of each, read file by file."""
