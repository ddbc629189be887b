"""Limits: rates of requests, refused credentials, and how much runs at once."""
