"""Saved queries as files: a `.sql` file each, and beside it, where there is more to say, a `.yml` of the same name."""
