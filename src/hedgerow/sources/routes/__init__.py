"""The routes of sources and of their schemas."""
