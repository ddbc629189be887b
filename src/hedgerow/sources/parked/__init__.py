"""Credentials that wait for their source: kept encrypted for a day, and used once."""
