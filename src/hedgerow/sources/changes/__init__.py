"""Follows a source's log: gathers changes, applies them to tables, and publishes rows and position together."""
