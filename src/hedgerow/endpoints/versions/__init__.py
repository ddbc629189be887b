"""Versions beside each other: names that mean one of them, and what differs between two."""
