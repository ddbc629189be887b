"""Fixtures for the metadata stores."""
