"""Fixtures for the query engines."""
