"""The query API: kinds of query, run at once or in the background."""
