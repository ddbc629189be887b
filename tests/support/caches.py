"""Fixtures for the caches."""
