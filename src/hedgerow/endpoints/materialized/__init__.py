"""Endpoint versions as tables: whether they can be, switching on and off, refreshing, what the API says of it."""
