"""Syncs one schema: read in batches, written aside, published with its cursor in one transaction."""
