"""Logs of changes: which sources have one that is read, where, and how far that has come."""
