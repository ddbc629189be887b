"""Alembic asks for this file; `store.upgrading` runs the migrations itself."""
