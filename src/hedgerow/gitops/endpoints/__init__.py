"""Endpoints as files: one YAML file each, with its query, variables, settings, aliases and tests."""
