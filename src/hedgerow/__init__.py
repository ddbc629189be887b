"""Hedgerow: the PostHog data API in one Python process."""

__version__ = "0.1.0"
