"""Fixtures for the whole application in this process."""
