"""The metadata store: sessions, migrations, revisions and secrets, on SQLite or PostgreSQL."""
