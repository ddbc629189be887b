"""Alembic asks for this file; `store.migrating` runs the migrations itself."""
