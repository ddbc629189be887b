"""Definitions as files: a project's objects read from a server, written as YAML, compared, and pushed."""
