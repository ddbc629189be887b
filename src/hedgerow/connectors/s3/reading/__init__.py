"""Files of each format as Arrow batches: what columns they have, and their rows under the types of a table."""
